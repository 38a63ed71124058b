// What retention has to decide, said a second time and otherwise: by what has to be true of one
// backup among the others, without walking them in order, and with the C library's calendar.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/retention/history.h"

namespace warden::retention {

// By id: why it stays, each reason as people are told it; without a reason it goes.
std::map<std::string, std::vector<std::string>> ReasonsToKeep(const History& history);

}  // namespace warden::retention
