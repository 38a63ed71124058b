// Every kind of damage to a bucket's tree, by the finding that it must become.
#include "exporter/bbolt/tree.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/bbolt/check.h"

namespace warden::bbolt {
namespace {

using testing::BoltBucket;
using testing::BoltFile;
using testing::Check;
using testing::Checked;
using testing::Keys;
using testing::Lines;
using testing::MemoryFile;
namespace bolt = testing::bolt;

// The bucket "a" with k0 to k7: the leaves 2 (k0, k1, k2), 3 (k3, k4, k5) and 4 (k6, k7) below the
// branch 5; the root bucket is page 6, the last one.
BoltFile Branched() {
  return BoltFile({{"a", Keys(8)}}, {.fan_out = 3});
}

// Where the content of a leaf's element begins.
char& KeyOf(BoltFile& file, PageId page, std::size_t index) {
  const auto at = bolt::Leaf(index).flags.offset + file.Get(page, bolt::Leaf(index).position);
  return file.bytes()[file.At(page, at)];
}

// Makes the key "k3" the key "k<digit>".
void Rename(BoltFile& file, PageId page, std::size_t index, char digit) {
  *(&KeyOf(file, page, index) + 1) = digit;
}

struct Damage {
  const char* what;
  std::function<void(BoltFile&)> apply;
  Lines findings;
};

void ExpectFound(const std::vector<Damage>& damages) {
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.what);
    BoltFile file = Branched();
    damage.apply(file);
    const Checked checked = Check(file);
    EXPECT_TRUE(checked.opened.ok()) << checked.opened.message();
    EXPECT_EQ(checked.findings, damage.findings);
  }
}

TEST(Tree, IsLaidOutAsTheseTestsSay) {
  const BoltFile file = Branched();
  EXPECT_EQ(file.page_count(), 7U);
  EXPECT_EQ(file.RootOf("a"), 5U);
  EXPECT_EQ(file.root(), 6U);
  for (PageId leaf = 2; leaf < 5; ++leaf) EXPECT_EQ(file.Get(leaf, bolt::kFlags), 2);
  const Checked checked = Check(file);
  EXPECT_EQ(checked.findings, Lines());
  EXPECT_EQ(checked.buckets.at("a"), Keys(8).values);
}

TEST(Tree, FindsPagesThatAreNotWhatTheyShouldBe) {
  ExpectFound({
      {"another page",
       [](auto& f) { f.Set(3, bolt::kId, 9); },
       {"page 3: its header says that it is page 9"}},
      {"a freelist",
       [](auto& f) { f.Set(3, bolt::kFlags, 0x10); },
       {"page 3: neither a branch nor a leaf, its flags are 16"}},
      {"a meta page",
       [](auto& f) { f.Set(4, bolt::kFlags, 4); },
       {"page 4: neither a branch nor a leaf, its flags are 4"}},
      {"branch and leaf at once",
       [](auto& f) { f.Set(5, bolt::kFlags, 3); },
       {"page 5: neither a branch nor a leaf, its flags are 3"}},
      {"zeros",
       [](auto& f) { f.bytes().replace(f.At(3), 4096, 4096, '\0'); },
       {"page 3: its header says that it is page 0"}},
      {"a branch without children",
       [](auto& f) { f.Set(5, bolt::kCount, 0); },
       {"page 5: a branch without children"}},
  });
}

TEST(Tree, FindsElementsThatDoNotLieInThePage) {
  ExpectFound({
      {"too many for the page",
       [](auto& f) { f.Set(3, bolt::kCount, 0xFFFF); },
       {"page 3: 65535 elements do not fit into it"}},
      {"one too many",
       [](auto& f) { f.Set(3, bolt::kCount, 4); },
       {"page 3: the content does not lie where it should, of element 0"}},
      {"one too few",
       [](auto& f) { f.Set(3, bolt::kCount, 2); },
       {"page 3: the content does not lie where it should, of element 0"}},
      {"moved",
       [](auto& f) { f.Set(3, bolt::Leaf(1).position, 36); },
       {"page 3: the content does not lie where it should, of element 1"}},
      {"moved far",
       [](auto& f) { f.Set(3, bolt::Leaf(2).position, 0xFFFFFFFF); },
       {"page 3: the content does not lie where it should, of element 2"}},
      {"moved in a branch",
       [](auto& f) { f.Set(5, bolt::Branch(0).position, 0); },
       {"page 5: the content does not lie where it should, of element 0"}},
      {"a long key",
       [](auto& f) { f.Set(3, bolt::Leaf(2).key_bytes, 4096); },
       {"page 3: the content ends outside, of element 2"}},
      {"a long key in a branch",
       [](auto& f) { f.Set(5, bolt::Branch(2).key_bytes, 4096); },
       {"page 5: the content ends outside, of element 2"}},
      {"a long value",
       [](auto& f) { f.Set(3, bolt::Leaf(0).value_bytes, 4096); },
       {"page 3: the content ends outside, of element 0"}},
      {"lengths whose sum wraps around",
       [](auto& f) {
         f.Set(3, bolt::Leaf(0).key_bytes, 0xFFFFFFFF).Set(3, bolt::Leaf(0).value_bytes, 4);
       },
       {"page 3: the content ends outside, of element 0"}},
      {"no key",
       [](auto& f) { f.Set(3, bolt::Leaf(1).key_bytes, 0); },
       {"page 3: an empty key of element 1"}},
      {"unknown flags",
       [](auto& f) { f.Set(3, bolt::Leaf(1).flags, 2); },
       {"page 3: unknown flags of element 1"}},
  });
}

TEST(Tree, FindsKeysThatAreOutOfOrder) {
  ExpectFound({
      {"in a leaf",
       [](auto& f) { Rename(f, 3, 1, '9'); },
       {"page 3: the keys do not ascend at element 2"}},
      {"twice the same",
       [](auto& f) { Rename(f, 3, 1, '3'); },
       {"page 3: the keys do not ascend at element 1"}},
      {"in a branch",
       [](auto& f) { f.bytes()[f.At(5, 16 + f.Get(5, bolt::Branch(0).position) + 1)] = '9'; },
       {"page 5: the keys do not ascend at element 1"}},
      {"above the parent's key",
       [](auto& f) {
         Rename(f, 4, 0, '7');
         Rename(f, 4, 1, '8');
       },
       {"page 4: its keys do not fit those of the page above"}},
      {"none at all",
       [](auto& f) { f.Set(3, bolt::kCount, 0); },
       {"page 3: its keys do not fit those of the page above"}},
      {"below the parent's key",
       [](auto& f) { Rename(f, 3, 0, '2'); },
       {"page 3: its keys do not fit those of the page above"}},
      {"at the next parent's key",
       [](auto& f) { Rename(f, 3, 2, '6'); },
       {"page 3: its keys do not fit those of the page above"}},
  });
  // The last key of a tree has no bound.
  BoltFile file = Branched();
  Rename(file, 4, 1, '9');
  EXPECT_EQ(Check(file).findings, Lines());
}

TEST(Tree, VisitsNoPageTwice) {
  ExpectFound({
      {"a branch that points at itself",
       [](auto& f) { f.Set(5, bolt::Branch(1).child, 5); },
       {"page 5: it is reached in more than one way"}},
      {"at what is above it",
       [](auto& f) { f.Set(5, bolt::Branch(1).child, 6); },
       {"page 6: it is reached in more than one way"}},
      {"two parents of one leaf",
       [](auto& f) { f.Set(5, bolt::Branch(1).child, 2); },
       {"page 2: it is reached in more than one way"}},
      {"a bucket's root that is the root",
       [](auto& f) { f.SetMetas(bolt::kRoot, 5); },
       {"page 2: a value where only buckets belong", "page 2: a value where only buckets belong",
        "page 2: a value where only buckets belong", "page 3: a value where only buckets belong",
        "page 3: a value where only buckets belong", "page 3: a value where only buckets belong",
        "page 4: a value where only buckets belong", "page 4: a value where only buckets belong"}},
  });
}

TEST(Tree, FindsPagesThatAreOutOfBounds) {
  for (const PageId page : {PageId{0}, PageId{1}, PageId{7}, PageId{1} << 52, ~PageId{0}}) {
    ExpectFound({{"child",
                  [&](auto& f) { f.Set(5, bolt::Branch(1).child, page); },
                  {"page " + std::to_string(page) + ": the page is out of bounds"}}});
  }
}

TEST(Tree, FindsOverflowThatIsNotTheNodes) {
  ExpectFound({
      {"into the next page",
       [](auto& f) { f.Set(3, bolt::kOverflow, 1); },
       {"page 3: it takes 2 pages for 73 bytes"}},
      {"past the end",
       [](auto& f) { f.Set(3, bolt::kOverflow, 4); },
       {"page 3: it overflows into 4 pages, which is past the end"}},
      {"far past the end",
       [](auto& f) { f.Set(3, bolt::kOverflow, 0xFFFFFFFF); },
       {"page 3: it overflows into 4294967295 pages, which is past the end"}},
  });
}

TEST(Tree, TakesTheOverflowThatBboltGivesAndNoMore) {
  // 48 bytes besides the value; bbolt takes one page more where the node ends with a page.
  struct Case {
    std::size_t value_bytes;
    std::uint32_t overflow;
  };
  for (const Case& each : {Case{4047, 0}, Case{4048, 1}, Case{4049, 1}, Case{20'000, 4}}) {
    SCOPED_TRACE(each.value_bytes);
    BoltBucket bucket;
    bucket.values["key of 16 bytes."] = std::string(each.value_bytes, 'v');
    BoltFile file({{"a", bucket}});
    EXPECT_EQ(file.Get(2, bolt::kOverflow), each.overflow);
    const Checked checked = Check(file);
    EXPECT_EQ(checked.findings, Lines());
    EXPECT_EQ(checked.buckets.at("a"), bucket.values);
    if (each.overflow == 0) continue;
    const std::size_t exact = (48 + each.value_bytes) % 4096 == 0 ? 1 : 0;
    file.Set(2, bolt::kOverflow, each.overflow - 1);
    EXPECT_EQ(Check(file).findings,
              exact != 0 ? Lines() : Lines{"page 2: the content ends outside, of element 0"});
  }
}

TEST(Tree, GoesOnBesideADamagedPage) {
  BoltFile file = Branched();
  file.Set(3, bolt::kFlags, 0).Set(2, bolt::kId, 8);
  const Checked checked = Check(file);
  EXPECT_EQ(checked.findings, (Lines{"page 2: its header says that it is page 8",
                                     "page 3: neither a branch nor a leaf, its flags are 0"}));
  EXPECT_EQ(checked.buckets.at("a"), (testing::Values{{"k6", "v"}, {"k7", "v"}}));
}

// A chain of branches with one child each, on pages that lie free, above the leaf of "a".
BoltFile Chain(std::uint64_t branches) {
  BoltFile file({{"a", Keys(1)}}, {.free_pages = branches});
  const PageId leaf = file.RootOf("a");
  for (PageId page = 2; page < 2 + branches; ++page) {
    file.Set(page, bolt::kId, page).Set(page, bolt::kFlags, 1).Set(page, bolt::kCount, 1);
    file.Set(page, bolt::Branch(0).position, 16).Set(page, bolt::Branch(0).key_bytes, 2);
    file.Set(page, bolt::Branch(0).child, page + 1);
    file.bytes().replace(file.At(page, 32), 2, "k0");
  }
  EXPECT_EQ(leaf, 2 + branches);
  const std::size_t entry = file.At(file.root(), 16 + 16 + 1);
  file.bytes()[entry] = 2;
  return file;
}

TEST(Tree, EndsAtADepthThatNoTreeHas) {
  EXPECT_EQ(Check(Chain(kDepthMax)).findings, Lines());
  EXPECT_EQ(Check(Chain(kDepthMax + 1)).findings,
            Lines{"page 35: the tree is more than 32 levels deep"});
}

TEST(Tree, StopsCountingWhenNobodyReadsFurther) {
  BoltBucket bucket;
  for (int i = 1000; i < 3400; ++i) bucket.values[std::to_string(i)] = "v";
  BoltFile file({{"a", bucket}}, {.page_size = 1024, .fan_out = 2});
  for (PageId page = 2; page < 1202; ++page) file.Set(page, bolt::kFlags, 0);
  const Checked checked = Check(file);
  EXPECT_EQ(checked.count, Findings::kEnough);
  ASSERT_EQ(checked.findings.size(), Findings::kKept);
  EXPECT_EQ(checked.findings.back(), "page 101: neither a branch nor a leaf, its flags are 0");
}

}  // namespace
}  // namespace warden::bbolt
