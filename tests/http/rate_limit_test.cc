#include "exporter/http/rate_limit.h"

#include <gtest/gtest.h>

namespace warden::http {
namespace {

TEST(TokenBucket, HoldsABurstAndFillsUpInTime) {
  const config::RateLimit limit{.interval = Seconds(1), .burst = 3};
  const SteadyTime start = SteadyTime() + Seconds(100);
  TokenBucket bucket;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.Take(limit, start)) << i;
  EXPECT_FALSE(bucket.Take(limit, start));
  EXPECT_FALSE(bucket.Take(limit, start + Milliseconds(999)));
  EXPECT_TRUE(bucket.Take(limit, start + Seconds(1)));
  EXPECT_FALSE(bucket.Take(limit, start + Seconds(1)));
  EXPECT_TRUE(bucket.Take(limit, start + Seconds(3)));
  EXPECT_TRUE(bucket.Take(limit, start + Seconds(3)));
  EXPECT_FALSE(bucket.Take(limit, start + Seconds(3)));
  // It never holds more than the burst.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.Take(limit, start + Seconds(1000)));
  EXPECT_FALSE(bucket.Take(limit, start + Seconds(1000)));
}

TEST(TokenBucket, HasNoEndWithoutAnInterval) {
  TokenBucket bucket;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(bucket.Take({}, SteadyTime()));
}

TEST(TokenBucket, FollowsAnotherLimit) {
  TokenBucket bucket;
  const SteadyTime now = SteadyTime() + Seconds(100);
  EXPECT_TRUE(bucket.Take({.interval = Seconds(10), .burst = 1}, now));
  EXPECT_FALSE(bucket.Take({.interval = Seconds(10), .burst = 1}, now));
  EXPECT_TRUE(bucket.Take({.interval = Seconds(10), .burst = 2}, now));
  EXPECT_TRUE(bucket.Take({.interval = Seconds(3600), .burst = 1'000'000}, now));
}

}  // namespace
}  // namespace warden::http
