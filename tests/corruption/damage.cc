#include "tests/corruption/damage.h"

#include <algorithm>
#include <vector>

namespace warden::corruption {
namespace {

constexpr std::size_t kSectorBytes = 512;

std::size_t Below(Random& random, std::size_t limit) {
  return random() % limit;
}

char RandomChar(Random& random) {
  return static_cast<char>(Below(random, 256));
}

// Each node gets the same share, so that one with a large value does not draw most of them.
std::size_t DrawOffset(const Target& target, Random& random) {
  if (Below(random, 2) == 0) return Below(random, target.database.size());
  const std::vector<Extent>& used = target.content.used;
  const Extent& extent = used[Below(random, used.size())];
  return extent.offset + Below(random, extent.bytes);
}

std::size_t DrawPage(const Target& target, Random& random) {
  const std::vector<std::size_t>& used = target.content.used_pages;
  return Below(random, 2) == 0 ? Below(random, target.database.size() / target.content.page_size)
                               : used[Below(random, used.size())];
}

std::string Named(std::size_t page) {
  return "page " + std::to_string(page);
}

std::string_view PageOf(const Target& target, std::size_t page) {
  return target.database.substr(page * target.content.page_size, target.content.page_size);
}

void Overwrite(std::string& database, std::size_t offset, std::string_view bytes) {
  std::copy(bytes.begin(), bytes.end(), database.begin() + static_cast<std::ptrdiff_t>(offset));
}

std::string ChangeByte(const Target& target, Random& random, std::string& database) {
  const std::size_t offset = DrawOffset(target, random);
  const auto mask = static_cast<std::uint8_t>(1 + Below(random, 255));
  database[offset] = static_cast<char>(static_cast<std::uint8_t>(database[offset]) ^ mask);
  return "byte " + std::to_string(offset) + " of " + Named(offset / target.content.page_size) +
         " XOR " + std::to_string(mask);
}

std::string Zero(const Target& target, Random& random, std::string& database) {
  const std::size_t page = DrawPage(target, random);
  Overwrite(database, page * target.content.page_size, std::string(target.content.page_size, '\0'));
  return Named(page);
}

std::string Randomize(const Target& target, Random& random, std::string& database) {
  const std::size_t page = DrawPage(target, random);
  std::string noise(target.content.page_size, '\0');
  for (char& c : noise) c = RandomChar(random);
  Overwrite(database, page * target.content.page_size, noise);
  return Named(page);
}

std::string Swap(const Target& target, Random& random, std::string& database) {
  const std::size_t one = DrawPage(target, random);
  const std::size_t other = DrawPage(target, random);
  Overwrite(database, one * target.content.page_size, PageOf(target, other));
  Overwrite(database, other * target.content.page_size, PageOf(target, one));
  return Named(one) + " and " + Named(other);
}

std::string Copy(const Target& target, Random& random, std::string& database) {
  const std::size_t from = DrawPage(target, random);
  const std::size_t to = DrawPage(target, random);
  Overwrite(database, to * target.content.page_size, PageOf(target, from));
  return Named(from) + " over " + Named(to);
}

// With the id in its header that the place asks for.
std::string Impersonate(const Target& target, Random& random, std::string& database) {
  const std::size_t from = DrawPage(target, random);
  const std::size_t to = DrawPage(target, random);
  const std::size_t offset = to * target.content.page_size;
  Overwrite(database, offset, PageOf(target, from));
  Overwrite(database, offset, PageOf(target, to).substr(0, sizeof(std::uint64_t)));
  return Named(from) + " as " + Named(to);
}

// A write that the disk lost.
std::string Revert(const Target& target, Random& random, std::string& database) {
  const std::size_t page = DrawPage(target, random);
  const std::size_t offset = page * target.content.page_size;
  if (offset + target.content.page_size <= target.earlier.size()) {
    Overwrite(database, offset, target.earlier.substr(offset, target.content.page_size));
  }
  return Named(page);
}

std::string Cut(const Target& target, Random& random, std::string& database) {
  const std::size_t page = DrawPage(target, random);
  const std::size_t kept = Below(random, target.content.page_size);
  Overwrite(database, page * target.content.page_size + kept,
            std::string(target.content.page_size - kept, '\0'));
  return Named(page) + " from byte " + std::to_string(kept) + " on";
}

std::string Shift(const Target& target, Random& random, std::string& database) {
  const std::size_t page = DrawPage(target, random);
  const std::size_t from = Below(random, target.content.page_size);
  const std::size_t bytes = 1 + Below(random, 64);
  std::string part(PageOf(target, page).substr(from));
  if (Below(random, 2) == 0) {
    part.insert(0, std::string(bytes, '\0'));
  } else {
    part.erase(0, bytes);
  }
  part.resize(target.content.page_size - from, '\0');
  Overwrite(database, page * target.content.page_size + from, part);
  return Named(page) + " from byte " + std::to_string(from) + " on, by " + std::to_string(bytes);
}

// A page of which the disk wrote only some sectors.
std::string Tear(const Target& target, Random& random, std::string& database) {
  const std::size_t from = DrawPage(target, random);
  const std::size_t to = DrawPage(target, random);
  const std::size_t sector = kSectorBytes * Below(random, target.content.page_size / kSectorBytes);
  Overwrite(database, to * target.content.page_size + sector,
            PageOf(target, from).substr(sector, kSectorBytes));
  return "the sector at " + std::to_string(sector) + " of " + Named(from) + " over that of " +
         Named(to);
}

std::string Exchange(const Target& target, Random& random, std::string& database) {
  const std::size_t leaf = target.content.leaves[Below(random, target.content.leaves.size())];
  const std::vector<Entry> entries = ReadLeaf(target.database, leaf).value_or(std::vector<Entry>());
  if (entries.empty()) return {};
  const std::size_t first = Below(random, entries.size());
  const std::size_t second = Below(random, entries.size());
  const std::string_view one = entries[first].value;
  const std::string_view other = entries[second].value;
  if (one.size() == other.size()) {
    Overwrite(database, static_cast<std::size_t>(one.data() - target.database.data()), other);
    Overwrite(database, static_cast<std::size_t>(other.data() - target.database.data()), one);
  }
  return "elements " + std::to_string(first) + " and " + std::to_string(second) + " of " +
         Named(leaf / target.content.page_size);
}

}  // namespace

const Kind kByteKind = {"one byte", ChangeByte};

const std::array<Kind, 10> kPageKinds = {{
    {"page zeroed", Zero},
    {"page of random bytes", Randomize},
    {"two pages swapped", Swap},
    {"page over another", Copy},
    {"the same, with its header's id", Impersonate},
    {"page of an earlier snapshot", Revert},
    {"end of a page zeroed", Cut},
    {"part of a page shifted", Shift},
    {"sector of another page", Tear},
    {"two values exchanged", Exchange},
}};

}  // namespace warden::corruption
