// How a walk is cut into parts and how it ends early.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "exporter/bbolt/tree.h"
#include "tests/bbolt/check.h"

namespace warden::bbolt {
namespace {

using testing::BoltBucket;
using testing::BoltFile;
using testing::Lines;
using testing::MemoryFile;
namespace bolt = testing::bolt;

// An opened file and what a walk over it needs.
class Walking {
 public:
  explicit Walking(const BoltFile& file, std::stop_token stop = {})
      : memory_(file.bytes()),
        database_(*Database::Open(memory_, memory_.size(), findings_)),
        seen_(file.page_count()),
        walker_({.database = database_, .findings = findings_, .seen = seen_, .stop = stop}) {}

  TreeWalker& walker() { return walker_; }
  Lines findings() const { return testing::Describe(findings_); }
  Bucket First() {
    std::vector<Bucket> buckets = walker_.ReadBuckets();
    return buckets.empty() ? Bucket{} : buckets.front();
  }
  // Notes the pages and the keys of the leaves.
  LeafVisitor Note() {
    return [this](const Node& leaf, PageId page) {
      pages.push_back(page);
      for (std::uint32_t i = 0; i < leaf.count(); ++i) keys.emplace_back(leaf[i].key);
      return true;
    };
  }

  std::vector<PageId> pages;
  std::vector<std::string> keys;

 private:
  const MemoryFile memory_;
  Findings findings_;
  const Database database_;
  PageSet seen_;
  TreeWalker walker_;
};

BoltFile Tree(int keys, std::size_t fan_out) {
  BoltBucket bucket;
  for (int i = 0; i < keys; ++i) bucket.values[std::to_string(1'000 + i)] = "v";
  return BoltFile({{"a", bucket}}, {.page_size = 1024, .fan_out = fan_out});
}

TEST(Split, GivesTheLeavesOfAWalkInOrder) {
  for (const auto& [keys, fan_out] : {std::pair(0, 2), {1, 2}, {50, 2}, {500, 7}, {900, 60}}) {
    const BoltFile file = Tree(keys, static_cast<std::size_t>(fan_out));
    Walking whole(file);
    whole.walker().Walk(whole.First(), whole.Note());
    ASSERT_EQ(whole.keys.size(), static_cast<std::size_t>(keys));
    for (const std::size_t wanted : {0UL, 1UL, 2UL, 3UL, 8UL, 64UL, 10'000UL}) {
      SCOPED_TRACE(std::to_string(keys) + " keys in " + std::to_string(wanted));
      Walking parts(file);
      const std::vector<Subtree> split = parts.walker().Split(parts.First(), wanted);
      EXPECT_GE(split.size(), std::min(wanted, whole.pages.size()));
      for (const Subtree& part : split) parts.walker().Walk(part, parts.Note());
      EXPECT_EQ(parts.pages, whole.pages);
      EXPECT_EQ(parts.keys, whole.keys);
      EXPECT_EQ(parts.findings(), Lines());
    }
  }
}

TEST(Split, FindsWhatAWalkFinds) {
  // The leaves 2 to 26 and above them the branches 27 to 39 and so on, the root last but one.
  const BoltFile good = Tree(50, 2);
  const PageId root = good.RootOf("a");
  for (PageId page = 2; page <= root; ++page) {
    for (const std::uint16_t flags : {0, 1, 2, 0x10}) {
      BoltFile file = good;
      file.Set(page, bolt::kFlags, flags);
      Walking whole(file);
      whole.walker().Walk(whole.First(), whole.Note());
      Walking parts(file);
      for (const Subtree& part : parts.walker().Split(parts.First(), 8)) {
        parts.walker().Walk(part, parts.Note());
      }
      ASSERT_EQ(parts.findings(), whole.findings()) << page << " as " << flags;
      ASSERT_EQ(parts.keys, whole.keys) << page << " as " << flags;
    }
  }
}

TEST(Split, KeepsThePartsWithinTheKeysOfTheirParents) {
  BoltFile file = Tree(50, 2);
  // The key 1010 of the sixth leaf becomes 1910.
  const std::size_t key = file.bytes().find("1010");
  file.bytes()[key + 1] = '9';
  Walking parts(file);
  for (const Subtree& part : parts.walker().Split(parts.First(), 64)) {
    parts.walker().Walk(part, parts.Note());
  }
  EXPECT_EQ(parts.findings(), Lines{"page 7: the keys do not ascend at element 1"});
  file.bytes()[file.bytes().find("1011") + 1] = '9';
  Walking again(file);
  for (const Subtree& part : again.walker().Split(again.First(), 64)) {
    again.walker().Walk(part, again.Note());
  }
  EXPECT_EQ(again.findings(), Lines{"page 7: its keys do not fit those of the page above"});
}

TEST(Walk, EndsWhenTheVisitorHasSeenEnough) {
  Walking walking(Tree(50, 2));
  walking.walker().Walk(walking.First(), [&](const Node& /*leaf*/, PageId page) {
    walking.pages.push_back(page);
    return walking.pages.size() < 3;
  });
  EXPECT_EQ(walking.pages, (std::vector<PageId>{2, 3, 4}));
  EXPECT_EQ(walking.findings(), Lines());
}

TEST(Walk, EndsWhenItIsStopped) {
  std::stop_source stop;
  Walking walking(Tree(50, 2), stop.get_token());
  const Bucket bucket = walking.First();
  walking.walker().Walk(bucket, [&](const Node& /*leaf*/, PageId page) {
    walking.pages.push_back(page);
    if (page == 4) stop.request_stop();
    return true;
  });
  EXPECT_EQ(walking.pages, (std::vector<PageId>{2, 3, 4}));
  walking.walker().Walk(bucket, walking.Note());
  EXPECT_EQ(walking.pages.size(), 3U);
  EXPECT_TRUE(walking.walker().ReadBuckets().empty());
  EXPECT_EQ(walking.findings(), Lines());
}

TEST(Walk, ReadsPagesThatLieApartAndBackwardsToo) {
  // Swaps the first two leaves' pages, and the last one's with another's far before.
  BoltFile file = Tree(50, 2);
  const auto swap = [&](PageId a, PageId b, PageId parent_a, std::size_t at_a, PageId parent_b,
                        std::size_t at_b) {
    for (std::size_t i = 0; i < 1024; ++i) {
      std::swap(file.bytes()[file.At(a, i)], file.bytes()[file.At(b, i)]);
    }
    file.Set(a, bolt::kId, a).Set(b, bolt::kId, b);
    file.Set(parent_a, bolt::Branch(at_a).child, b).Set(parent_b, bolt::Branch(at_b).child, a);
  };
  swap(2, 3, 27, 0, 27, 1);
  swap(4, 25, 28, 0, 38, 1);
  Walking walking(file);
  walking.walker().Walk(walking.First(), walking.Note());
  EXPECT_EQ(walking.findings(), Lines());
  ASSERT_EQ(walking.keys.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(walking.keys));
  EXPECT_EQ(walking.pages[0], 3U);
  EXPECT_EQ(walking.pages[2], 25U);
}

TEST(PageSet, TellsWhatIsInIt) {
  PageSet pages(1'000);
  std::set<PageId> model;
  for (PageId page = 3; page < 1'000; page = page * 5 / 3) {
    EXPECT_TRUE(pages.Insert(page)) << page;
    EXPECT_FALSE(pages.Insert(page)) << page;
    model.insert(page);
  }
  EXPECT_TRUE(pages.Insert(999));
  model.insert(999);
  for (PageId page = 0; page < 1'000; ++page) {
    EXPECT_EQ(pages.Contains(page), model.contains(page)) << page;
  }
}

}  // namespace
}  // namespace warden::bbolt
