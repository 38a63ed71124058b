// One page of a bbolt file, taken apart and checked.
//
// A page is a header of 16 bytes (id, flags, count, overflow), then its elements, then their keys
// and values; a node too long for one page goes on in `overflow` pages behind it. Every number in
// it is hostile until Parse has looked at it. Format: https://github.com/etcd-io/bbolt, and
// little-endian throughout (etcd writes the byte order of its machine; of those it supports only
// s390x is big-endian).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "exporter/base/result.h"
#include "exporter/bbolt/findings.h"

namespace warden::bbolt {

inline constexpr std::size_t kPageHeaderBytes = 16;
inline constexpr std::size_t kElementBytes = 16;  // of a branch and of a leaf alike
// bbolt's own limits.
inline constexpr std::size_t kKeyBytesMax = 32'768;
inline constexpr std::size_t kValueBytesMax = (std::size_t{1} << 31) - 2;

// An integer as it stands in the file. The caller has checked that it is inside.
template <typename T>
T Load(const std::byte* at) {
  static_assert(std::endian::native == std::endian::little, "the reader does not swap bytes");
  T value{};
  std::memcpy(&value, at, sizeof(T));
  return value;
}

struct PageHeader {
  static constexpr std::uint16_t kBranch = 0x01;
  static constexpr std::uint16_t kLeaf = 0x02;
  static constexpr std::uint16_t kMeta = 0x04;
  static constexpr std::uint16_t kFreelist = 0x10;

  PageId id = 0;
  std::uint16_t flags = 0;
  std::uint16_t count = 0;
  std::uint32_t overflow = 0;
};
PageHeader LoadPageHeader(const std::byte* page);  // of at least kPageHeaderBytes

struct Element {
  static constexpr std::uint32_t kBucket = 0x01;

  std::string_view key;
  std::string_view value;   // of a leaf
  std::uint32_t flags = 0;  // of a leaf: kBucket or 0
  PageId child = 0;         // of a branch
};

// A branch or leaf node. A view: the bytes outlive it.
class Node {
 public:
  // Checks everything that a node can show by itself: its header, that the elements lie inside, one
  // behind the other as bbolt lays them out, and that the keys ascend. kDataLoss says what is
  // wrong.
  static Result<Node> Parse(std::span<const std::byte> bytes, PageId id);
  // The node inside the value of a small bucket: a leaf that fills its bytes to the last.
  static Result<Node> ParseInline(std::string_view bytes);

  bool is_leaf() const { return is_leaf_; }
  std::uint32_t count() const { return count_; }
  // The element `index`, below count().
  Element operator[](std::uint32_t index) const;
  // From the header to the end of the last value.
  std::size_t content_bytes() const { return content_bytes_; }

 private:
  Node(std::span<const std::byte> bytes, const PageHeader& header)
      : bytes_(bytes), is_leaf_((header.flags & PageHeader::kLeaf) != 0), count_(header.count) {}
  Status CheckElements();

  std::span<const std::byte> bytes_;
  bool is_leaf_ = false;
  std::uint32_t count_ = 0;
  std::size_t content_bytes_ = 0;
};

}  // namespace warden::bbolt
