#include "exporter/bbolt/freelist.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/bbolt/check.h"

namespace warden::bbolt {
namespace {

using testing::BoltFile;
using testing::BoltOptions;
using testing::Check;
using testing::Checked;
using testing::Keys;
using testing::Lines;
namespace bolt = testing::bolt;

// The pages 2 and 3 are free, 4 is the leaf of "a", 5 the root bucket, 6 the freelist.
BoltFile WithFreelist() {
  return BoltFile({{"a", Keys(2)}}, {.free_pages = 2, .has_freelist = true});
}

constexpr bolt::Field<std::uint64_t> Id(std::size_t index) {
  return {16 + 8 * index};
}

struct Damage {
  const char* what;
  std::function<void(BoltFile&)> apply;
  Lines findings;
};

void ExpectFound(const std::vector<Damage>& damages) {
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.what);
    BoltFile file = WithFreelist();
    damage.apply(file);
    EXPECT_EQ(Check(file).findings, damage.findings);
  }
}

TEST(Freelist, HoldsEveryPageThatIsNotReached) {
  ExpectFound({
      {"as it should be", [](auto& /*file*/) {}, {}},
      {"one missing",
       [](auto& f) { f.Set(6, bolt::kCount, 1); },
       {"page 3: it is neither reached nor free"}},
      {"one twice",
       [](auto& f) { f.Set(6, Id(1), 2); },
       {"page 2: it is free twice", "page 3: it is neither reached nor free"}},
      {"a leaf",
       [](auto& f) { f.Set(6, Id(1), 4); },
       {"page 3: it is neither reached nor free", "page 4: it is both free and in use"}},
      {"the root",
       [](auto& f) { f.Set(6, Id(0), 5); },
       {"page 2: it is neither reached nor free", "page 5: it is both free and in use"}},
      {"itself",
       [](auto& f) { f.Set(6, bolt::kCount, 3).Set(6, Id(2), 6); },
       {"page 6: it is both free and in use"}},
      {"a meta page",
       [](auto& f) { f.Set(6, bolt::kCount, 3).Set(6, Id(2), 1); },
       {"page 1: it is free, but out of bounds"}},
      {"the first page past the end",
       [](auto& f) { f.Set(6, bolt::kCount, 3).Set(6, Id(2), 7); },
       {"page 7: it is free, but out of bounds"}},
      {"no page",
       [](auto& f) { f.Set(6, bolt::kCount, 3).Set(6, Id(2), ~0ULL); },
       {"page 18446744073709551615: it is free, but out of bounds"}},
  });
}

TEST(Freelist, HasToBeOneThatFits) {
  ExpectFound({
      {"a leaf", [](auto& f) { f.Set(6, bolt::kFlags, 2); }, {"page 6: it is no freelist"}},
      {"another page", [](auto& f) { f.Set(6, bolt::kId, 5); }, {"page 6: it is no freelist"}},
      {"a page of a tree",
       [](auto& f) { f.SetMetas(bolt::kFreelist, 4); },
       {"page 4: it is no freelist"}},
      {"overflow",
       [](auto& f) { f.Set(6, bolt::kOverflow, 1); },
       {"page 6: the freelist overflows past the end"}},
      {"most overflow",
       [](auto& f) { f.Set(6, bolt::kOverflow, 0xFFFFFFFF); },
       {"page 6: the freelist overflows past the end"}},
      {"too many ids",
       [](auto& f) { f.Set(6, bolt::kCount, 511); },
       {"page 6: 511 free pages do not fit into it"}},
      {"pages of a tree in it",
       [](auto& f) {
         f.SetMetas(bolt::kFreelist, 3).Set(3, bolt::kId, 3).Set(3, bolt::kFlags, 0x10);
         f.Set(3, bolt::kOverflow, 1);
       },
       {"page 3: it is reached in more than one way"}},
  });
}

TEST(Freelist, MayCountItsPagesInsideOfIt) {
  const auto count_inside = [](BoltFile& file, std::uint64_t count) {
    file.Set(6, bolt::kCount, 0xFFFF).Set(6, Id(0), count).Set(6, Id(1), 2).Set(6, Id(2), 3);
  };
  ExpectFound({
      {"two", [&](auto& f) { count_inside(f, 2); }, {}},
      {"one", [&](auto& f) { count_inside(f, 1); }, {"page 3: it is neither reached nor free"}},
      {"as many as fit and one more",
       [&](auto& f) { count_inside(f, 510); },
       {"page 6: 510 free pages do not fit into it"}},
      {"a number that wraps around",
       [&](auto& f) { count_inside(f, 1ULL << 61); },
       {"page 6: 2305843009213693952 free pages do not fit into it"}},
      {"the largest",
       [&](auto& f) { count_inside(f, ~0ULL); },
       {"page 6: 18446744073709551615 free pages do not fit into it"}},
  });
}

TEST(Freelist, MayTakeManyPages) {
  // One page, several, and so many that they are read in parts.
  for (const std::uint64_t pages : {0ULL, 100ULL, 127ULL, 9'000ULL}) {
    const BoltOptions options{.page_size = 1024, .free_pages = pages, .has_freelist = true};
    BoltFile file({{"a", Keys(2)}}, options);
    EXPECT_EQ(Check(file).findings, Lines()) << pages;
    if (pages == 0) continue;
    file.Set(file.freelist(), Id(pages - 1), file.root());
    EXPECT_EQ(Check(file).count, 2U) << pages;
  }
}

TEST(Freelist, IsNotMissedWhereThereIsNone) {
  EXPECT_EQ(Check(BoltFile({{"a", Keys(2)}}, {.free_pages = 50})).findings, Lines());
}

}  // namespace
}  // namespace warden::bbolt
