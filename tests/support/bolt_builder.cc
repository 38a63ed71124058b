#include "tests/support/bolt_builder.h"

#include <algorithm>

namespace warden::testing {
namespace {

constexpr std::uint16_t kBranchFlag = 0x01;
constexpr std::uint16_t kLeafFlag = 0x02;
constexpr std::uint16_t kMetaFlag = 0x04;
constexpr std::uint16_t kFreelistFlag = 0x10;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kElementBytes = 16;

template <typename T>
std::string LittleEndian(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string Header(std::uint64_t id, std::uint16_t flags, std::size_t count,
                   std::uint64_t overflow) {
  return LittleEndian(id) + LittleEndian(flags) + LittleEndian(static_cast<std::uint16_t>(count)) +
         LittleEndian(static_cast<std::uint32_t>(overflow));
}

struct Item {
  std::string key;
  std::string value;        // of a leaf
  std::uint32_t flags = 0;  // of a leaf
  std::uint64_t child = 0;  // of a branch
};
using Items = std::vector<Item>;

std::size_t SizeOf(const Item& item) {
  return kElementBytes + item.key.size() + item.value.size();
}

// The elements and their content, without a header.
std::string Content(const Items& items, bool is_leaf) {
  std::string elements;
  std::string content;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    const auto position =
        static_cast<std::uint32_t>((items.size() - i) * kElementBytes + content.size());
    const auto key_bytes = static_cast<std::uint32_t>(item.key.size());
    if (is_leaf) {
      elements += LittleEndian(item.flags) + LittleEndian(position) + LittleEndian(key_bytes) +
                  LittleEndian(static_cast<std::uint32_t>(item.value.size()));
    } else {
      elements += LittleEndian(position) + LittleEndian(key_bytes) + LittleEndian(item.child);
    }
    content += item.key + item.value;
  }
  return elements + content;
}

}  // namespace

// Appends page after page.
class BoltFile::Writer {
 public:
  Writer(const BoltOptions& options, std::string& bytes) : options_(options), bytes_(bytes) {}

  // The value of the entry that names the bucket; its tree is written before.
  std::string EntryOf(const BoltBucket& bucket) {
    const Items items = ItemsOf(bucket);
    const std::uint64_t root = bucket.is_inline ? 0 : WriteTree(items);
    std::string entry = LittleEndian(root) + LittleEndian(std::uint64_t{0});
    if (bucket.is_inline) entry += Header(0, kLeafFlag, items.size(), 0) + Content(items, true);
    return entry;
  }
  std::uint64_t WriteTree(const Items& items) {
    Items level = WriteLevel(items, true);
    while (level.size() > 1) level = WriteLevel(level, false);
    return level.front().child;
  }
  std::uint64_t WriteNode(std::uint16_t flags, std::size_t count, const std::string& content) {
    const std::uint64_t page = bytes_.size() / options_.page_size;
    const std::uint64_t pages = (kHeaderBytes + content.size()) / options_.page_size + 1;
    bytes_ += Header(page, flags, count, pages - 1) + content;
    bytes_.resize((page + pages) * options_.page_size);
    return page;
  }

 private:
  Items ItemsOf(const BoltBucket& bucket) {
    Items items;
    for (const auto& [key, value] : bucket.values) items.push_back({key, value, 0, 0});
    for (const NestedBucket& nested : bucket.buckets) {
      items.push_back({nested.name, EntryOf(nested.bucket), 1, 0});
    }
    std::ranges::sort(items, {}, &Item::key);
    return items;
  }
  // Writes the items as nodes that fill a page each, or more than one for a long item; what the
  // level above says of them comes back.
  Items WriteLevel(const Items& items, bool is_leaf) {
    Items above;
    Items node;
    std::size_t size = kHeaderBytes;
    const auto flush = [&] {
      const std::uint64_t page =
          WriteNode(is_leaf ? kLeafFlag : kBranchFlag, node.size(), Content(node, is_leaf));
      above.push_back({node.empty() ? "" : node.front().key, "", 0, page});
      node.clear();
      size = kHeaderBytes;
    };
    for (const Item& item : items) {
      const bool is_full =
          node.size() >= options_.fan_out || size + SizeOf(item) >= options_.page_size;
      if (is_full && !node.empty()) flush();
      node.push_back(item);
      size += SizeOf(item);
    }
    if (!node.empty() || above.empty()) flush();
    return above;
  }

  const BoltOptions& options_;
  std::string& bytes_;
};

BoltFile::BoltFile(const BoltBuckets& buckets, const BoltOptions& options) : options_(options) {
  bytes_.resize((2 + options.free_pages) * options.page_size);
  Writer writer(options_, bytes_);
  Items entries;
  for (const auto& [name, bucket] : buckets) {
    entries.push_back({name, writer.EntryOf(bucket), 1, 0});
    std::uint64_t root = 0;
    std::memcpy(&root, entries.back().value.data(), sizeof(root));
    roots_[name] = root;
  }
  root_ = writer.WriteTree(entries);
  if (options.has_freelist) {
    std::string ids;
    for (std::uint64_t i = 0; i < options.free_pages; ++i) ids += LittleEndian(2 + i);
    const bool is_long = options.free_pages >= 0xFFFF;
    if (is_long) ids = LittleEndian(options.free_pages) + ids;
    freelist_ = writer.WriteNode(kFreelistFlag, is_long ? 0xFFFF : options.free_pages, ids);
  }
  for (std::uint64_t page = 0; page < 2; ++page) {
    const std::string meta = Header(page, kMetaFlag, 0, 0) +
                             LittleEndian(std::uint32_t{0xED0CDAED}) +
                             LittleEndian(std::uint32_t{2}) + LittleEndian(options.page_size) +
                             LittleEndian(std::uint32_t{0}) + LittleEndian(root_) +
                             LittleEndian(std::uint64_t{0}) + LittleEndian(freelist_) +
                             LittleEndian(page_count()) + LittleEndian(options.transaction - page);
    bytes_.replace(At(page), meta.size(), meta);
    SealMeta(page);
  }
}

void BoltFile::SealMeta(bbolt::PageId page) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < 56; ++i) {
    hash = (hash ^ static_cast<std::uint8_t>(bytes_[At(page, kHeaderBytes + i)])) * 0x100000001b3;
  }
  std::memcpy(bytes_.data() + At(page, bolt::kChecksum.offset), &hash, sizeof(hash));
}

std::string BigEndian(std::uint64_t value) {
  std::string bytes = LittleEndian(value);
  std::ranges::reverse(bytes);
  return bytes;
}

std::string RevisionKey(std::int64_t main, std::int64_t sub) {
  return BigEndian(static_cast<std::uint64_t>(main)) + '_' +
         BigEndian(static_cast<std::uint64_t>(sub));
}

std::string TombstoneKey(std::int64_t main, std::int64_t sub) {
  return RevisionKey(main, sub) + 't';
}

namespace {

std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

}  // namespace

std::string WireVarint(std::uint32_t number, std::uint64_t value) {
  return Varint(std::uint64_t{number} << 3) + Varint(value);
}

std::string WireBytes(std::uint32_t number, std::string_view bytes) {
  return Varint(std::uint64_t{number} << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}

std::string KeyValue(const KeyValueFields& fields) {
  const auto integer = [](std::uint32_t number, std::int64_t value) {
    return value == 0 ? "" : WireVarint(number, static_cast<std::uint64_t>(value));
  };
  return WireBytes(1, fields.key) + integer(2, fields.create_revision) +
         integer(3, fields.mod_revision) + integer(4, fields.version) +
         (fields.value.empty() ? "" : WireBytes(5, fields.value)) + integer(6, fields.lease);
}

BoltBuckets EtcdBuckets() {
  BoltBuckets buckets;
  buckets["alarm"].values = {{WireVarint(1, 0x1a) + WireVarint(2, 1), ""}};
  buckets["auth"].values = {{"authEnabled", "\x01"}, {"authRevision", BigEndian(3)}};
  buckets["authRoles"].values = {{"root", WireBytes(1, "root")}};
  buckets["authUsers"].values = {
      {"root", WireBytes(1, "root") + WireBytes(2, "$2a$10$hash") + WireBytes(3, "root")}};
  buckets["cluster"].values = {{"clusterVersion", "3.6.0"},
                               {"downgrade", R"({"target-version":"3.5.0","enabled":true})"}};
  buckets["key"].values = {
      {RevisionKey(2), KeyValue({"/a/x", 2, 2, 1, "one"})},
      {RevisionKey(3), KeyValue({"/a/x", 2, 3, 2, "two"})},
      {RevisionKey(4), KeyValue({"/a/y", 4, 4, 1, "three", 0x77})},
      {TombstoneKey(5), KeyValue({"/a/y"})},
      {RevisionKey(6), KeyValue({"/a/x", 2, 6, 3, "four"})},
  };
  buckets["lease"].values = {{BigEndian(0x77), WireVarint(1, 0x77) + WireVarint(2, 60)}};
  buckets["members"].values = {
      {"1a", R"({"id":26,"peerURLs":["http://a:2380"],"name":"a","clientURLs":["http://a:2379"]})"},
      {"2", R"({"id":2,"peerURLs":["http://b:2380"],"isLearner":true,"name":"b"})"}};
  buckets["members_removed"].values = {{"3", "removed"}};
  buckets["meta"].values = {{"confState", R"({"voters":[26],"auto_leave":false})"},
                            {"consistent_index", BigEndian(40)},
                            {"storageVersion", "3.6.0"},
                            {"term", BigEndian(4)}};
  for (auto& [name, bucket] : buckets) bucket.is_inline = name != "key";
  return buckets;
}

}  // namespace warden::testing
