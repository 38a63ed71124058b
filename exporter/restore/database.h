// The database of a restored member: the entries of a snapshot, edited on their way through, in a
// file without a free page. Read and written page by page, so that memory does not grow with it.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/mvcc/inspect.h"
#include "exporter/restore/buckets.h"

namespace warden::restore {

// A snapshot that was verified; the trailer of the file is not looked at.
struct SnapshotFile {
  const ReadableFile& file;          // outlives whatever is given it
  std::uint64_t database_bytes = 0;  // without the trailer
};

struct WrittenDatabase {
  std::uint64_t size_bytes = 0;
  std::uint32_t page_size = 0;
  std::map<std::string, std::uint64_t> entries;  // by bucket
  // As mvcc::Inspection::revision(): of the snapshot, before any bump.
  std::int64_t snapshot_revision = 0;
};

// Writes into `output`, which is new and empty and is not synced here. Pages are of the snapshot's
// size: bbolt goes by what the file says, whatever the machine's own pages are, and so all members
// of a cluster get the same bytes, wherever each is written.
//
// kDataLoss at the first damage in the snapshot, kCancelled, kInvalidArgument if it is no database,
// or what the output says; whatever the failure, the output is of no use. For one thread.
Result<WrittenDatabase> WriteDatabase(const SnapshotFile& snapshot, const BucketEdits& edits,
                                      WritableFile& output, const std::stop_token& stop,
                                      const mvcc::Progress& progress);

}  // namespace warden::restore
