// Asks the members of a restored cluster for what check.h compares. Nothing is changed but that one
// raft entry is spent on the question whether users are asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/restore/check.h"

namespace warden::restore {

// All outlive the calls.
struct CheckTools {
  etcd::Cluster& cluster;
  etcd::Reads& reads;
  const Clock& clock;
  // For each call. A hash takes seconds for every 10 GB, during which the member takes no writes.
  Milliseconds call_timeout = Seconds(60);
  // What a member that has compacted up to there answers, if it has all the snapshot had: see
  // check_hash.h.
  std::function<Result<std::uint32_t>(std::int64_t compact_revision)> wanted_hash;
};

// One look, through the endpoints and whatever members they name. Members are asked one after
// another. `stop` cuts it short.
ClusterAnswers Gather(const CheckTools& tools, const ExpectedCluster& expected,
                      const std::stop_token& stop);

struct CheckWait {
  Deadline until;  // no look begins after it; the first one is taken whatever it says
  Milliseconds pause = Seconds(2);
  // Told of every look, on the calling thread; may be empty.
  std::function<void(const ClusterReport&)> on_look;
};

// Looks until all is well or something is wrong that will stay so; the last look's report.
ClusterReport CheckCluster(const CheckTools& tools, const ExpectedCluster& expected,
                           const CheckWait& wait);

}  // namespace warden::restore
