// The entries of the root bucket, small buckets inside their entries, and buckets inside buckets.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "exporter/bbolt/tree.h"
#include "tests/bbolt/check.h"

namespace warden::bbolt {
namespace {

using testing::BoltBucket;
using testing::BoltBuckets;
using testing::BoltFile;
using testing::Check;
using testing::Checked;
using testing::Keys;
using testing::Lines;
namespace bolt = testing::bolt;

BoltBucket Inline(BoltBucket bucket) {
  bucket.is_inline = true;
  return bucket;
}

BoltBucket With(BoltBucket inner) {
  BoltBucket outer = Keys(1);
  outer.buckets.push_back({"n", std::move(inner)});
  return outer;
}

struct Damage {
  const char* what;
  std::function<void(BoltFile&)> apply;
  Lines findings;
};

void ExpectFound(const BoltBuckets& buckets, const std::vector<Damage>& damages) {
  ASSERT_EQ(Check(BoltFile(buckets)).findings, Lines());
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.what);
    BoltFile file(buckets);
    damage.apply(file);
    EXPECT_EQ(Check(file).findings, damage.findings);
  }
}

TEST(Buckets, AreReadFromTreesAndFromEntriesAlike) {
  BoltBuckets buckets = {{"empty", {}}, {"inline empty", Inline({})}};
  buckets["tree"] = Keys(5);
  buckets["inline"] = Inline(Keys(5));
  for (const std::size_t fan_out : {2UL, 3UL, 100UL}) {
    const Checked checked = Check(BoltFile(buckets, {.fan_out = fan_out}));
    EXPECT_EQ(checked.findings, Lines());
    ASSERT_EQ(checked.buckets.size(), buckets.size());
    for (const auto& [name, bucket] : buckets) EXPECT_EQ(checked.buckets.at(name), bucket.values);
  }
}

TEST(Buckets, MayBeNone) {
  const Checked checked = Check(BoltFile(BoltBuckets{}));
  EXPECT_EQ(checked.findings, Lines());
  EXPECT_TRUE(checked.buckets.empty());
}

// The leaf of "a" is page 2, the root bucket page 3: there the header of "a" begins behind the page
// header, one element and the name.
constexpr std::size_t kHeaderOfA = 16 + 16 + 1;

TEST(Buckets, HaveHeadersThatMakeSense) {
  ExpectFound({{"a", Keys(3)}}, {{"a value",
                                  [](auto& f) { f.Set(3, bolt::Leaf(0).flags, 0); },
                                  {"page 3: a value where only buckets belong"}},
                                 {"no header",
                                  [](auto& f) { f.Set(3, bolt::Leaf(0).value_bytes, 0); },
                                  {"page 3: bucket \"a\": its header is cut short"}},
                                 {"a short header",
                                  [](auto& f) { f.Set(3, bolt::Leaf(0).value_bytes, 15); },
                                  {"page 3: bucket \"a\": its header is cut short"}},
                                 {"more than a header",
                                  [](auto& f) { f.Set(3, bolt::Leaf(0).value_bytes, 17); },
                                  {"page 3: bucket \"a\": bytes behind its header"}},
                                 {"a name to be shown",
                                  [](auto& f) {
                                    f.bytes()[f.At(3, 32)] = '\n';
                                    f.Set(3, bolt::Leaf(0).value_bytes, 15);
                                  },
                                  {"page 3: bucket \" \": its header is cut short"}},
                                 {"its own page's root",
                                  [](auto& f) { f.bytes()[f.At(3, kHeaderOfA)] = 3; },
                                  {"page 3: it is reached in more than one way"}}});
}

TEST(Buckets, InsideTheirEntriesFillThemToTheLastByte) {
  // Here the root bucket is page 2.
  constexpr std::size_t kNode = kHeaderOfA + 16;
  ExpectFound({{"a", Inline(Keys(2))}},
              {{"no node",
                [](auto& f) { f.Set(2, bolt::Leaf(0).value_bytes, 16); },
                {"page 2: bucket \"a\": it is shorter than a page header"}},
               {"half a node",
                [](auto& f) { f.Set(2, bolt::Leaf(0).value_bytes, 16 + 40); },
                {"page 2: bucket \"a\": 2 elements do not fit into it"}},
               {"one byte less",
                [](auto& f) { f.Set(2, bolt::Leaf(0).value_bytes, 69); },
                {"page 2: bucket \"a\": the content ends outside, of element 1"}},
               {"one byte more",
                [](auto& f) { f.Set(2, bolt::Leaf(0).value_bytes, 71); },
                {"page 2: bucket \"a\": its bytes do not end with its elements"}},
               {"an id",
                [](auto& f) { f.bytes()[f.At(2, kNode)] = 5; },
                {"page 2: bucket \"a\": its header says that it is page 5"}},
               {"overflow",
                [](auto& f) { f.bytes()[f.At(2, kNode + 12)] = 1; },
                {"page 2: bucket \"a\": not a single leaf"}},
               {"no leaf",
                [](auto& f) { f.bytes()[f.At(2, kNode + 8)] = 4; },
                {"page 2: bucket \"a\": neither a branch nor a leaf, its flags are 4"}},
               {"the wrong order",
                [](auto& f) { f.bytes()[f.At(2, kNode + 16 + 32 + 1)] = '2'; },
                {"page 2: bucket \"a\": the keys do not ascend at element 1"}}});
}

TEST(Buckets, InsideTheirEntriesAreNoBranches) {
  // A branch's element is as long as a leaf's: its child is 2, its key 1 byte long.
  BoltFile file({{"a", Inline({.values = {{"k", ""}}, .buckets = {}})}});
  const PageId root = file.root();
  file.bytes()[file.At(root, kHeaderOfA + 16 + 8)] = 1;
  const std::string element("\x10\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0", 16);
  file.bytes().replace(file.At(root, kHeaderOfA + 16 + 16), 16, element);
  EXPECT_EQ(Check(file).findings, Lines{"page 2: bucket \"a\": not a single leaf"});
}

TEST(NestedBuckets, AreCheckedAndNotVisited) {
  for (const bool is_inline : {false, true}) {
    BoltBucket inner = Keys(3);
    inner.is_inline = is_inline;
    const Checked checked = Check(BoltFile({{"a", With(With(inner))}}, {.fan_out = 2}));
    EXPECT_EQ(checked.findings, Lines());
    EXPECT_EQ(checked.buckets.at("a").size(), 2U);
    EXPECT_TRUE(checked.buckets.at("a").contains("n"));
  }
}

TEST(NestedBuckets, AreDamagedLikeAnyOther) {
  // The page 2 is the leaf of "n", page 3 that of "a", whose elements are "k0" and "n".
  ExpectFound({{"a", With(Keys(3))}}, {{"a page",
                                        [](auto& f) { f.Set(2, bolt::kId, 9); },
                                        {"page 2: its header says that it is page 9"}},
                                       {"keys",
                                        [](auto& f) { f.Set(2, bolt::Leaf(1).key_bytes, 0); },
                                        {"page 2: an empty key of element 1"}},
                                       {"its header",
                                        [](auto& f) { f.Set(3, bolt::Leaf(1).value_bytes, 3); },
                                        {"page 3: bucket \"n\": its header is cut short"}},
                                       {"its root is its owner",
                                        [](auto& f) { f.bytes()[f.At(3, 16 + 32 + 3 + 1)] = 3; },
                                        {"page 3: it is reached in more than one way"}},
                                       {"its root is nowhere",
                                        [](auto& f) { f.bytes()[f.At(3, 16 + 32 + 3 + 1)] = 99; },
                                        {"page 99: the page is out of bounds"}}});
}

TEST(NestedBuckets, InsideEntriesAreFollowedOnlySoDeep) {
  struct Case {
    int levels;
    Lines findings;
  };
  for (const Case& each : {Case{10, {}}, Case{30, {"page 2: buckets are nested too deeply"}}}) {
    BoltBucket bucket = Inline(Keys(1));
    for (int i = 0; i < each.levels; ++i) bucket = Inline(With(bucket));
    EXPECT_EQ(Check(BoltFile({{"a", bucket}})).findings, each.findings) << each.levels;
  }
}

TEST(NestedBuckets, InTreesAreFollowedOnlySoDeep) {
  BoltBucket bucket = Keys(1);
  for (int i = 0; i < 40; ++i) bucket = With(bucket);
  const Checked checked = Check(BoltFile({{"a", bucket}}));
  ASSERT_EQ(checked.findings.size(), 1U);
  EXPECT_TRUE(checked.findings[0].ends_with(": the tree is more than 32 levels deep"));
}

TEST(Buckets, AreNoMoreThanAnyEtcdHas) {
  BoltBuckets buckets;
  for (std::size_t i = 0; i < kBucketsMax; ++i) buckets[std::to_string(1'000 + i)] = Inline({});
  EXPECT_EQ(Check(BoltFile(buckets)).findings, Lines());
  buckets["x"] = Inline({});
  const Checked checked = Check(BoltFile(buckets));
  ASSERT_EQ(checked.findings.size(), 1U);
  EXPECT_TRUE(checked.findings[0].ends_with(": more buckets than any etcd has"));
}

}  // namespace
}  // namespace warden::bbolt
