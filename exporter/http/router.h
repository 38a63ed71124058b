// Which route answers a method and a path. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "exporter/http/server.h"

namespace warden::http {

struct Choice {
  const Route* route = nullptr;  // nullptr: nothing answers
  std::string allow;  // the methods that the path does answer ("GET, HEAD"); empty: unknown path
  std::string_view label = "other";  // the path of the routes, for metrics
};

// An exact path goes before a prefix, a longer prefix before a shorter one. GET also answers HEAD.
// The choice points into `routes`.
Choice ChooseRoute(std::span<const Route> routes, std::string_view method, std::string_view path);

}  // namespace warden::http
