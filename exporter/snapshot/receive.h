// One member's snapshot: streamed into a file, every byte accounted for, and proven up to level 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/etcd/cluster.h"
#include "exporter/metrics/instruments.h"
#include "exporter/snapshot/attest.h"
#include "exporter/snapshot/source.h"
#include "exporter/snapshot/stream_check.h"
#include "exporter/snapshot/verify.h"

namespace warden::snapshot {

struct Taken {
  Source source;
  StreamSummary stream;
  std::string storage_version;  // 3.6+, else empty
  WallTime started{};
  Nanoseconds duration{};  // of the stream
  Nanoseconds verify_duration{};
  Verification verification;  // level 2, or it would not have been taken
  Attestation attestation;    // of Take; Receive leaves it unattested
  // What whoever restores this one day has to know: the best member there was had a flaw.
  std::vector<std::string> notes;

  Level level() const {
    return attestation.verdict == Verdict::kAttested ? Level::kAttested : verification.level();
  }
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
  std::optional<std::uint64_t> cluster_id;      // refuse every other cluster
  std::optional<std::int64_t> newest_revision;  // of the newest backup; no member should be behind
  config::AttestPolicy attest = config::AttestPolicy::kFollowers;
  etcd::Cluster* voters = nullptr;  // through which they are asked; nullptr: `cluster`
  mvcc::Progress progress;          // of the stream; may be empty
};

// The time that streaming a database of this size may take: a start, and a floor under the rate.
Nanoseconds StreamTimeLimit(std::uint64_t database_bytes);

// Streams the member's database into the new file `path` (mode 0600), which is verified, synced and
// closed on success and does not exist after a failure. The stage of a failure is kConnect as long
// as nothing has arrived, kAuth if our user was refused, kVerify for bytes that are not what they
// should be.
TakeOutcome Receive(const Tools& tools, const Source& source, const Files::Path& path,
                    const Deadline& deadline);

}  // namespace warden::snapshot
