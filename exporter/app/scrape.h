// One scrape: ask every cluster at once, then render.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "exporter/app/runtime.h"

namespace warden::app {

// The page of /metrics. `timeout_header` is Prometheus' X-Prometheus-Scrape-Timeout-Seconds.
// Returns within the budget that follows from it, whatever the clusters do.
std::string Scrape(Runtime& runtime, std::optional<std::string_view> timeout_header);

}  // namespace warden::app
