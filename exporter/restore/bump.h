// By how much to raise a restored cluster's revision, so that nobody who kept one from before ever
// sees it again with another meaning: clients that cache by revision, Kubernetes before all, would
// take old objects for new ones and miss events. Pure.
//
// The cluster went on after the snapshot, and may have gone on after it was last seen. So: up to
// the highest revision that was ever seen, what was written since then at the fastest rate that the
// points show (or at 1,500 a second, if that is longer ago than some minutes), and a margin. Where
// nothing is known, what etcd's own recovery guide gives: a billion, a week at 1,500 writes a
// second. https://etcd.io/docs/v3.6/op-guide/recovery/#restoring-with-revision-bump
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/base/clock.h"

namespace warden::restore {

// At that time, the cluster was seen at that revision.
struct RevisionPoint {
  WallTime at{};
  std::int64_t revision = 0;
  friend bool operator==(const RevisionPoint&, const RevisionPoint&) = default;
};

struct BumpProposal {
  std::int64_t by = 0;
  std::string reason;  // one line
};

inline constexpr std::int64_t kBumpUnknown = 1'000'000'000;
inline constexpr std::int64_t kBumpMargin = 1'000'000;

// `points` are of the same cluster, in any order; those below the snapshot's revision tell the rate
// and nothing else.
BumpProposal ProposeBump(std::int64_t snapshot_revision, std::vector<RevisionPoint> points,
                         WallTime now);

}  // namespace warden::restore
