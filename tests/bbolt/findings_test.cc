#include "exporter/bbolt/findings.h"

#include <gtest/gtest.h>

#include <string>

namespace warden::bbolt {
namespace {

TEST(Findings, ReadAsOneLineEach) {
  EXPECT_EQ(Describe({17, "the keys are out of order"}), "page 17: the keys are out of order");
  EXPECT_EQ(Describe({std::nullopt, "no bucket"}), "no bucket");
  Findings findings;
  findings.Add(2, "a\nkey\x1b[31m");
  EXPECT_EQ(findings.Kept().front().what, "a key [31m");
}

TEST(Findings, AreSortedByPageWithThoseOfNoneFirst) {
  Findings findings;
  findings.Add(9, "b");
  findings.Add(3, "z");
  findings.Add(std::nullopt, "n");
  findings.Add(9, "a");
  const std::vector<Finding> sorted = {{std::nullopt, "n"}, {3, "z"}, {9, "a"}, {9, "b"}};
  EXPECT_EQ(findings.Kept(), sorted);
}

TEST(Findings, KeepTheFirstAndCountTheRest) {
  Findings findings;
  for (std::size_t i = 1; i <= Findings::kEnough; ++i) {
    EXPECT_FALSE(findings.enough()) << i;
    findings.Add(2 * Findings::kEnough - i, "found");
  }
  EXPECT_TRUE(findings.enough());
  EXPECT_EQ(findings.count(), Findings::kEnough);
  const std::vector<Finding> kept = findings.Kept();
  ASSERT_EQ(kept.size(), Findings::kKept);
  EXPECT_EQ(kept.back().page, 2 * Findings::kEnough - 1);
}

}  // namespace
}  // namespace warden::bbolt
