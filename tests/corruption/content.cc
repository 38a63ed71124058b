#include "tests/corruption/content.h"

#include <algorithm>

namespace warden::corruption {
namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kElementBytes = 16;
constexpr std::size_t kMetaBytes = 64;
constexpr std::size_t kBucketHeaderBytes = 16;
constexpr std::uint64_t kBranch = 1;
constexpr std::uint64_t kLeaf = 2;
constexpr std::uint64_t kMagic = 0xED0CDAED;
constexpr int kDepthMax = 64;

struct Meta {
  std::size_t page_size = 0;
  std::uint64_t root = 0;
  std::uint64_t transaction = 0;
};

std::optional<Meta> MetaAt(std::string_view database, std::size_t offset) {
  if (offset + kHeaderBytes + kMetaBytes > database.size()) return std::nullopt;
  const std::string_view meta = database.substr(offset + kHeaderBytes, kMetaBytes);
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : meta.substr(0, kMetaBytes - 8)) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  }
  const bool is_whole = LoadNumber(meta, 0, 4) == kMagic && LoadNumber(meta, 4, 4) == 2 &&
                        LoadNumber(meta, kMetaBytes - 8, 8) == hash;
  if (!is_whole) return std::nullopt;
  return Meta{.page_size = LoadNumber(meta, 8, 4),
              .root = LoadNumber(meta, 16, 8),
              .transaction = LoadNumber(meta, 48, 8)};
}

std::optional<Meta> NewestMeta(std::string_view database) {
  std::optional<Meta> newest = MetaAt(database, 0);
  const auto take = [&newest](const std::optional<Meta>& meta) {
    if (meta && (!newest || meta->transaction > newest->transaction)) newest = meta;
  };
  if (newest) {
    take(MetaAt(database, newest->page_size));
    return newest;
  }
  for (std::size_t size = 1024; size <= 1U << 24 && !newest; size *= 2) {
    take(MetaAt(database, size));
  }
  return newest;
}

class Reader {
 public:
  Reader(std::string_view database, Content& content)
      : database_(database),
        content_(content),
        pages_left_(4 * database.size() / content.page_size) {}

  // The entries of the tree below that page, in order; false where a reader would be lost.
  bool ReadTree(std::uint64_t page, int depth, std::vector<Entry>& entries) {
    if (depth > kDepthMax || pages_left_ == 0) return false;
    --pages_left_;
    if (page >= database_.size() / content_.page_size) return false;
    const std::size_t offset = page * content_.page_size;
    const std::uint64_t flags = LoadNumber(database_, offset + 8, 2);
    if ((flags & kLeaf) == 0) return (flags & kBranch) != 0 && ReadBranch(offset, depth, entries);
    const std::optional<std::vector<Entry>> leaf = ReadLeaf(database_, offset);
    if (!leaf) return false;
    content_.leaves.push_back(offset);
    std::size_t end = offset + kHeaderBytes;
    if (!leaf->empty()) {
      const std::string_view last = leaf->back().value;
      end = static_cast<std::size_t>(last.data() + last.size() - database_.data());
    }
    AddUsed(offset, std::max(end, offset + kHeaderBytes));
    entries.insert(entries.end(), leaf->begin(), leaf->end());
    return true;
  }

  bool ReadBucket(const Entry& bucket, std::vector<Entry>& entries) {
    if (bucket.value.size() < kBucketHeaderBytes) return false;
    if (const std::uint64_t root = LoadNumber(bucket.value, 0, 8); root != 0) {
      return ReadTree(root, 0, entries);
    }
    std::optional<std::vector<Entry>> leaf = ReadLeaf(bucket.value, kBucketHeaderBytes);
    if (leaf) entries = *std::move(leaf);
    return leaf.has_value();
  }

  void AddUsed(std::size_t from, std::size_t to) {
    content_.used.push_back({.offset = from, .bytes = to - from});
    for (std::size_t page = from / content_.page_size; page * content_.page_size < to; ++page) {
      content_.used_pages.push_back(page);
    }
  }

 private:
  bool ReadBranch(std::size_t offset, int depth, std::vector<Entry>& entries) {
    const std::size_t count = LoadNumber(database_, offset + 10, 2);
    std::size_t end = offset + kHeaderBytes + count * kElementBytes;
    if (end > database_.size()) return false;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t element = offset + kHeaderBytes + i * kElementBytes;
      end = std::max(
          end, element + LoadNumber(database_, element, 4) + LoadNumber(database_, element + 4, 4));
      if (!ReadTree(LoadNumber(database_, element + 8, 8), depth + 1, entries)) return false;
    }
    AddUsed(offset, std::min(end, database_.size()));
    return true;
  }

  std::string_view database_;
  Content& content_;
  std::size_t pages_left_;
};

}  // namespace

std::uint64_t LoadNumber(std::string_view bytes, std::size_t offset, std::size_t width) {
  std::uint64_t number = 0;
  for (std::size_t i = width; i-- > 0;) {
    number = number << 8 | static_cast<std::uint8_t>(bytes[offset + i]);
  }
  return number;
}

std::optional<std::vector<Entry>> ReadLeaf(std::string_view database, std::size_t offset) {
  if (offset + kHeaderBytes > database.size()) return std::nullopt;
  const std::size_t count = LoadNumber(database, offset + 10, 2);
  if (offset + kHeaderBytes + count * kElementBytes > database.size()) return std::nullopt;
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t element = offset + kHeaderBytes + i * kElementBytes;
    const std::size_t key = element + LoadNumber(database, element + 4, 4);
    const std::size_t key_bytes = LoadNumber(database, element + 8, 4);
    const std::size_t value_bytes = LoadNumber(database, element + 12, 4);
    if (key + key_bytes + value_bytes > database.size()) return std::nullopt;
    entries.push_back({.flags = static_cast<std::uint32_t>(LoadNumber(database, element, 4)),
                       .key = database.substr(key, key_bytes),
                       .value = database.substr(key + key_bytes, value_bytes)});
  }
  return entries;
}

std::optional<Content> ReadContent(std::string_view database) {
  const std::optional<Meta> meta = NewestMeta(database);
  if (!meta || meta->page_size < 1024) return std::nullopt;
  Content content{.page_size = meta->page_size};
  Reader reader(database, content);
  for (std::size_t page = 0; page < 2; ++page) {
    const std::size_t offset = page * content.page_size;
    reader.AddUsed(offset, offset + kHeaderBytes + kMetaBytes);
  }
  std::vector<Entry> root;
  if (!reader.ReadTree(meta->root, 0, root)) return std::nullopt;
  for (const Entry& entry : root) {
    if (!reader.ReadBucket(entry, content.buckets[std::string(entry.key)])) return std::nullopt;
  }
  return content;
}

}  // namespace warden::corruption
