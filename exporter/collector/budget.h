// How long a scrape may take.
#pragma once

#include <optional>
#include <string_view>

#include "exporter/base/clock.h"
#include "exporter/config/config.h"

namespace warden::collector {

// The header by which Prometheus says when it gives up, in seconds; http::Request has names in
// lower case.
inline constexpr std::string_view kTimeoutHeader = "x-prometheus-scrape-timeout-seconds";

// No budget is shorter: below it not even a healthy cluster could answer.
inline constexpr Milliseconds kBudgetMin{100};

// The least of the configured timeout and what the header leaves after the configured offset; of a
// short header the offset takes half at most. A header that is missing or no positive number of
// seconds counts for nothing: the budget is the configured timeout then.
struct Budget {
  Milliseconds time{};
  bool valid_header = true;  // false: there is a header, and it makes no sense
};
Budget ScrapeBudget(std::optional<std::string_view> header, const config::ScrapeConfig& scrape);

}  // namespace warden::collector
