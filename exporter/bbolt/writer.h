// A bbolt database written in one go: its pages are appended as they fill, and none of them is
// free. Memory: the longest entry, a page for each level of the tree and two more, and half a
// megabyte.
//
// What bbolt would write differs in three ways that it does not mind: a bucket is never kept inside
// its entry, however small; pages are filled to the last byte; and there is no freelist, as with
// etcd's own databases. Format: page.h and https://github.com/etcd-io/bbolt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/bbolt/page_writer.h"
#include "exporter/bbolt/tree_builder.h"

namespace warden::bbolt {

// BeginBucket, Add as often as there are entries, EndBucket; again for each bucket; Finish.
//
// What is called out of this order, or with what cannot be written, is kInvalidArgument and changes
// nothing. Any other failure is the file's own; the writer then answers every call with it. Until
// Finish the file is no database: its meta pages are zeros. For one thread.
class Writer {
 public:
  // `file` is new and empty, and outlives it. The page size is a power of two from 1 KiB to 16 MiB;
  // etcd's is that of its machine.
  Writer(WritableFile& file, std::uint32_t page_size);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // The names ascend as bytes, and none is empty.
  Status BeginBucket(std::string_view name, std::uint64_t sequence);
  // The keys of a bucket ascend as bytes, and none is empty.
  Status Add(std::string_view key, std::string_view value);
  Status EndBucket();
  // Makes it a database; the size of the file. The caller syncs it.
  Result<std::uint64_t> Finish();

 private:
  struct OpenBucket {
    std::uint64_t sequence = 0;
    std::string last_key;
    TreeBuilder tree;
  };
  // Whether a call is in order; `what` says it of the order that it is not.
  Status Allow(bool in_order, const char* what) const;
  // Remembers a failure of the file.
  Status Keep(Status status);
  Status WriteMetas(PageId root);

  WritableFile& file_;
  PageWriter pages_;
  TreeBuilder root_;
  std::string name_;  // of the bucket that is open, or else of the last one
  std::optional<OpenBucket> bucket_;
  bool is_finished_ = false;
  Status failed_;
};

}  // namespace warden::bbolt
