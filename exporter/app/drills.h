// The HTTP API of drills: how the rehearsed restores went.
#pragma once

#include <string_view>

#include "exporter/app/runtime.h"
#include "exporter/http/server.h"

namespace warden::app {

inline constexpr std::string_view kDrillsPath = "/api/v1/drills";

// GET: the receipts of every cluster, or of `cluster=NAME`, whichever process wrote them, newest
// first. 404 for an unknown cluster.
http::Response ListDrills(Runtime& runtime, const http::Request& request);

}  // namespace warden::app
