// Whether a new database is the snapshot's and its edits, and nothing else: told by digests of each
// bucket, so that neither has to be held in memory.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "exporter/base/result.h"
#include "exporter/bbolt/database.h"
#include "exporter/restore/buckets.h"

namespace warden::restore {

// Of the entries of one bucket, in order.
struct EntryDigest {
  std::uint64_t entries = 0;
  std::uint32_t crc = 0;  // CRC-32C over keys and values, each with its length before it
  friend bool operator==(const EntryDigest&, const EntryDigest&) = default;
};
using EntryDigests = std::map<std::string, EntryDigest, std::less<>>;  // by bucket

// What a snapshot hands on to the new cluster: the entries that `edits` keep.
struct KeptOfSnapshot {
  EntryDigests kept;
  std::int64_t last_revision = 0;  // of its records; 0: none
};
// Fails as ForEachEntry does.
Result<KeptOfSnapshot> ReadSnapshot(const bbolt::Database& snapshot, const BucketEdits& edits,
                                    const std::stop_token& stop);

// What a new database has: the puts of `edits`, and whatever else.
struct KeptOfRestored {
  EntryDigests kept;                      // all entries but the puts
  std::vector<std::string> put_problems;  // one line for each put that is not there as planned
};
Result<KeptOfRestored> ReadRestored(const bbolt::Database& restored, const BucketEdits& edits,
                                    const std::stop_token& stop);

// One line for each bucket whose entries are not the snapshot's. A bucket that was created for a
// put has none.
std::vector<std::string> Compare(const EntryDigests& snapshot, const EntryDigests& restored,
                                 const BucketEdits& edits);

}  // namespace warden::restore
