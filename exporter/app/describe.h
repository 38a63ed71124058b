// One observation as text for people: what /probe?...&debug=true shows.
#pragma once

#include <string>

#include "exporter/collector/subject.h"

namespace warden::app {

// What was asked, what was answered, and how long each call took, endpoint by endpoint. Pure; holds
// no secret.
std::string DescribeObservation(const collector::Subject& subject);

}  // namespace warden::app
