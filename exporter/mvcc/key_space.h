// The records of a database in the order of their revisions, as often as somebody wants to see
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/bbolt/database.h"
#include "exporter/bbolt/tree.h"
#include "exporter/mvcc/contents.h"
#include "exporter/mvcc/record.h"

namespace warden::mvcc {

// An entry of the bucket `key`: valid until the visitor returns.
struct Entry {
  std::uint64_t number = 0;  // from 0, in the order of revisions
  Record record;
  std::string_view raw;  // the entry as it stands in the file: its key, and its value behind it
};

// Thread-safe.
class KeySpace {
 public:
  // Reads the small buckets. The database is the first `size_bytes` bytes of `file`, which outlives
  // it. kDataLoss or kInvalidArgument as for Database::Open, or if a bucket is missing or damaged.
  static Result<KeySpace> Open(const ReadableFile& file, std::uint64_t size_bytes);

  const Contents& contents() const { return contents_; }
  const bbolt::Database& database() const { return database_; }

  // Every record in turn, until the visitor returns false. kDataLoss at the first damage, even if
  // the visitor has seen records by then; kCancelled.
  using Visitor = std::function<bool(const Entry& entry)>;
  Status ForEach(const Visitor& visitor, const std::stop_token& stop) const;

 private:
  explicit KeySpace(bbolt::Database database) : database_(database) {}
  Status ReadBuckets();

  bbolt::Database database_;
  bbolt::Bucket keys_;
  Contents contents_;
};

// The first finding as the failure that it is.
Status ToStatus(const bbolt::Findings& findings);

}  // namespace warden::mvcc
