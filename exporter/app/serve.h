// The daemon's life: start everything or say what cannot be, run until told to stop, end in order.
#pragma once

#include <string>
#include <vector>

#include "exporter/app/runtime.h"

namespace warden::app {

struct ServeOptions {
  std::vector<std::string> listen_addresses;
};

// Returns success after SIGINT or SIGTERM; a second one ends the process at once. Fails, before
// anything is served, if an address cannot be bound or a directory cannot be used. Call it before
// any thread is started: it blocks the signals that it waits for.
Status Serve(config::ValidConfig config, const ServeOptions& options, const Env& env);

}  // namespace warden::app
