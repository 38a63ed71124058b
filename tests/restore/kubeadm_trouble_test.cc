// The procedure is killed, loses its power, or finds a call to the file system refused, at every
// one of them: it goes on or goes back, and etcd never starts on anything but the old data or the
// new.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "tests/restore/kubeadm_fixture.h"

namespace warden::restore {
namespace {

// A node for each try.
class Try : public KubeadmNodeTest {
 public:
  void TestBody() override {}

  // Nothing of what the process does from its n-th call on reaches the disk. Whether it came to
  // its end before.
  bool RunUntilKilledAt(int n) {
    files.FailFrom(n);
    const Status status = Run();
    const bool was_killed = files.failed();
    files.FailNever();
    EXPECT_NE(status.ok(), was_killed) << status.message();
    return !was_killed;
  }
  void LosePower(bool survives) {
    disk.CutPower([=](std::size_t) { return survives; });
    node.Boot();
  }
  void ExpectNoEtcdOnAnythingElse() const {
    for (const std::string& event : node.events) {
      if (!event.starts_with("start etcd")) continue;
      EXPECT_TRUE(event == "start etcd on old" || event == "start etcd on new") << event;
    }
  }
  bool HasJournal() { return !FindJournals(disk, "/var/lib/etcd")->empty(); }

  using KubeadmNodeTest::disk;
  using KubeadmNodeTest::ExpectAllRunOn;
  using KubeadmNodeTest::files;
  using KubeadmNodeTest::NewestJournal;
  using KubeadmNodeTest::node;
  using KubeadmNodeTest::Run;
  using KubeadmNodeTest::UndoNewest;
};

enum class Death { kKill, kPowerNothingSurvives, kPowerAllSurvives };

// Kills it at every call; `then` is what comes after. Returns how often.
int KillEverywhere(Death death, const std::function<void(Try&)>& then) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    Try attempt;
    if (attempt.RunUntilKilledAt(n)) return n - 1;
    if (death != Death::kKill) attempt.LosePower(death == Death::kPowerAllSurvives);
    then(attempt);
    attempt.ExpectNoEtcdOnAnythingElse();
    if (::testing::Test::HasFailure()) return n;
  }
}

TEST(KubeadmTrouble, TheNextRunGoesOnFromWhereverTheLastWasKilled) {
  for (const Death death : {Death::kKill, Death::kPowerNothingSurvives, Death::kPowerAllSurvives}) {
    const int kills = KillEverywhere(death, [](Try& attempt) {
      const Status status = attempt.Run();
      EXPECT_TRUE(status.ok()) << status.message();
      attempt.ExpectAllRunOn("new");
    });
    EXPECT_GT(kills, 100);
  }
}

TEST(KubeadmTrouble, UndoGoesBackFromWhereverTheRunWasKilled) {
  for (const Death death : {Death::kKill, Death::kPowerNothingSurvives, Death::kPowerAllSurvives}) {
    KillEverywhere(death, [](Try& attempt) {
      if (!attempt.HasJournal() || attempt.NewestJournal().procedure.is_null()) {
        attempt.ExpectAllRunOn("old");
        return;
      }
      const Status status = attempt.UndoNewest();
      EXPECT_TRUE(status.ok()) << status.message();
      attempt.ExpectAllRunOn("old");
    });
  }
}

TEST(KubeadmTrouble, AnUndoThatWasKilledGoesOn) {
  for (const bool runs_again : {false, true}) {
    int n = 1;
    int held = 0;  // undone, but for the manifests
    for (bool killed = true; killed; ++n) {
      SCOPED_TRACE(n);
      Try attempt;
      ASSERT_TRUE(attempt.Run().ok());
      attempt.files.FailFrom(n);
      const Status status = attempt.UndoNewest();
      killed = attempt.files.failed();
      attempt.files.FailNever();
      EXPECT_NE(status.ok(), killed);
      const Journal journal = attempt.NewestJournal();
      if (journal.state == RunState::kUndone) {
        held += HoldsManifests(attempt.disk, journal) ? 1 : 0;
      }
      if (runs_again && killed && attempt.NewestJournal().state != RunState::kDone) {
        EXPECT_TRUE(attempt.Run().ok());
        attempt.ExpectAllRunOn("new");
      } else {
        EXPECT_TRUE(attempt.UndoNewest().ok());
        attempt.ExpectAllRunOn("old");
      }
      attempt.ExpectNoEtcdOnAnythingElse();
    }
    EXPECT_GT(n, 50);
    EXPECT_GT(held, 8);
  }
}

TEST(KubeadmTrouble, AnyCallThatFailsIsUndoneOrWasBeforeOrAfterEverything) {
  int undone = 0;
  int served = 0;
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    Try attempt;
    attempt.files.FailNth(n);
    const Status status = attempt.Run();
    const bool failed = attempt.files.failed();
    attempt.files.FailNever();
    if (!failed) break;
    attempt.ExpectNoEtcdOnAnythingElse();
    if (status.ok()) {  // what is only removed if that can be
      attempt.ExpectAllRunOn("new");
      continue;
    }
    const bool is_done = status.message().starts_with("everything runs on the new data");
    if (status.message().starts_with("etcd has served the new data")) {
      ++served;
      EXPECT_TRUE(attempt.Run().ok());
      attempt.ExpectAllRunOn("new");
      continue;
    }
    const bool is_undone = status.message().ends_with("; everything is back where it was");
    undone += is_undone ? 1 : 0;
    EXPECT_TRUE(!is_done || attempt.Run().ok());
    attempt.ExpectAllRunOn(is_done ? "new" : "old");
    EXPECT_TRUE(is_done || attempt.Run().ok()) << status.message();
    attempt.ExpectAllRunOn("new");
  }
  EXPECT_GT(undone, 50);
  EXPECT_GT(served, 5);
}

}  // namespace
}  // namespace warden::restore
