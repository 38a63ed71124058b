// The highest revision that each cluster was ever seen at, in a file of the catalogue that survives
// restarts: a restore raises revisions above it, so that none comes a second time.
//
//   revisions.json   {"clusters": {"cdf818194e3a8c32": {"revision": 8841207, "at": "..."}}}
//
// By cluster id, since a restored cluster has another one and counts for itself.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"

namespace warden::backup {

inline constexpr std::string_view kRevisionsName = "revisions.json";

struct RevisionMark {
  std::uint64_t cluster_id = 0;
  std::int64_t revision = 0;
  WallTime at{};  // when it was seen
  friend bool operator==(const RevisionMark&, const RevisionMark&) = default;
};

// Of every cluster that was seen. kDataLoss: the file cannot be read.
Result<std::vector<RevisionMark>> LoadRevisionMarks(Files& files, const Files::Path& directory);

// Writes the mark unless a higher one stands there. A file that cannot be read is replaced. Of
// clusters, the kRevisionMarks seen last are kept. One process at a time.
Status SaveRevisionMark(Files& files, const Files::Path& directory, const RevisionMark& mark);

inline constexpr std::size_t kRevisionMarks = 20;

}  // namespace warden::backup
