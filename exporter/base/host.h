// Which process on which machine this is.
#pragma once

#include <string>

namespace warden {

// "host:pid", for others that share something with this process.
std::string ProcessName();

}  // namespace warden
