// What was written is read back, whatever its sizes; every page is in use, and full.
#include "exporter/bbolt/writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/bbolt/check.h"
#include "tests/bbolt/written.h"

namespace warden::bbolt {
namespace {

using testing::Check;
using testing::Checked;
using testing::Lines;
using testing::MemoryFile;
using testing::Values;
using testing::WriteDatabase;
using testing::WrittenBuckets;
namespace bolt = testing::bolt;

template <typename T>
T Get(const std::string& file, bolt::Field<T> field) {
  return Load<T>(reinterpret_cast<const std::byte*>(file.data()) + field.offset);
}

struct SeenNode {
  std::uint64_t bytes = 0;
  std::uint64_t pages = 0;
  std::uint64_t first_entry_bytes = 0;
  std::uint64_t last_entry_bytes = 0;
  std::uint32_t count = 0;
};

// A tree of a file, level by level, the root first.
class Tree {
 public:
  Tree(const std::string& file, PageId root) : page_size_(Get(file, bolt::kPageSize)) {
    Visit(file, root, 0);
  }

  std::size_t depth() const { return levels_.size(); }
  const std::vector<SeenNode>& leaves() const { return levels_.back(); }
  std::uint64_t pages() const { return pages_; }
  const std::vector<std::pair<std::string, PageId>>& buckets() const { return buckets_; }

  // Every node takes just the pages that it needs, and no page more for the sake of a third entry,
  // unless that would be alone in a branch. But for the last nodes, none had room for the first
  // entry of the next. Every branch has two children, and every leaf but a root an entry.
  void ExpectFull() const {
    for (const std::vector<SeenNode>& level : levels_) {
      const bool is_leaves = &level == &levels_.back();
      for (std::size_t i = 0; i < level.size(); ++i) {
        const SeenNode& node = level[i];
        EXPECT_GT(node.bytes, (node.pages - 1) * page_size_);
        EXPECT_LE(node.bytes, node.pages * page_size_);
        const bool took_the_last_child = !is_leaves && i + 1 == level.size() && node.count == 3;
        if (node.count > 2 && !took_the_last_child) {
          EXPECT_GT(node.bytes - node.last_entry_bytes, (node.pages - 1) * page_size_);
        }
        EXPECT_GE(node.count, is_leaves ? std::min<std::size_t>(level.size() - 1, 1) : 2);
        const std::size_t last_full = level.size() - (is_leaves ? 1 : 2);
        if (level.size() < 2 || i >= last_full) continue;
        EXPECT_GT(node.bytes + level[i + 1].first_entry_bytes, node.pages * page_size_);
      }
    }
  }

 private:
  void Visit(const std::string& file, PageId page, std::size_t level) {
    const std::byte* start = reinterpret_cast<const std::byte*>(file.data()) + page * page_size_;
    const std::uint64_t pages = std::uint64_t{1} + LoadPageHeader(start).overflow;
    const Result<Node> node = Node::Parse({start, pages * page_size_}, page);
    ASSERT_TRUE(node.ok()) << node.error().message();
    const std::string_view all(reinterpret_cast<const char*>(start), pages * page_size_);
    EXPECT_EQ(all.find_first_not_of('\0', node->content_bytes()), all.npos) << page;
    pages_ += pages;
    if (level == levels_.size()) levels_.emplace_back();
    const Element first = node->count() > 0 ? (*node)[0] : Element{};
    const Element last = node->count() > 0 ? (*node)[node->count() - 1] : Element{};
    levels_[level].push_back(
        {.bytes = node->content_bytes(),
         .pages = pages,
         .first_entry_bytes = kElementBytes + first.key.size() + first.value.size(),
         .last_entry_bytes = kElementBytes + last.key.size() + last.value.size(),
         .count = node->count()});
    for (std::uint32_t i = 0; i < node->count(); ++i) {
      const Element entry = (*node)[i];
      if (!node->is_leaf()) {
        Visit(file, entry.child, level + 1);
      } else if ((entry.flags & Element::kBucket) != 0) {
        buckets_.emplace_back(entry.key, Get(std::string(entry.value), bolt::Field<PageId>{0}));
      }
    }
  }

  std::uint64_t page_size_;
  std::vector<std::vector<SeenNode>> levels_;
  std::uint64_t pages_ = 0;
  std::vector<std::pair<std::string, PageId>> buckets_;
};

// The file holds these buckets, nothing is wrong with it, no page is free, and none could hold
// more. The tree of the last bucket, or the root's.
Tree ExpectWhole(const std::string& file, const WrittenBuckets& buckets) {
  const MemoryFile memory(file);
  const Checked checked = Check(memory, memory.size());
  EXPECT_TRUE(checked.opened.ok()) << checked.opened.message();
  EXPECT_EQ(checked.warnings, Lines());
  EXPECT_EQ(checked.findings, Lines());
  EXPECT_TRUE(checked.buckets == buckets) << "other keys or values than were written";
  const Tree root(file, Get(file, bolt::kRoot));
  root.ExpectFull();
  std::uint64_t pages = 2 + root.pages();
  Tree last = root;
  for (const auto& [name, page] : root.buckets()) {
    SCOPED_TRACE("the tree below page " + std::to_string(page));
    last = Tree(file, page);
    last.ExpectFull();
    pages += last.pages();
  }
  EXPECT_EQ(pages * Get(file, bolt::kPageSize), file.size());
  return last;
}

Tree WriteAndCheck(const WrittenBuckets& buckets, std::uint32_t page_size) {
  return ExpectWhole(WriteDatabase(buckets, page_size), buckets);
}

// `count` keys of so many bytes, and values.
Values Sized(int count, std::size_t key_bytes, std::size_t value_bytes) {
  Values values;
  for (int i = 0; i < count; ++i) {
    std::string key = std::to_string(100'000 + i);
    key.resize(key_bytes, 'k');
    values[key] = std::string(value_bytes, static_cast<char>('a' + i % 26));
  }
  return values;
}

TEST(Writer, WritesWhatIsReadBack) {
  using namespace std::string_literals;  // NOLINT(google-build-using-namespace): for zero bytes
  const std::string longest(kKeyBytesMax, 'k');
  const WrittenBuckets cases[] = {
      {},
      {{"empty", {}}},
      {{"one", {{"key", "value"}}}},
      {{"no value", {{"key", ""}}}},
      {{"a", {}}, {"b", {{"key", "value"}}}, {"c", {}}},
      {{"bytes", {{"\0"s, "\xff"s}, {"\0\0"s, "\0"s}, {"\x7f", "n"}, {"\x80", ""}, {"\xff", "l"}}}},
      {{"long", {{"a", std::string(100'000, 'x')}, {"b", "y"}, {"c", std::string(5'000, 'z')}}}},
      {{"longest keys", {{longest, "x"}, {longest.substr(1), "y"}, {longest + "", longest}}}},
      {{longest, {{"the name is as long as a key", ""}}}, {longest.substr(1), {}}},
      {{"many", Sized(3'000, 17, 50)}, {"more", Sized(200, 300, 1'000)}},
  };
  for (const WrittenBuckets& buckets : cases) {
    for (const std::uint32_t page_size : {1'024U, 4'096U, 65'536U}) {
      SCOPED_TRACE(buckets.empty() ? "none" : buckets.begin()->first.substr(0, 20));
      SCOPED_TRACE(page_size);
      WriteAndCheck(buckets, page_size);
    }
  }
}

TEST(Writer, KeepsTheSequencesOfBuckets) {
  const MemoryFile file(WriteDatabase({{"a", {}}, {"b", {}}, {"c", {}}}));
  Findings findings;
  const Database database = *Database::Open(file, file.size(), findings);
  PageSet seen(database.meta().page_count);
  TreeWalker walker({.database = database, .findings = findings, .seen = seen, .stop = {}});
  std::uint64_t sequence = 0;
  for (const Bucket& bucket : walker.ReadBuckets()) EXPECT_EQ(bucket.sequence, ++sequence);
  EXPECT_EQ(sequence, 3U);
}

TEST(Writer, WritesTwoMetasOfWhichEitherServes) {
  const WrittenBuckets buckets = {{"a", Sized(100, 17, 50)}};
  const std::string file = WriteDatabase(buckets);
  for (const auto& [damaged, transaction] : {std::pair(~PageId{0}, 2U), {0, 1}, {1, 2}}) {
    SCOPED_TRACE(damaged);
    MemoryFile memory(file);
    if (damaged < 2) memory.content()[damaged * 4096 + bolt::kChecksum.offset] ^= 1;
    Findings warnings;
    const auto database = Database::Open(memory, memory.size(), warnings);
    ASSERT_TRUE(database.ok()) << database.error().message();
    EXPECT_EQ(warnings.count(), damaged < 2 ? 1U : 0U);
    EXPECT_EQ(database->meta().transaction, transaction);
    EXPECT_EQ(database->meta().page_size, 4096U);
    EXPECT_EQ(database->used_bytes(), file.size());
    EXPECT_FALSE(database->meta().has_freelist());
    EXPECT_TRUE(Check(memory, memory.size()).buckets == buckets);
  }
}

TEST(Writer, FillsPagesToTheLastByte) {
  struct Case {
    std::vector<std::size_t> value_bytes;  // of keys of one byte
    std::vector<std::uint64_t> leaf_pages;
  };
  // A page of 1024 bytes: 16 for its header, and 17 for each entry besides its value.
  for (const Case& each : {Case{{991}, {1}},
                           {{992}, {2}},
                           {{2015}, {2}},
                           {{2016}, {3}},
                           {{300, 300, 357}, {1}},
                           {{300, 300, 358}, {1, 1}},
                           {{300, 300, 357, 0}, {1, 1}},
                           // The second entry belongs to the first.
                           {{974, 0}, {1}},
                           {{975, 0}, {2}},
                           {{975, 1'006, 0}, {2}},
                           {{975, 1'007, 0}, {2, 1}},
                           {{700, 700, 565, 0}, {2, 1}},
                           // Unless that is long by itself.
                           {{65'503, 1'008, 0}, {66}},
                           {{65'504, 1'006, 0, 0}, {65, 1}},
                           {{65'504, 1'007, 0}, {65, 2}}}) {
    Values values;
    std::string shown;
    char key = 'a';
    for (const std::size_t bytes : each.value_bytes) {
      values[std::string(1, key++)] = std::string(bytes, 'v');
      shown += " " + std::to_string(bytes);
    }
    SCOPED_TRACE(shown);
    const Tree tree = WriteAndCheck({{"b", values}}, 1024);
    std::vector<std::uint64_t> leaf_pages;
    for (const SeenNode& leaf : tree.leaves()) leaf_pages.push_back(leaf.pages);
    EXPECT_EQ(leaf_pages, each.leaf_pages);
  }
}

TEST(Writer, PutsNoMoreIntoANodeThanItCanCount) {
  const WrittenBuckets buckets = {{"b", Sized(70'000, 6, 0)}};
  MemoryFile file(WriteDatabase(buckets, 1U << 22));
  EXPECT_TRUE(Check(file, file.size()).buckets == buckets);
  const Tree tree(file.content(), 4);  // behind its two leaves
  ASSERT_EQ(tree.leaves().size(), 2U);
  EXPECT_EQ(tree.leaves()[0].count, 0xFFFEU);
}

TEST(Writer, BuildsTreesOfAnyDepth) {
  std::size_t deepest = 0;
  // Branches of two, of three, of many children; at last those longer than a page.
  for (const std::size_t key_bytes : {400UL, 300UL, 100UL, 2'000UL}) {
    for (int count = 0; count < 150; ++count) {
      SCOPED_TRACE(std::to_string(count) + " keys of " + std::to_string(key_bytes));
      const Tree tree = WriteAndCheck({{"b", Sized(count, key_bytes, 0)}}, 1024);
      deepest = std::max(deepest, tree.depth());
      if (HasFailure()) return;
    }
  }
  EXPECT_GE(deepest, 6U);
  EXPECT_EQ(WriteAndCheck({{"b", Sized(20'000, 17, 500)}}, 1024).depth(), 4U);
}

TEST(Writer, BuildsARootOfAnyDepth) {
  WrittenBuckets buckets;
  for (const auto& [name, value] : Sized(40, 400, 0)) buckets[name] = {{"key", "value"}};
  const std::string file = WriteDatabase(buckets, 1024);
  ExpectWhole(file, buckets);
  EXPECT_GE(Tree(file, Get(file, bolt::kRoot)).depth(), 5U);
}

std::string RandomText(std::mt19937& random, std::size_t least, std::size_t most) {
  std::string text(least + random() % (most - least + 1), '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

TEST(Writer, WritesWhatIsReadBackWhateverItsSizes) {
  constexpr std::array<std::size_t, 4> kKeyBytes = {8, 40, 500, 5'000};
  constexpr std::array<std::size_t, 4> kValueBytes = {0, 30, 900, 6'000};
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::uint32_t page_size = 1024U << random() % 4;
    WrittenBuckets buckets;
    for (std::size_t i = 1 + random() % 3; i > 0; --i) {
      Values& values = buckets[RandomText(random, 1, 60)];
      const std::size_t key_bytes = kKeyBytes[random() % 4];
      const std::size_t value_bytes = kValueBytes[random() % 4];
      for (std::size_t entries = random() % 300; entries > 0; --entries) {
        const std::size_t most = random() % 50 == 0 ? 90'000 : value_bytes;
        values[RandomText(random, 1, key_bytes)] = RandomText(random, 0, most);
      }
    }
    WriteAndCheck(buckets, page_size);
    if (HasFailure()) return;
  }
}

// A file of which only the size is left.
class Nowhere final : public WritableFile {
 public:
  Status Append(std::span<const std::byte> bytes) override {
    size += bytes.size();
    return {};
  }
  Status WriteAt(std::uint64_t /*offset*/, std::span<const std::byte> /*bytes*/) override {
    return {};
  }
  Status Extend(std::uint64_t /*size_bytes*/) override { return {}; }
  Status Sync() override { return {}; }
  Status Close() override { return {}; }

  std::uint64_t size = 0;
};

// getrusage() would tell the peak of whoever started the program, where that is higher.
std::int64_t PeakMemoryKiB() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word && word != "VmHWM:") continue;
  std::int64_t peak = 0;
  status >> peak;
  return peak;
}

TEST(Writer, NeedsLittleMemoryForADatabaseOfAnySize) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers keep memory for themselves";
#endif
  constexpr std::uint64_t kTotal = 128ULL << 20;
  Nowhere file;
  Writer writer(file, 1024);
  const std::string value(900, 'v');
  const std::string long_value(5'999'636, 'v');  // behind it there is room for one that is not
  const std::int64_t before = PeakMemoryKiB();
  ASSERT_GT(before, 0);
  ASSERT_TRUE(writer.BeginBucket("b", 0).ok());
  for (int i = 0; file.size < kTotal; ++i) {
    const std::string key = std::to_string(1'000'000 + i);
    ASSERT_TRUE(writer.Add(key, i % 10'000 == 5'000 ? long_value : value).ok());
  }
  ASSERT_TRUE(writer.EndBucket().ok());
  EXPECT_EQ(*writer.Finish(), file.size);
  EXPECT_LT(PeakMemoryKiB() - before, 9 * 1024);
}

}  // namespace
}  // namespace warden::bbolt
