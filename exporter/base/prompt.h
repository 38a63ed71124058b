// Somebody at the keyboard who can be asked. For the one thread that reads standard input.
#pragma once

#include <stop_token>
#include <string>

#include "exporter/base/result.h"

namespace warden {

// Whether standard input is a terminal.
bool InputIsTerminal();

// The next line of standard input, without its end. kCancelled at a stop, kUnavailable where the
// input has ended. A line of more than 1000 bytes is kInvalidArgument.
Result<std::string> ReadInputLine(const std::stop_token& stop);

}  // namespace warden
