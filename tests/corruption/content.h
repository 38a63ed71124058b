// What a bbolt file says, read as bbolt itself reads one: whatever a program that opens the file
// would be told. Written apart from exporter/bbolt, whose verdicts are judged by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warden::corruption {

struct Entry {
  std::uint32_t flags = 0;
  std::string_view key;
  std::string_view value;  // of a bucket: its root page and what else stands there
  friend bool operator==(const Entry&, const Entry&) = default;
};

struct Extent {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

// Refers to the file's bytes.
struct Content {
  std::map<std::string, std::vector<Entry>, std::less<>> buckets;
  std::size_t page_size = 0;
  // What a reader looks at: both meta pages, and each node from its header to its last value.
  std::vector<Extent> used;
  // The same by pages, those into which a node overflows included.
  std::vector<std::size_t> used_pages;
  // The pages of the leaves, those inside of an entry excluded.
  std::vector<std::size_t> leaves;
};

// Of the first page's meta or the second's, whichever is newer and whole. Nullopt if a reader would
// leave the file, or run in circles. Checks nothing else.
std::optional<Content> ReadContent(std::string_view database);

// A number as it stands in the file; the caller has checked that it is inside.
std::uint64_t LoadNumber(std::string_view bytes, std::size_t offset, std::size_t width);

// The elements of the leaf whose header is at `offset`; nullopt if one is not inside the file.
std::optional<std::vector<Entry>> ReadLeaf(std::string_view database, std::size_t offset);

}  // namespace warden::corruption
