// The worker beside other wardens, whose lock says what the test tells it to.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/backup/worker_fixture.h"

namespace warden::backup {
namespace {

using etcd::ClaimVerdict;

// Thread-safe.
class FakeLock final : public etcd::WorkLock {
 public:
  // The verdicts of the claims to come; the last one stays.
  void Say(const std::vector<ClaimVerdict>& verdicts) {
    MutexLock lock(mutex_);
    verdicts_ = verdicts;
    calls_.clear();
  }
  // What it was asked, in order.
  std::vector<std::string> calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }

  etcd::Claim TryClaim(std::string_view work, const Deadline& /*deadline*/) override {
    MutexLock lock(mutex_);
    calls_.push_back("claim " + std::string(work));
    const ClaimVerdict verdict = verdicts_.front();
    if (verdicts_.size() > 1) verdicts_.erase(verdicts_.begin());
    return {
        .verdict = verdict, .holder = "host2", .reason = "no leader", .work = std::string(work)};
  }
  Status Done(etcd::Claim& /*claim*/, std::string_view result, const Deadline&) override {
    MutexLock lock(mutex_);
    calls_.push_back("done " + std::string(result));
    return {};
  }
  Status GiveUp(etcd::Claim& /*claim*/, const Deadline&) override {
    MutexLock lock(mutex_);
    calls_.emplace_back("give up");
    return {};
  }

 private:
  mutable Mutex mutex_;
  std::vector<ClaimVerdict> verdicts_ WARDEN_GUARDED_BY(mutex_) = {ClaimVerdict::kOurs};
  std::vector<std::string> calls_ WARDEN_GUARDED_BY(mutex_);
};

class ClaimsTest : public WorkerTest {
 protected:
  ClaimsTest() { settings_.lock = lock_; }
  using Calls = std::vector<std::string>;

  const std::shared_ptr<FakeLock> lock_ = std::make_shared<FakeLock>();
  const std::string claim_ = "claim prod/alert/f1/2026-11-23T10:14:00Z";
};

TEST_F(ClaimsTest, AClaimEndsWithItsJob) {
  struct Case {
    std::vector<ClaimVerdict> verdicts;
    bool fails;
    JobState state;
    Calls calls;  // "*" stands for the backup
    std::string note;
  };
  const std::string taken_anyway = "taken without the lock in etcd: no leader";
  const std::vector<Case> cases = {
      {{ClaimVerdict::kOurs}, false, JobState::kSucceeded, {claim_, "done *"}, ""},
      {{ClaimVerdict::kOurs}, true, JobState::kFailed, {claim_, "give up"}, ""},
      {{ClaimVerdict::kDone}, false, JobState::kSkipped, {claim_}, ""},
      {{ClaimVerdict::kHeld, ClaimVerdict::kHeld, ClaimVerdict::kOurs},
       false,
       JobState::kSucceeded,
       {claim_, claim_, claim_, "done *"},
       ""},
      {{ClaimVerdict::kHeld, ClaimVerdict::kDone}, false, JobState::kSkipped, {claim_, claim_}, ""},
      {{ClaimVerdict::kUnavailable}, false, JobState::kSucceeded, {claim_, "done *"}, taken_anyway},
      {{ClaimVerdict::kUnavailable}, true, JobState::kFailed, {claim_, "give up"}, taken_anyway}};
  Start();
  for (const Case& c : cases) {
    lock_->Say(c.verdicts);
    cluster_.SetScript({MakeStream(MakeEtcdDatabase(64 * 1024)),
                        c.fails ? Status(Code::kUnavailable, "reset") : Status(), false});
    const Job job = Await(Request());
    EXPECT_EQ(job.state, c.state) << job.error;
    while (lock_->calls().size() < c.calls.size()) std::this_thread::yield();
    Calls calls = c.calls;
    if (calls.back() == "done *") calls.back() = "done " + job.backup_ids.at(0);
    EXPECT_EQ(lock_->calls(), calls);
    EXPECT_EQ(job.notes, c.note.empty() ? Calls() : Calls{c.note});
    if (c.state != JobState::kSkipped) continue;
    EXPECT_EQ(job.error, "another warden, host2, has done it");
    EXPECT_EQ(job.finished, clock_.Now());
    EXPECT_TRUE(job.backup_ids.empty());
  }
}

TEST_F(ClaimsTest, ARunIsNamedByItsTick) {
  settings_.config.schedules = {{.name = "hourly", .every = std::chrono::hours(1)}};
  Start();
  while (lock_->calls().size() < 2) std::this_thread::yield();
  EXPECT_EQ(lock_->calls()[0], "claim prod/schedule/hourly/2026-11-23T10:00:00.000Z");
}

TEST_F(ClaimsTest, WhatWasAskedOfThisWardenAloneIsItsOwn) {
  lock_->Say({ClaimVerdict::kDone});
  Start();
  const Job job = Await(Request({.kind = metrics::Trigger::kManual}));
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_TRUE(lock_->calls().empty());
}

TEST_F(ClaimsTest, AShutdownWhileAnotherOneIsAtItLeavesTheJobToTheNextStart) {
  lock_->Say({ClaimVerdict::kHeld});
  Start();
  const std::string id = Request();
  while (lock_->calls().size() < 3) std::this_thread::yield();
  worker_.reset();
  EXPECT_EQ(Backups(), 0U);
  lock_->Say({ClaimVerdict::kDone});
  Start();
  EXPECT_EQ(Await(id).state, JobState::kSkipped);
}

// Of one that hangs.
TEST_F(ClaimsTest, AnotherOneIsWaitedForOnlySoLong) {
  lock_->Say({ClaimVerdict::kHeld});
  Start();
  const std::string id = Request();
  while (lock_->calls().size() < 3) std::this_thread::yield();
  clock_.Advance(std::chrono::hours(1));
  const Job job = Await(id);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(job.notes, Calls{"taken though another warden, host2, is at it"});
  EXPECT_EQ(std::ranges::count(lock_->calls(), "give up"), 0) << "it is not ours to give up";
}

}  // namespace
}  // namespace warden::backup
