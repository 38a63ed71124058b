#include "exporter/cli/progress.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace warden::cli {
namespace {

TEST(DescribeProgress, SaysHowMuchHowFastAndHowLongStill) {
  struct Case {
    std::uint64_t done, total;
    Nanoseconds elapsed;
    std::string line;
  };
  constexpr std::uint64_t kGigabyte = 1'000'000'000;
  const Case cases[] = {
      {kGigabyte, 4 * kGigabyte, Seconds(2), "x.db: 1.0 GB of 4.0 GB, 500 MB/s, 7s left"},
      {kGigabyte, 4 * kGigabyte, Seconds(50), "x.db: 1.0 GB of 4.0 GB, 20 MB/s, 2m31s left"},
      // What is left is rounded up: the work goes on.
      {4 * kGigabyte, 4 * kGigabyte, Seconds(8), "x.db: 4.0 GB of 4.0 GB, 500 MB/s, 1s left"},
      // Nothing can be foretold yet.
      {0, 4 * kGigabyte, Seconds(2), "x.db: 0 B of 4.0 GB"},
      {kGigabyte, 4 * kGigabyte, Seconds(0), "x.db: 1.0 GB of 4.0 GB"},
      {kGigabyte, 4 * kGigabyte, Seconds(-1), "x.db: 1.0 GB of 4.0 GB"},
      {0, 0, Seconds(1), "x.db: 0 B of 0 B"},
      // A database that grew since its size was asked for.
      {5 * kGigabyte, 4 * kGigabyte, Seconds(8), "x.db: 4.0 GB of 4.0 GB, 500 MB/s, 1s left"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(DescribeProgress("x.db", each.done, each.total, each.elapsed), each.line);
  }
}

TEST(DescribeProgress, KeepsItsHeadOverTheLargestNumbers) {
  const std::string line = DescribeProgress("x", 1, UINT64_MAX, std::chrono::hours(24));
  EXPECT_TRUE(line.starts_with("x: 1 B of 18 EB, 0 B/s, 11d13h")) << line;
  EXPECT_TRUE(line.ends_with(" left")) << line;
}

}  // namespace
}  // namespace warden::cli
