// The daemon's life: start everything or say what cannot be, run until told to stop, end in order.
#pragma once

#include <filesystem>

#include "exporter/app/common.h"
#include "exporter/app/routes.h"
#include "exporter/http/server.h"

namespace warden::app {

struct ServeOptions {
  http::Options http;
  RouteOptions routes;
};

// Returns success after SIGINT or SIGTERM; a second one ends the process at once. SIGHUP reads the
// configuration again. Fails, before anything is served, if the configuration is bad, an address
// cannot be bound or a directory cannot be used. Call it before any thread is started: it blocks
// the signals that it waits for.
Status Serve(const std::filesystem::path& config_file, const ServeOptions& options, const Env& env);

}  // namespace warden::app
