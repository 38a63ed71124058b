// What the program answers over HTTP.
#pragma once

#include <vector>

#include "exporter/app/host.h"
#include "exporter/app/public_address.h"
#include "exporter/http/server.h"

namespace warden::app {

struct RouteOptions {
  // Its prefix goes before every path; "/" then leads to its external path.
  PublicAddress address;
  // /-/healthy and /-/ready need no user.
  bool health_without_auth = false;
};

// The routes of the process, which outlives them. Each request works with the runtime that is
// current when it begins.
std::vector<http::Route> MakeRoutes(Host& host, const RouteOptions& options);

// Counts what was answered, by paths without the prefix.
http::Observer MakeObserver(metrics::Instruments& instruments, const RouteOptions& options);

}  // namespace warden::app
