// Nodes laid out as bbolt lays them out, and appended to a file page by page; how a node looks is
// told in page.h. A failure is the file's own. For one thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/bbolt/page.h"

namespace warden::bbolt {

// A node that is being filled. Long entries go on in overflow pages, which are filled as well: a
// node is full when the next entry does not fit into the pages that it takes already.
class NodeBuilder {
 public:
  // `flags` are PageHeader::kBranch or PageHeader::kLeaf.
  NodeBuilder(std::uint16_t flags, std::uint32_t page_size)
      : flags_(flags), page_size_(page_size) {}

  // Whether the entry belongs into this node. As with bbolt the second always does, a branch needs
  // it and a leaf of long values wastes less with it, unless the first is very long.
  bool Takes(const Element& entry) const;
  // Adds an entry behind the others, whether or not it belongs there.
  void Add(const Element& entry);
  // The last entry, which is taken away, as a node of its own.
  NodeBuilder TakeLast();
  void Clear();

  std::size_t count() const { return entries_.size(); }
  std::string_view first_key() const;  // empty without entries
  // Its page header, its elements and what they are of.
  std::uint64_t size_bytes() const;
  std::uint64_t pages() const;
  // The header and the elements, as they stand in the file in front of content().
  std::string Head(PageId page) const;
  std::string_view content() const { return content_; }

 private:
  struct Entry {
    std::uint32_t flags;
    std::uint32_t key_bytes;
    std::uint32_t value_bytes;
    PageId child;
  };

  std::uint16_t flags_;
  std::uint32_t page_size_;
  std::vector<Entry> entries_;
  std::string content_;  // keys and values
};

// Appends pages to a new file, several at once.
class PageWriter {
 public:
  // The first two pages are left to the metas, as zeros.
  PageWriter(WritableFile& file, std::uint32_t page_size) : file_(file), page_size_(page_size) {}

  // The first of the pages that the node took.
  Result<PageId> Write(const NodeBuilder& node);
  // Hands the file whatever it has not got yet.
  Status Flush();

  std::uint32_t page_size() const { return page_size_; }
  PageId page_count() const { return page_count_; }

 private:
  Status Put(std::string_view bytes);

  WritableFile& file_;
  const std::uint32_t page_size_;
  std::string buffer_;
  PageId page_count_ = 0;
};

// As the file spells it.
template <typename T>
void AppendInteger(std::string& bytes, T value) {
  static_assert(std::endian::native == std::endian::little, "the writer does not swap bytes");
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace warden::bbolt
