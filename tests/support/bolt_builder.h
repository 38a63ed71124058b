// Writes bbolt files, and etcd's databases, for tests: in memory, valid, and open to any damage.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/bbolt/findings.h"

namespace warden::testing {

struct NestedBucket;

struct BoltBucket {
  std::map<std::string, std::string> values;
  std::vector<NestedBucket> buckets;
  bool is_inline = false;  // inside the entry that names it, where bbolt puts small ones
};
struct NestedBucket {
  std::string name;
  BoltBucket bucket;
};
using BoltBuckets = std::map<std::string, BoltBucket, std::less<>>;

struct BoltOptions {
  std::uint32_t page_size = 4096;
  std::size_t fan_out = 65'535;  // a node has no more elements, however much room there is
  std::uint64_t free_pages = 0;  // that lie between the metas and the trees
  bool has_freelist = false;     // written behind the trees
  std::uint64_t transaction = 7;
};

// The fields of a page by name, so that a test can say what it damages.
namespace bolt {

template <typename T>
struct Field {
  std::size_t offset;  // in the page
};

inline constexpr Field<std::uint64_t> kId{0};
inline constexpr Field<std::uint16_t> kFlags{8};
inline constexpr Field<std::uint16_t> kCount{10};
inline constexpr Field<std::uint32_t> kOverflow{12};

// Of the element `index` of a branch and of a leaf.
struct BranchElement {
  Field<std::uint32_t> position, key_bytes;
  Field<std::uint64_t> child;
};
struct LeafElement {
  Field<std::uint32_t> flags, position, key_bytes, value_bytes;
};
constexpr BranchElement Branch(std::size_t index) {
  const std::size_t at = 16 + 16 * index;
  return {{at}, {at + 4}, {at + 8}};
}
constexpr LeafElement Leaf(std::size_t index) {
  const std::size_t at = 16 + 16 * index;
  return {{at}, {at + 4}, {at + 8}, {at + 12}};
}

inline constexpr Field<std::uint32_t> kMagic{16};
inline constexpr Field<std::uint32_t> kVersion{20};
inline constexpr Field<std::uint32_t> kPageSize{24};
inline constexpr Field<std::uint64_t> kRoot{32};
inline constexpr Field<std::uint64_t> kFreelist{48};
inline constexpr Field<std::uint64_t> kPageCount{56};
inline constexpr Field<std::uint64_t> kTransaction{64};
inline constexpr Field<std::uint64_t> kChecksum{72};

}  // namespace bolt

class BoltFile {
 public:
  explicit BoltFile(const BoltBuckets& buckets, const BoltOptions& options = {});

  std::string& bytes() { return bytes_; }
  const std::string& bytes() const { return bytes_; }
  std::uint64_t page_count() const { return bytes_.size() / options_.page_size; }
  bbolt::PageId root() const { return root_; }
  bbolt::PageId freelist() const { return freelist_; }
  // The root page of a bucket of the root; 0 if it is inline.
  bbolt::PageId RootOf(std::string_view bucket) const { return roots_.find(bucket)->second; }
  // Where an offset of a page stands in the file.
  std::size_t At(bbolt::PageId page, std::size_t offset = 0) const {
    return page * options_.page_size + offset;
  }

  template <typename T>
  T Get(bbolt::PageId page, bolt::Field<T> field) const {
    T value{};
    std::memcpy(&value, bytes_.data() + At(page, field.offset), sizeof(T));
    return value;
  }
  // Changes a field; a meta page's checksum stays right unless it is what changes.
  template <typename T>
  BoltFile& Set(bbolt::PageId page, bolt::Field<T> field, std::uint64_t value) {
    const T narrow = static_cast<T>(value);
    std::memcpy(bytes_.data() + At(page, field.offset), &narrow, sizeof(T));
    if (page < 2 && field.offset != bolt::kChecksum.offset) SealMeta(page);
    return *this;
  }
  // In both meta pages.
  template <typename T>
  BoltFile& SetMetas(bolt::Field<T> field, std::uint64_t value) {
    return Set(0, field, value).Set(1, field, value);
  }

 private:
  class Writer;
  void SealMeta(bbolt::PageId page);

  BoltOptions options_;
  std::string bytes_;
  bbolt::PageId root_ = 0;
  bbolt::PageId freelist_ = ~bbolt::PageId{0};
  std::map<std::string, bbolt::PageId, std::less<>> roots_;
};

std::string BigEndian(std::uint64_t value);
// A record's key in the bucket `key`, and as the compaction stands in `meta`.
std::string RevisionKey(std::int64_t main, std::int64_t sub = 0);
std::string TombstoneKey(std::int64_t main, std::int64_t sub = 0);
// Fields of a Protobuf message.
std::string WireVarint(std::uint32_t number, std::uint64_t value);
std::string WireBytes(std::uint32_t number, std::string_view bytes);
// An mvccpb.KeyValue; fields that are 0 or empty are left out, as etcd does.
struct KeyValueFields {
  std::string key;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  std::string value = {};
  std::int64_t lease = 0;
};
std::string KeyValue(const KeyValueFields& fields);
// A small cluster's buckets with an entry of every kind: two members, a lease, an alarm, a user.
// `key` holds three puts of /a/x, one of /a/y and its deletion, at the revisions 2 to 6.
BoltBuckets EtcdBuckets();

}  // namespace warden::testing
