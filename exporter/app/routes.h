// What the program answers over HTTP.
#pragma once

#include <vector>

#include "exporter/app/runtime.h"
#include "exporter/http/server.h"

namespace warden::app {

// The routes of one runtime, which outlives them.
std::vector<http::Route> MakeRoutes(Runtime& runtime);

}  // namespace warden::app
