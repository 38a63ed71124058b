// The proof that a database file is whole and makes sense: levels 1 and 2 of the verification, in
// one walk. Nothing is written, no number in the file is trusted, and memory does not grow with the
// file.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/bbolt/database.h"
#include "exporter/bbolt/findings.h"
#include "exporter/mvcc/census.h"
#include "exporter/mvcc/contents.h"

namespace warden::mvcc {

// How far a long reading has come; called from several threads at once.
using Progress = std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

struct InspectOptions {
  int threads = 2;
  std::stop_token stop;
  Progress progress;  // may be empty
};

struct FindingList {
  std::vector<bbolt::Finding> kept;  // the first bbolt::Findings::kKept
  std::size_t count = 0;
};

struct Inspection {
  bbolt::Meta meta;
  std::uint64_t used_bytes = 0;  // of the pages that were ever used, free ones included
  std::uint64_t tree_bytes = 0;  // of the leaves' content, about what a defragmentation leaves
  // Level 1: what `bbolt check` rejects, and whatever else bbolt never writes.
  FindingList structure;
  // Level 2: what etcd never writes.
  FindingList meaning;
  // Worth knowing, and no error.
  FindingList warnings;
  // As far as it could be read.
  Contents contents;
  Census census{Compaction{}};

  // The revision at which an etcd that starts on the file goes on: that of the last record, or of
  // the compaction where the records up to there are gone; 1 in a new cluster.
  std::int64_t revision() const;
};

// Fails if the file is no database, if nothing in it can be read (both meta pages are damaged, it
// is cut short), or if it was stopped; any other damage is a finding. The database is the first
// `size_bytes` bytes of `file`.
Result<Inspection> Inspect(const ReadableFile& file, std::uint64_t size_bytes,
                           const InspectOptions& options);

}  // namespace warden::mvcc
