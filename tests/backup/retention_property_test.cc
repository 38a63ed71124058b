// What holds for every history, on some of those that tests/retention/run checks.
#include <gtest/gtest.h>

#include "tests/retention/properties.h"

namespace warden::retention {
namespace {

constexpr std::uint64_t kSeed = 20'261'125;
constexpr std::uint64_t kHistories = 2'000;

TEST(RetentionProperties, HoldForAnyHistoryAndAnyRules) {
  Tally tally;
  for (std::uint64_t i = 0; i < kHistories; ++i) {
    ASSERT_EQ(CheckNumber(kSeed, i, tally), "") << "retain --seed=" << kSeed << " --only=" << i;
  }
  // The histories are worth nothing if something hardly happens in them.
  for (const char* kind : {"kept",
                           "deleted",
                           "prunes",
                           "pinned",
                           "created in the future",
                           "not verified",
                           "no rule for class",
                           "in quarantine, newest",
                           "in quarantine, and",
                           "the newest verified",
                           "one of the",
                           "last",
                           "within",
                           "newest from before",
                           "newest of (hourly)",
                           "newest of (daily)",
                           "newest of (weekly)",
                           "newest of (monthly)",
                           "newest of (yearly)",
                           "oldest (hourly)",
                           "oldest (daily)",
                           "oldest (weekly)",
                           "oldest (monthly)",
                           "oldest (yearly)",
                           "all are kept that fit",
                           "not kept by any rule",
                           "exceeds the"}) {
    EXPECT_GE(tally[kind], 100U) << kind;
  }
  for (const auto& [kind, count] : tally) EXPECT_FALSE(kind.starts_with("unknown")) << kind;
}

TEST(RetentionProperties, DrawTheSameHistoryForTheSameNumber) {
  Dice first(1, 2);
  Dice second(1, 2);
  Dice other(1, 3);
  const std::string history = Describe(DrawHistory(first));
  EXPECT_EQ(Describe(DrawHistory(second)), history);
  EXPECT_NE(Describe(DrawHistory(other)), history);
}

}  // namespace
}  // namespace warden::retention
