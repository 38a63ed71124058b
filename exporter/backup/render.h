// The backup families of one cluster's part of the page, from what is on disk now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/jobs.h"
#include "exporter/metrics/page.h"

namespace warden::backup {

struct Subject {
  std::string cluster;             // the configured name
  std::optional<Listing> listing;  // nullopt: the directory could not be read
  std::vector<Job> jobs;
  std::optional<Seconds> objective;
  std::optional<std::uint64_t> free_bytes;
  std::optional<WallTime> next_run;  // nullopt: there is no schedule
  WallTime now{};
};

// A run that was skipped since nothing had changed proves that the newest backup is still as good
// as new: its time counts as that of a backup.
//
// Pure. What is not known is absent; what never happened is 0, but for the age, which is absent
// then.
void Render(metrics::Page& page, const Subject& subject);

// The revisions that are not in a backup of `saved_revision`. Pure.
void RenderAtRisk(metrics::Page& page, const std::string& cluster, std::int64_t saved_revision,
                  std::int64_t live_revision);

}  // namespace warden::backup
