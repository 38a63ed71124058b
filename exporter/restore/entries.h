// Every entry of a database in its order, page by page: memory does not grow with the file.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include "exporter/base/result.h"
#include "exporter/bbolt/database.h"
#include "exporter/bbolt/tree.h"
#include "exporter/mvcc/inspect.h"

namespace warden::restore {

// What is called for each bucket of the root, and then for each of its entries, which live until it
// returns. A failure ends the reading.
struct EntryVisitor {
  std::function<Status(const bbolt::Bucket& bucket)> bucket;  // may be empty
  std::function<Status(std::string_view bucket, const bbolt::Element& entry)> entry;
};

// kDataLoss at the first damage, even if the visitor has seen entries by then; a bucket inside of a
// bucket counts as such, etcd has none. kCancelled; else the visitor's own failure. `progress` may
// be empty.
Status ForEachEntry(const bbolt::Database& database, const EntryVisitor& visitor,
                    const std::stop_token& stop, const mvcc::Progress& progress);

}  // namespace warden::restore
