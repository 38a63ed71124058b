#include "exporter/restore/bump.h"

#include <gtest/gtest.h>

namespace warden::restore {
namespace {

WallTime At(std::int64_t seconds) {
  return WallTime(Seconds(seconds));
}

TEST(Bump, IsABillionWhereNothingIsKnown) {
  EXPECT_EQ(ProposeBump(100, {}, At(0)).by, kBumpUnknown);
  EXPECT_EQ(ProposeBump(100, {{At(0), 99}}, At(0)).by, kBumpUnknown)
      << "of another time, or another cluster";
}

TEST(Bump, PassesWhatWasSeenWithAMargin) {
  EXPECT_EQ(ProposeBump(100, {{At(0), 150}}, At(0)).by, 50 + kBumpMargin);
  EXPECT_EQ(ProposeBump(100, {{At(9), 120}, {At(0), 150}}, At(9)).by, 50 + kBumpMargin)
      << "the highest, whenever it was";
}

// 10 revisions a second, and seen just now: for an hour more.
TEST(Bump, CountsWhatMayHaveBeenWrittenSince) {
  EXPECT_EQ(ProposeBump(100, {{At(0), 100}, {At(100), 1'100}}, At(100)).by,
            1'000 + 10 * 3'600 + kBumpMargin);
}

// A backup and nothing since: who knows what came after it.
TEST(Bump, TrustsNoRateWhereNobodyWatched) {
  EXPECT_EQ(ProposeBump(6, {{At(0), 6}}, At(3'600)).by, 1'500 * 3'600 + kBumpMargin);
  EXPECT_EQ(ProposeBump(6, {{At(0), 6}}, At(30 * 86'400)).by, kBumpUnknown + kBumpMargin);
  EXPECT_EQ(ProposeBump(6, {{At(0), 6}, {At(100), 6}}, At(3'700)).by, 1'500 * 3'600 + kBumpMargin)
      << "a quiet minute says little of the hour after it";
}

TEST(Bump, IsNotMisledByClocks) {
  // Two looks at once, a clock that stood still or went back.
  const auto by = ProposeBump(0, {{At(0), 0}, {At(0), 1'000'000}, {At(1), 2'000'000}}, At(1)).by;
  EXPECT_EQ(by, 2'000'000 + kBumpMargin);
  EXPECT_EQ(ProposeBump(100, {{At(5'000), 150}}, At(0)).by, 50 + kBumpMargin) << "seen later";
  EXPECT_LE(ProposeBump(0, {{At(0), 0}, {At(10), 1'000'000'000'000}}, At(1'000'000'000)).by,
            1'000'000'000'000 + kBumpUnknown + kBumpMargin);
}

}  // namespace
}  // namespace warden::restore
