#include "exporter/restore/bump.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "exporter/base/text.h"

namespace warden::restore {
namespace {

// Beyond it a rate is no rate but two looks at once.
constexpr double kShortestSeconds = 10;
// More than any cluster writes in a second; a clock that was set may pretend otherwise.
constexpr double kRateMax = 100'000;
constexpr double kLookAhead = 3600;
// A point that is no older was taken by somebody who still watches.
constexpr double kWatched = 300;

// What kBumpUnknown reckons with; for a time that nobody watched, whatever was seen before.
constexpr double kUsualRate = 1'500;

// The fastest between two neighbours in time, in revisions a second.
double FastestRate(const std::vector<RevisionPoint>& points) {
  double fastest = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double seconds = ToSeconds(points[i].at - points[i - 1].at);
    if (seconds < kShortestSeconds) continue;
    fastest = std::max(fastest,
                       static_cast<double>(points[i].revision - points[i - 1].revision) / seconds);
  }
  return std::min(fastest, kRateMax);
}

}  // namespace

BumpProposal ProposeBump(std::int64_t snapshot_revision, std::vector<RevisionPoint> points,
                         WallTime now) {
  std::ranges::sort(points, {}, &RevisionPoint::at);
  // The latest look at the highest revision.
  const auto highest = std::ranges::max_element(
      points, {}, [](const RevisionPoint& point) { return std::pair(point.revision, point.at); });
  if (highest == points.end() || highest->revision < snapshot_revision) {
    return {.by = kBumpUnknown,
            .reason =
                "nothing is known of the revisions after the snapshot, so a billion, as "
                "etcd's recovery guide advises"};
  }
  // A cluster that nobody has watched for a while may have been busier than it ever was.
  const double since = std::max(0.0, ToSeconds(now - highest->at));
  const double rate = FastestRate(points);
  const double ahead_at_rate = rate * (since + kLookAhead);
  const double ahead_at_usual = since > kWatched ? kUsualRate * since : 0;
  // At most a billion on top: it is what is added when nothing is known.
  const double ahead = std::min(std::ceil(std::max(ahead_at_rate, ahead_at_usual)),
                                static_cast<double>(kBumpUnknown));
  const std::int64_t seen_since = highest->revision - snapshot_revision;
  return {.by = seen_since + static_cast<std::int64_t>(ahead) + kBumpMargin,
          .reason = "the cluster was seen at revision " + std::to_string(highest->revision) +
                    " at " + FormatTime(highest->at) + ", " + std::to_string(seen_since) +
                    " after the snapshot; and what it may have written since then, and a million"};
}

}  // namespace warden::restore
