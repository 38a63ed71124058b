// A bbolt database file, opened: its meta page, and its other pages as they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/bbolt/findings.h"
#include "exporter/bbolt/page.h"

namespace warden::bbolt {

struct Meta {
  std::uint32_t page_size = 0;
  PageId root = 0;
  PageId freelist = 0;
  PageId page_count = 0;  // the high-water mark: pages from here on were never used
  std::uint64_t transaction = 0;
  bool has_freelist() const { return freelist != ~PageId{0}; }
};

// Thread-safe.
class Database {
 public:
  // Reads the two meta pages and takes the newer of those that are whole. The database is the first
  // `size_bytes` bytes of `file`, which outlives it. kInvalidArgument if this is no bbolt file,
  // kDataLoss if it is one that cannot be read. One damaged meta page is no error but a warning:
  // bbolt writes them in turn, so that a crash can damage only one.
  static Result<Database> Open(const ReadableFile& file, std::uint64_t size_bytes,
                               Findings& warnings);

  const Meta& meta() const { return meta_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  // What the pages in use take.
  std::uint64_t used_bytes() const { return meta_.page_count * meta_.page_size; }

  // Fills the buffer; kDataLoss if the file ends before.
  Status Read(std::uint64_t offset, std::span<std::byte> buffer) const;

 private:
  Database(const ReadableFile& file, std::uint64_t size_bytes)
      : file_(&file), size_bytes_(size_bytes) {}

  const ReadableFile* file_;
  std::uint64_t size_bytes_;
  Meta meta_;
};

// Reads nodes, several at once where they are neighbours. For one thread.
class NodeReader {
 public:
  explicit NodeReader(const Database& database) : database_(database) {}

  struct Run {
    std::span<const std::byte> bytes;  // until the next call
    std::uint32_t pages = 0;           // the first one and its overflow
  };
  // The page and its overflow, not yet parsed; kDataLoss if they do not lie inside the database or
  // are too long. `upcoming` are the pages that will be asked for next, this one first.
  Result<Run> Read(PageId page, std::span<const PageId> upcoming);
  // Gives back the memory of a long node; what Read returned is gone then.
  void Trim();

 private:
  bool Holds(PageId page, std::uint64_t bytes) const;
  Status Fill(PageId page, std::uint64_t bytes);
  Status CheckLength(PageId page, const PageHeader& header) const;

  const Database& database_;
  std::vector<std::byte> buffer_;
  std::uint64_t offset_ = 0;  // of the buffer in the file
  std::uint64_t filled_ = 0;  // bytes
};

// A node that is longer than this is taken for damage: the largest request that etcd is ever told
// to accept is far smaller, and memory has to be bounded.
inline constexpr std::uint64_t kNodeBytesMax = 32ULL << 20;
// A branch holds no values.
inline constexpr std::uint64_t kBranchBytesMax = 1ULL << 20;

}  // namespace warden::bbolt
