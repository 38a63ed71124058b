// One snapshot: choose the member, stream it into a file, prove that every byte arrived.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/etcd/cluster.h"
#include "exporter/metrics/instruments.h"
#include "exporter/snapshot/source.h"
#include "exporter/snapshot/stream_check.h"

namespace warden::snapshot {

struct Taken {
  Source source;
  StreamSummary stream;
  std::string storage_version;  // 3.6+, else empty
  WallTime started{};
  Nanoseconds duration{};
};

struct TakeError {
  metrics::FailureStage stage = metrics::FailureStage::kConnect;
  Status status;
};

// Either `taken` or `error`.
struct TakeOutcome {
  std::optional<Taken> taken;
  TakeError error;
};

// A stream that brings nothing for this long is given up.
inline constexpr Milliseconds kIdleTimeout{30'000};

// What a snapshot needs; all outlive the call.
struct Tools {
  etcd::Cluster& cluster;
  Files& files;
  const Clock& clock;
  Logger& log;
  Milliseconds idle_timeout = kIdleTimeout;
  std::optional<std::uint64_t> cluster_id;  // refuse every other cluster
};

// The time that streaming a database of this size may take: a start, and a floor under the rate.
Nanoseconds StreamTimeLimit(std::uint64_t database_bytes);

// Observes the cluster and streams the best member's database into the new file `path` (mode 0600),
// which is synced and closed on success and does not exist after a failure. A member whose stream
// fails, or takes longer than StreamTimeLimit, is left for the next best, up to three; a failure to
// write, a refusal of our credentials and the deadline end it at once. The caller renames the file
// and syncs its directory.
TakeOutcome Take(const Tools& tools, const Files::Path& path, const Deadline& deadline);

}  // namespace warden::snapshot
