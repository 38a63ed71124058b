// What a checker keeps and logs of its checks, and when it makes them.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "tests/collector/hashkv_fixture.h"

namespace warden::collector {
namespace {

TEST_F(HashKvTest, KeepsTheResultOfTheLastCheckThatCompared) {
  EXPECT_FALSE(checker_.Latest().finished);
  cluster_.OnHash([&](const Deadline&) { clock_.Advance(Milliseconds(500)); });
  SetHash(2, MakeHash(2, 8));
  checker_.CheckNow({});
  const HashCheckResult result = checker_.Latest();
  EXPECT_EQ(result.finished, kViewTime + Milliseconds(1500));
  EXPECT_EQ(result.duration, Milliseconds(1500));
  EXPECT_EQ(result.compared, 3);
  EXPECT_EQ(result.mismatched, 1);

  SetHash(2, MakeHash(2, 8, 200));
  SetHash(3, MakeHash(3, 8, 300));
  checker_.CheckNow({});
  EXPECT_EQ(checker_.Latest().finished, result.finished) << "the second compared nothing";
  EXPECT_EQ(checker_.Latest().mismatched, 1);
}

TEST_F(HashKvTest, KeepsHowTheLastCallsWent) {
  EXPECT_TRUE(checker_.Latest().calls.empty());
  for (int n = 1; n <= 3; ++n) Fail(n, etcd::Reason::kPermissionDenied, "permission denied");
  checker_.CheckNow({});
  ASSERT_EQ(checker_.Latest().calls.size(), 1u) << "the others were not asked";
  EXPECT_FALSE(checker_.Latest().calls.begin()->second.ok);
  for (int n = 1; n <= 3; ++n) {
    cluster_.SetHash(UrlOf(n), {.value = MakeHash(n, 7), .duration = Milliseconds(n)});
  }
  Fail(2, etcd::Reason::kTimeout, "Deadline Exceeded");
  checker_.CheckNow({});
  const HashCalls calls = checker_.Latest().calls;
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_TRUE(calls.at(UrlOf(1)).ok);
  EXPECT_EQ(calls.at(UrlOf(1)).duration, Milliseconds(1));
  EXPECT_FALSE(calls.at(UrlOf(2)).ok);
}

TEST_F(HashKvTest, GoesOnWithTheResultOfAPredecessor) {
  SetHash(2, MakeHash(2, 8));
  checker_.CheckNow({});
  HashChecker successor("prod", Seconds(60), tools_, log_);
  successor.Inherit(checker_);
  EXPECT_EQ(successor.Latest().finished, kViewTime);
  EXPECT_EQ(successor.Latest().compared, 3);
  EXPECT_EQ(successor.Latest().mismatched, 1);
  EXPECT_TRUE(successor.Latest().calls.empty()) << "of endpoints that may be gone";
}

TEST_F(HashKvTest, LogsWhoDiffers) {
  checker_.CheckNow({});
  EXPECT_TRUE(log_.lines().empty()) << "all is well";
  SetHash(2, MakeHash(2, 8));
  checker_.CheckNow({});
  ASSERT_EQ(log_.lines().size(), 1u);
  EXPECT_TRUE(log_.Contains("members hold other data than the majority")) << log_.lines()[0];
  EXPECT_TRUE(log_.Contains("m2 (91bc3c398fb3c146)")) << log_.lines()[0];
  SetHash(3, MakeHash(3, 9));
  checker_.CheckNow({});
  EXPECT_TRUE(log_.Contains("no majority")) << log_.lines()[1];
}

TEST_F(HashKvTest, LogsARefusalOnceUntilItWorks) {
  for (int n = 1; n <= 3; ++n) Fail(n, etcd::Reason::kPermissionDenied, "permission denied");
  checker_.CheckNow({});
  checker_.CheckNow({});
  ASSERT_EQ(log_.lines().size(), 1u);
  EXPECT_TRUE(log_.Contains("auth.backup")) << log_.lines()[0];
  EXPECT_FALSE(checker_.Latest().finished);
  for (int n = 1; n <= 3; ++n) SetHash(n, MakeHash(n, 7));
  checker_.CheckNow({});
  for (int n = 1; n <= 3; ++n) Fail(n, etcd::Reason::kUnauthenticated, "user name is empty");
  checker_.CheckNow({});
  EXPECT_EQ(log_.lines().size(), 2u);
}

TEST_F(HashKvTest, LogsOnceThatThereIsNothingToCompareWith) {
  cluster_.SetView(MakeView(1));
  checker_.CheckNow({});
  checker_.CheckNow({});
  EXPECT_EQ(log_.lines().size(), 1u);
  etcd::ClusterView outage = MakeView(2);
  testing::FailStatus(outage.endpoints[1]);
  cluster_.SetView(outage);
  checker_.CheckNow({});
  EXPECT_EQ(log_.lines().size(), 2u) << "for another reason now";
  cluster_.SetView(MakeView(3));
  checker_.CheckNow({});
  cluster_.SetView(outage);
  checker_.CheckNow({});
  EXPECT_EQ(log_.lines().size(), 3u) << "it had worked meanwhile";
}

TEST(HashChecker, WaitsBeforeItsFirstCheck) {
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    const Nanoseconds hourly = FirstDelay(Seconds(3600), random);
    EXPECT_GE(hourly, Seconds(30));
    EXPECT_LE(hourly, Seconds(90));
    EXPECT_LE(FirstDelay(Seconds(60), random), Seconds(60));
    EXPECT_EQ(FirstDelay(Seconds(1), random), Seconds(1));
  }
}

TEST(HashChecker, ChecksAgainAndAgainUntilItIsStopped) {
  testing::FakeCluster cluster;
  for (int n = 1; n <= 3; ++n) cluster.SetHash(UrlOf(n), {.value = MakeHash(n, 7)});
  const SystemClock clock;
  testing::RecordingLogger log;
  metrics::Instruments instruments;
  std::stop_source stop;
  HashChecker checker("prod", Seconds(1),
                      {cluster, clock, instruments, [] { return std::nullopt; }}, log);
  checker.Start(stop.get_token());
  const SteadyTime limit = clock.Steady() + Seconds(60);
  while (cluster.hashed().size() < 6 && clock.Steady() < limit) {
    std::this_thread::sleep_for(Milliseconds(10));
  }
  stop.request_stop();
  const std::size_t asked = cluster.hashed().size();
  EXPECT_GE(asked, 6u) << "two checks of three members";
  EXPECT_TRUE(checker.Latest().finished);
  // Longer than the interval: a third check would ask three more.
  std::this_thread::sleep_for(Milliseconds(1500));
  EXPECT_LE(cluster.hashed().size(), asked + 1) << "but for the call in flight";
}

TEST(HashChecker, EndsAtOnceWhileItWaits) {
  testing::FakeCluster cluster;
  const SystemClock clock;
  testing::RecordingLogger log;
  metrics::Instruments instruments;
  const HashTools tools{cluster, clock, instruments, [] { return std::nullopt; }};
  { HashChecker never_started("prod", Seconds(3600), tools, log); }
  std::stop_source stop;
  const SteadyTime started = clock.Steady();
  {
    HashChecker checker("prod", Seconds(3600), tools, log);
    checker.Start(stop.get_token());
  }
  // The first check is due after half a minute at the earliest.
  EXPECT_LT(clock.Steady() - started, Seconds(10));
  EXPECT_TRUE(cluster.hashed().empty());
}

}  // namespace
}  // namespace warden::collector
