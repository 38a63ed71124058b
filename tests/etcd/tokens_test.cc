#include "exporter/etcd/tokens.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/fake_clock.h"

namespace warden::etcd {
namespace {

using Advice = TokenCache::Advice;
using testing::FakeClock;

class Tokens : public ::testing::Test {
 protected:
  FakeClock clock_;
  int stored_ = 0;
  TokenCache cache_{config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")},
                    clock_, [this] { ++stored_; }};
};

TEST_F(Tokens, StartWithoutOne) {
  EXPECT_EQ(cache_.Current().text, "");
  EXPECT_EQ(cache_.Current().generation, 0U);
}

TEST_F(Tokens, AreNeverFetchedWithoutCredentials) {
  TokenCache cache(std::nullopt, clock_, nullptr);
  EXPECT_EQ(cache.Refused(0), Advice::kGiveUp);
  EXPECT_EQ(cache.RefusedWaiting(0, clock_.Steady()), Advice::kGiveUp);
}

TEST_F(Tokens, AreFetchedByOneCallerAtATime) {
  EXPECT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  EXPECT_EQ(cache_.Refused(0), Advice::kGiveUp);
  cache_.Stored("first");
  EXPECT_EQ(stored_, 1);
  EXPECT_EQ(cache_.Current().text, "first");
  EXPECT_EQ(cache_.Refused(0), Advice::kRetry);
}

TEST_F(Tokens, AreFetchedAnewOnceTheCurrentOneIsRefused) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Stored("first");
  EXPECT_EQ(cache_.Refused(cache_.Current().generation), Advice::kAuthenticate);
  cache_.Stored("second");
  EXPECT_EQ(cache_.Current().text, "second");
  EXPECT_EQ(cache_.Refused(1), Advice::kRetry);
  EXPECT_EQ(stored_, 2);
}

TEST_F(Tokens, AreNotFetchedForTenSecondsAfterAFailure) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Failed();
  EXPECT_EQ(cache_.Refused(0), Advice::kGiveUp);
  clock_.Advance(Milliseconds(9'999));
  EXPECT_EQ(cache_.Refused(0), Advice::kGiveUp);
  clock_.Advance(Milliseconds(1));
  EXPECT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  EXPECT_EQ(stored_, 0);
}

TEST_F(Tokens, EndThePauseWhenOneIsStored) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Failed();
  clock_.Advance(Seconds(10));
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Stored("first");
  EXPECT_EQ(cache_.Refused(1), Advice::kAuthenticate);
}

TEST_F(Tokens, PauseIsNotMovedByTheWallClock) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Failed();
  clock_.StepWall(Seconds(3600));
  EXPECT_EQ(cache_.Refused(0), Advice::kGiveUp);
}

// Waiting needs a clock that runs.
class WaitingForTokens : public ::testing::Test {
 protected:
  SteadyTime In(Milliseconds patience) const { return clock_.Steady() + patience; }

  SystemClock clock_;
  TokenCache cache_{config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")},
                    clock_, nullptr};
};

TEST_F(WaitingForTokens, AuthenticatesIfNobodyElseDoes) {
  EXPECT_EQ(cache_.RefusedWaiting(0, In(Seconds(30))), Advice::kAuthenticate);
}

TEST_F(WaitingForTokens, TakesTheTokenThatSomebodyElseFetched) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  std::jthread other([this] {
    std::this_thread::sleep_for(Milliseconds(20));
    cache_.Stored("first");
  });
  EXPECT_EQ(cache_.RefusedWaiting(0, In(Seconds(30))), Advice::kRetry);
}

TEST_F(WaitingForTokens, GivesUpWhenSomebodyElsesAttemptFails) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  std::jthread other([this] {
    std::this_thread::sleep_for(Milliseconds(20));
    cache_.Failed();
  });
  EXPECT_EQ(cache_.RefusedWaiting(0, In(Seconds(30))), Advice::kGiveUp);
}

TEST_F(WaitingForTokens, GivesUpAtItsDeadline) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  EXPECT_EQ(cache_.RefusedWaiting(0, In(Milliseconds(20))), Advice::kGiveUp);
}

}  // namespace
}  // namespace warden::etcd
