// The two hashes that etcd and its tools compute of a database, computed from the file alone.
#pragma once

#include <cstdint>
#include <stop_token>

#include "exporter/base/result.h"
#include "exporter/bbolt/database.h"
#include "exporter/mvcc/key_space.h"

namespace warden::mvcc {

// What `snapshot status` prints: the CRC-32C over the names, keys and values of all buckets, and
// how many entries they have (which is also the total keys that tools up to 3.5 print).
struct StatusHash {
  std::uint32_t hash = 0;
  std::uint64_t entries = 0;
};
Result<StatusHash> HashForStatus(const bbolt::Database& database, const std::stop_token& stop);

// What a member answers to HashKV for `revision` when it has compacted up to `compact_revision`
// (-1: never), as its answer says: the CRC-32C over the records that such a member still has. Any
// compaction not before the file's own and not behind `revision` can be computed; another one is
// kFailedPrecondition, since the file lacks the records, as is a later one if no key is alive.
Result<std::uint32_t> HashKv(const KeySpace& key_space, std::int64_t revision,
                             std::int64_t compact_revision, const std::stop_token& stop);

}  // namespace warden::mvcc
