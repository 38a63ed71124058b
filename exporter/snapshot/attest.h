// Level 3: does the snapshot equal what the voters of the live cluster hold?
//
// The KV hash is computed from the file for its own revision, and each voter is asked for its own
// (HashKV). A voter that has compacted further in the meantime answers for that compaction, which
// the file can compute as well. A member's writes wait while it computes, so one is asked at a
// time, the leader last, and only if the policy says so or a follower holds other data.
//
// The hash covers every key's newest value, and the history since the compaction. It leaves out, as
// etcd's own does, values of before the compaction that were replaced since, and all buckets but
// `key`: for leases, users and alarms there is only the member's own word.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/config/attest_policy.h"
#include "exporter/etcd/cluster.h"
#include "exporter/mvcc/key_space.h"

namespace warden::snapshot {

enum class Verdict {
  kAttested,    // a quorum of the voters holds the same data, as far as the hash reaches
  kMismatch,    // so many voters hold other data that no quorum can hold the snapshot's
  kUnattested,  // it could not be told; `reason` says why
};
std::string_view VerdictName(Verdict verdict);  // "attested", "mismatch", "unattested"

struct Attestation {
  Verdict verdict = Verdict::kUnattested;
  int agreed = 0;                      // voters whose hash equals the file's
  int voters = 0;                      // of the cluster, asked or not
  std::vector<std::string> differing;  // voters whose hash is another one
  std::string reason;                  // one line; empty if all that were to be asked agreed
};

// "attested (2 of 3)", "mismatch: other data on etcd-2 (…)", "unattested: …".
std::string Describe(const Attestation& attestation);

// A member that computes for longer is left out, as is one that has not caught up with the
// snapshot's revision for as long.
inline constexpr Seconds kAttestTimeout{60};
inline constexpr Seconds kCatchUpTimeout{5};

// What an attestation needs; all outlive the call.
struct AttestTools {
  etcd::Cluster& cluster;
  const Clock& clock;
  config::AttestPolicy policy = config::AttestPolicy::kFollowers;
  std::uint64_t cluster_id = 0;  // of the snapshot: voters of another cluster are not asked
};

// Asks the voters for their hash at `revision`, the snapshot's. Blocks until the deadline at most,
// but for the time that it takes to read the file once or twice.
Attestation Attest(const AttestTools& tools, const mvcc::KeySpace& keys, std::int64_t revision,
                   const Deadline& deadline);

}  // namespace warden::snapshot
