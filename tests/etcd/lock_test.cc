// The lock between wardens, against members that answer as a test says. A real cluster is asked in
// tests/integration/lock_test.py.
#include <array>
#include <barrier>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/etcd/lock_fixture.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::FakeEtcdKv;
using testing::Rpc;

TEST_F(Lock, GivesTheWorkToOneOnly) {
  const Claim ours = TryClaim(*a_);
  EXPECT_EQ(ours.verdict, ClaimVerdict::kOurs) << ours.reason;
  EXPECT_EQ(ours.work, kTick);
  const Claim theirs = TryClaim(*b_);
  EXPECT_EQ(theirs.verdict, ClaimVerdict::kHeld) << theirs.reason;
  EXPECT_EQ(theirs.holder, "a");
  const auto entry = kv_->Find(kKey);
  ASSERT_TRUE(entry);
  EXPECT_NE(entry->value.find(R"("holder":"a")"), std::string::npos) << entry->value;
  EXPECT_EQ(entry->lease, ours.lease);
  EXPECT_EQ(kv_->leases(), (std::map<std::int64_t, std::int64_t>{{ours.lease, kTtl}}));
  EXPECT_EQ(b_->TryClaim("tick/11:00", Within(kPlenty)).verdict, ClaimVerdict::kOurs);
}

TEST_F(Lock, TakesAnyBytesForAName) {
  const std::string work("\0\xff/\n", 4);
  const Claim claim = a_->TryClaim(work, Within(kPlenty));
  EXPECT_EQ(claim.verdict, ClaimVerdict::kOurs) << claim.reason;
  EXPECT_TRUE(kv_->Find("/etcd-warden/" + work));
}

TEST_F(Lock, CostsNoRaftEntryWhereAnotherHasTheWork) {
  Claim ours = TryClaim(*a_);
  TryClaim(*b_);
  TryClaim(*b_);
  EXPECT_TRUE(Done(*a_, ours).ok());
  TryClaim(*b_);
  EXPECT_EQ(Count(Rpc::kTxn), 2);
  EXPECT_EQ(Count(Rpc::kLeaseGrant), 2);
  EXPECT_EQ(Count(Rpc::kLeaseRevoke), 0);
}

TEST_F(Lock, HasOneWinnerOfEveryRace) {
  constexpr int kRaces = 100;
  std::barrier together(2);
  std::array<std::vector<ClaimVerdict>, 2> verdicts;
  std::vector<std::jthread> racers;
  for (std::size_t racer = 0; racer < 2; ++racer) {
    racers.emplace_back([&, racer] {
      WorkLock& lock = racer == 0 ? *a_ : *b_;
      for (int race = 0; race < kRaces; ++race) {
        together.arrive_and_wait();
        const Claim claim = lock.TryClaim(std::to_string(race), Within(kPlenty));
        verdicts.at(racer).push_back(claim.verdict);
      }
    });
  }
  racers.clear();
  for (std::size_t race = 0; race < kRaces; ++race) {
    const bool a_won = verdicts[0][race] == ClaimVerdict::kOurs;
    EXPECT_EQ(verdicts[a_won ? 0 : 1][race], ClaimVerdict::kOurs) << race;
    EXPECT_EQ(verdicts[a_won ? 1 : 0][race], ClaimVerdict::kHeld) << race;
  }
}

TEST_F(Lock, LeavesAMarkThatOutlivesTheClaim) {
  Claim ours = TryClaim(*a_);
  const Status done = Done(*a_, ours);
  EXPECT_TRUE(done.ok()) << done.message();
  EXPECT_EQ(CountLeases(kMarkTtl), 1);
  kv_->Expire(kTtl);
  for (WorkLock* lock : {a_.get(), b_.get()}) {
    const Claim late = TryClaim(*lock);
    EXPECT_EQ(late.verdict, ClaimVerdict::kDone) << late.reason;
    EXPECT_EQ(late.holder, "a");
    EXPECT_EQ(late.result, "backup 7");
  }
  kv_->Expire(kMarkTtl);
  EXPECT_FALSE(kv_->Find(kKey));
}

TEST_F(Lock, FreesWhatIsGivenUpAtOnce) {
  Claim ours = TryClaim(*a_);
  EXPECT_TRUE(a_->GiveUp(ours, Within(kPlenty)).ok());
  EXPECT_TRUE(kv_->leases().empty());
  EXPECT_EQ(TryClaim(*b_).verdict, ClaimVerdict::kOurs);
  // It has lapsed by itself, or was given up before.
  EXPECT_TRUE(a_->GiveUp(ours, Within(kPlenty)).ok());
}

TEST_F(Lock, PassesToAnotherWhenItsHolderDied) {
  EXPECT_EQ(TryClaim(*a_).verdict, ClaimVerdict::kOurs);
  EXPECT_EQ(TryClaim(*b_).verdict, ClaimVerdict::kHeld);
  kv_->Expire(kTtl);
  EXPECT_EQ(TryClaim(*b_).verdict, ClaimVerdict::kOurs);
}

TEST_F(Lock, IsKeptAliveWhileItIsHeldEvenIfThatFailsForAWhile) {
  WorkLockOptions options = Named("a");
  options.ttl = Seconds(1);
  FailBoth(Rpc::kLeaseKeepAlive, kTimedOut);
  const auto lock = MakeLock(options);
  const Claim ours = TryClaim(*lock);
  EXPECT_GE(first_.WaitForCalls(Rpc::kLeaseKeepAlive, 2), 2);
  EXPECT_GE(second_.WaitForCalls(Rpc::kLeaseKeepAlive, 2), 2);
  FailBoth(Rpc::kLeaseKeepAlive, grpc::Status::OK);
  const int failed = first_.Count(Rpc::kLeaseKeepAlive);
  EXPECT_GT(first_.WaitForCalls(Rpc::kLeaseKeepAlive, failed + 2), failed + 1);
}

TEST_F(Lock, MayGoBeforeItsClaims) {
  WorkLockOptions options = Named("a");
  options.ttl = Seconds(1);
  const Claim ours = TryClaim(*MakeLock(options));
  EXPECT_GE(first_.WaitForCalls(Rpc::kLeaseKeepAlive, 2), 2);
}

TEST_F(Lock, SaysWhenTheClaimWasLostToAnother) {
  Claim lost = TryClaim(*a_);
  kv_->Expire(kTtl);
  Claim theirs = TryClaim(*b_);
  EXPECT_EQ(theirs.verdict, ClaimVerdict::kOurs);
  const Status done = Done(*a_, lost);
  EXPECT_EQ(done.code(), Code::kAborted);
  EXPECT_EQ(done.message(), "the claim was lost meanwhile, b has the work now");
  EXPECT_EQ(CountLeases(kMarkTtl), 0);
  EXPECT_TRUE(Done(*b_, theirs).ok());
}

TEST_F(Lock, IsDoneEvenIfTheClaimWasLostToNobody) {
  Claim lost = TryClaim(*a_);
  kv_->Expire(kTtl);
  EXPECT_TRUE(Done(*a_, lost).ok());
  EXPECT_EQ(TryClaim(*b_).verdict, ClaimVerdict::kDone);
}

TEST_F(Lock, IsNotDoneByThoseWhoDoNotHaveIt) {
  const Claim ours = TryClaim(*a_);
  Claim theirs = TryClaim(*b_);
  EXPECT_EQ(Done(*b_, theirs).code(), Code::kFailedPrecondition);
  EXPECT_EQ(kv_->Find(kKey)->lease, ours.lease);
}

TEST_F(Lock, CanBeDoneAgainAfterThatFailed) {
  for (const Rpc rpc : {Rpc::kLeaseGrant, Rpc::kTxn}) {
    const std::string work = std::to_string(static_cast<int>(rpc));
    Claim ours = a_->TryClaim(work, Within(kPlenty));
    FailBoth(rpc, kNoSpace);
    EXPECT_EQ(Done(*a_, ours).code(), Code::kResourceExhausted) << work;
    FailBoth(rpc, grpc::Status::OK);
    EXPECT_TRUE(Done(*a_, ours).ok()) << work;
    EXPECT_EQ(b_->TryClaim(work, Within(kPlenty)).verdict, ClaimVerdict::kDone) << work;
  }
}

// A call whose answer is lost has had its effect, and is made again through the next endpoint.
TEST_F(Lock, KnowsItsOwnKeyWhenTheAnswerOfOneEndpointIsLost) {
  for (const Rpc rpc : {Rpc::kRange, Rpc::kLeaseGrant, Rpc::kTxn}) {
    const std::string work = std::to_string(static_cast<int>(rpc));
    const auto lock = MakeLock(Named("c"));
    first_.LoseAnswers(rpc, 1);
    Claim ours = lock->TryClaim(work, Within(kPlenty));
    EXPECT_EQ(ours.verdict, ClaimVerdict::kOurs) << work << ours.reason;
    EXPECT_EQ(CountLeases(kTtl), 1) << work;
    for (FakeEtcd* member : {&first_, &second_}) member->LoseAnswers(Rpc::kTxn, 1);
    // Lost on both: it is done, but nobody knows.
    EXPECT_EQ(lock->Done(ours, "", Within(kPlenty)).code(), Code::kUnavailable) << work;
    EXPECT_TRUE(lock->Done(ours, "", Within(kPlenty)).ok()) << work;
    kv_->Expire(kTtl);
  }
}

class LockAfterALostAnswer : public Lock {
 protected:
  LockAfterALostAnswer() {
    for (FakeEtcd* member : {&first_, &second_}) member->LoseAnswers(Rpc::kTxn, 1);
    unsure_ = TryClaim(*a_);
  }

  Claim unsure_;
};

TEST_F(LockAfterALostAnswer, IsUnavailableThoughTheKeyMayBeThere) {
  EXPECT_EQ(unsure_.verdict, ClaimVerdict::kUnavailable);
  EXPECT_NE(unsure_.reason.find("etcdserver: request timed out"), std::string::npos)
      << unsure_.reason;
  EXPECT_EQ(kv_->Find(kKey)->lease, unsure_.lease);
  EXPECT_TRUE(unsure_.kept);
  EXPECT_EQ(TryClaim(*b_).verdict, ClaimVerdict::kHeld);
}

TEST_F(LockAfterALostAnswer, IsOursWhenClaimedAgain) {
  Claim again = TryClaim(*a_);
  EXPECT_EQ(again.verdict, ClaimVerdict::kOurs) << again.reason;
  EXPECT_EQ(again.lease, unsure_.lease);
  EXPECT_TRUE(again.kept);
  EXPECT_TRUE(Done(*a_, again).ok());
}

TEST_F(LockAfterALostAnswer, CanBeDoneOrGivenUp) {
  EXPECT_TRUE(Done(*a_, unsure_).ok());
  EXPECT_EQ(TryClaim(*b_).verdict, ClaimVerdict::kDone);
  for (FakeEtcd* member : {&first_, &second_}) member->LoseAnswers(Rpc::kTxn, 1);
  Claim other = a_->TryClaim("other", Within(kPlenty));
  EXPECT_EQ(other.verdict, ClaimVerdict::kUnavailable);
  EXPECT_TRUE(a_->GiveUp(other, Within(kPlenty)).ok());
  EXPECT_EQ(b_->TryClaim("other", Within(kPlenty)).verdict, ClaimVerdict::kOurs);
}

TEST_F(Lock, WaitsForItsOwnKeyToGoWhenThatHasLapsed) {
  TryClaim(*a_);
  const FakeEtcdKv::Entry lapsed = *kv_->Find(kKey);
  kv_->Expire(kTtl);
  kv_->Put(kKey, lapsed);
  const Claim early = TryClaim(*a_);
  EXPECT_EQ(early.verdict, ClaimVerdict::kHeld) << early.reason;
  EXPECT_EQ(early.holder, "a");
  EXPECT_FALSE(early.kept);
}

}  // namespace
}  // namespace warden::etcd
