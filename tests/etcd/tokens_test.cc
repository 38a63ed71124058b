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
  int sent_ = 0;
  TokenCache cache_{config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")},
                    clock_, [this] { ++sent_; }};
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
}

TEST_F(Tokens, AreNotFetchedForTenSecondsAfterAFailure) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Failed();
  EXPECT_EQ(cache_.Refused(0), Advice::kGiveUp);
  clock_.Advance(Milliseconds(9'999));
  EXPECT_EQ(cache_.Refused(0), Advice::kGiveUp);
  clock_.Advance(Milliseconds(1));
  EXPECT_EQ(cache_.Refused(0), Advice::kAuthenticate);
}

TEST_F(Tokens, TellOfEveryAttemptThatIsSent) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  EXPECT_EQ(sent_, 0);
  cache_.Sent();
  cache_.Failed();
  EXPECT_EQ(sent_, 1);
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

TEST_F(Tokens, MayHelpWhereTheUserIsUnknownOrOnlyOfACertificate) {
  const Token none;
  const Token sent{.text = "first", .generation = 1};
  EXPECT_TRUE(cache_.MayHelp(Reason::kUnauthenticated, none));
  EXPECT_TRUE(cache_.MayHelp(Reason::kUnauthenticated, sent));
  EXPECT_TRUE(cache_.MayHelp(Reason::kPermissionDenied, none));
  EXPECT_FALSE(cache_.MayHelp(Reason::kPermissionDenied, sent));
  EXPECT_FALSE(cache_.MayHelp(Reason::kTimeout, none));
}

TEST_F(Tokens, AreSentAgainAfterGrowingPausesWhileTheyMayBeOnTheirWay) {
  const RpcError unknown{Reason::kUnauthenticated, Code::kUnauthenticated,
                         "etcdserver: invalid auth token"};
  const RpcError old{Reason::kUnauthenticated, Code::kInvalidArgument,
                     "etcdserver: revision of auth store is old"};
  EXPECT_EQ(cache_.PauseBeforeRepeat(unknown, cache_.Current(), 0), std::nullopt);
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Stored("first");
  const Token sent = cache_.Current();
  EXPECT_EQ(cache_.PauseBeforeRepeat(old, sent, 0), std::nullopt);
  int repeats = 0;
  for (const int pause : {25, 50, 100, 200, 400}) {
    EXPECT_EQ(cache_.PauseBeforeRepeat(unknown, sent, repeats++), Milliseconds(pause));
  }
  EXPECT_EQ(cache_.PauseBeforeRepeat(unknown, sent, 5), std::nullopt);
  clock_.Advance(Seconds(5));
  EXPECT_NE(cache_.PauseBeforeRepeat(unknown, sent, 0), std::nullopt);
  clock_.Advance(Milliseconds(1));
  EXPECT_EQ(cache_.PauseBeforeRepeat(unknown, sent, 0), std::nullopt);
}

TEST_F(Tokens, AreDroppedUnlessANewerOneIsThere) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Stored("first");
  EXPECT_FALSE(cache_.Drop(0));
  EXPECT_EQ(cache_.Current().text, "first");
  EXPECT_TRUE(cache_.Drop(1));
  EXPECT_EQ(cache_.Current().text, "");
  // Who still sent the dropped one, or none, fetches the next.
  EXPECT_EQ(cache_.Refused(1), Advice::kAuthenticate);
  cache_.Stored("second");
  EXPECT_EQ(cache_.Current().text, "second");
}

TEST_F(Tokens, AreLeftOutWhereEtcdAsksForNone) {
  ASSERT_EQ(cache_.Refused(0), Advice::kAuthenticate);
  cache_.Stored("first");
  ASSERT_EQ(cache_.Refused(1), Advice::kAuthenticate);
  cache_.NotNeeded();
  EXPECT_EQ(cache_.Current().text, "");
  EXPECT_EQ(cache_.Refused(1), Advice::kRetry);  // without a token
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
