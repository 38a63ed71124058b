// One entry of etcd's bucket `key`: what a user's key became at one revision.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/base/result.h"

namespace warden::mvcc {

// A transaction has one main revision, each change in it a sub revision from 0 on.
struct Revision {
  std::int64_t main = 0;
  std::int64_t sub = 0;
  friend auto operator<=>(const Revision&, const Revision&) = default;
};

struct Record {
  Revision revision;
  bool is_tombstone = false;  // the key was deleted; the fields below `key` have no meaning then
  std::string_view key;
  std::string_view value;
  std::int64_t create_revision = 0;
  std::int64_t version = 0;  // 1 for the put that creates the key, one more for each later one
  std::int64_t lease = 0;
};

// 17 bytes: main, '_', sub, big-endian. No record has main 0; a compaction may stand there.
Result<Revision> ParseRevision(std::string_view bytes);

// Takes an entry apart and checks it against what etcd writes: a key of 17 bytes, or 18 for a
// tombstone, an mvccpb.KeyValue of known fields, its mod_revision that of the key, create_revision
// not behind it, and no more versions than there were revisions since. `snapshot restore
// --bump-revision` leaves one record without any field; it passes. kDataLoss says what is wrong;
// `record` refers to the given bytes.
Status ParseRecord(std::string_view key, std::string_view value, Record& record);

// The key for people: as it is if it is valid UTF-8 without control characters, else in quotes with
// what is not printable ASCII as \xNN. Unambiguous, and safe to show on a terminal.
std::string PrintableKey(std::string_view key);

}  // namespace warden::mvcc
