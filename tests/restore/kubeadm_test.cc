// The static-pod procedure on a node in memory: what the kubelet sees of it, in which order, and
// what it waits for.
#include "exporter/restore/kubeadm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "exporter/restore/kubeadm_procedure.h"
#include "tests/restore/kubeadm_fixture.h"

namespace warden::restore {
namespace {

using Kubeadm = KubeadmNodeTest;
using Events = std::vector<std::string>;

TEST_F(Kubeadm, StopsEverythingThatWritesFirstAndStartsItLast) {
  node.events.clear();
  const Status done = Run();
  ASSERT_TRUE(done.ok()) << done.message();
  EXPECT_EQ(node.events, kForward);
  ExpectAllRunOn("new");
  EXPECT_EQ(NewestJournal().state, RunState::kDone);
  EXPECT_EQ(asked.size(), 5U);
  // All of the ports of all pods, and all peers that ever were.
  for (const char* address :
       {"https://127.0.0.1:2379", "https://127.0.0.1:4001", "http://127.0.0.1:2381",
        "https://127.0.0.1:1", "https://127.0.0.1:2", "https://127.0.0.1:3", "https://127.0.0.1:4",
        "127.0.0.1:6443", "127.0.0.1:10257", "127.0.0.1:1234"}) {
    EXPECT_TRUE(node.asked.contains(address)) << address;
  }
}

TEST_F(Kubeadm, TheJournalTellsTheStepsThatWereMade) {
  ASSERT_TRUE(Run().ok());
  const auto procedure = ParseProcedure(NewestJournal().procedure);
  ASSERT_TRUE(procedure.ok());
  Events steps;
  for (const KubeadmProcedure::Made& made : procedure->steps) steps.push_back(made.step);
  EXPECT_EQ(steps, (Events{"stopped", "peers down", "swapped", "etcd started", "etcd healthy",
                           "control plane started"}));
  EXPECT_EQ(procedure->seen_down.size(), 3U);
}

TEST_F(Kubeadm, EndsAfterTheStepThatWasAskedForAndGoesOnWithTheNextCall) {
  node.events.clear();
  const std::pair<KubeadmStep, std::size_t> steps[] = {
      {KubeadmStep::kStopped, 4}, {KubeadmStep::kSwapped, 4}, {KubeadmStep::kEtcd, 5}};
  for (const auto& [until, events] : steps) {
    for (int repeated = 0; repeated < 2; ++repeated) {
      options.until = until;
      EXPECT_TRUE(Run().ok());
      EXPECT_TRUE(Said("ends here, after \"" + std::string(KubeadmStepName(until)) + "\""))
          << events;
      EXPECT_EQ(node.events, Events(kForward.begin(), kForward.begin() + events));
      EXPECT_EQ(node.Read(kDatabase), until == KubeadmStep::kStopped ? "old" : "new");
    }
  }
  options.until = KubeadmStep::kStopped;
  EXPECT_TRUE(Run().ok());
  options.until.reset();
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(node.events, kForward);
  ExpectAllRunOn("new");
  EXPECT_EQ(ParseKubeadmStep("done"), std::nullopt);
  EXPECT_EQ(ParseKubeadmStep("etcd"), KubeadmStep::kEtcd);
}

TEST_F(Kubeadm, APeerThatWasSeenDownOnceMayComeUpAgain) {
  node.peers_up = {"https://127.0.0.1:2", "https://127.0.0.1:3"};
  int waits = 0;
  node.on_wait = [&] {
    ++waits;
    if (waits == 20) node.peers_up = {"https://127.0.0.1:2"};
    if (waits == 30) node.peers_up = {"https://127.0.0.1:3"};  // each is up at some time
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_GT(waits, 30);
  EXPECT_TRUE(Said("not seen down yet: cp-2 (https://127.0.0.1:2), cp-3 (https://127.0.0.1:3);"));
  ExpectAllRunOn("new");
}

TEST_F(Kubeadm, APeerIsSeenDownWhileThisNodeStillStops) {
  node.peers_up = {"https://127.0.0.1:3"};
  node.on_wait = [&] {
    // cp-2 was down before, and starts its new member when this node is down.
    if (!node.running().contains("etcd")) node.peers_up = {"https://127.0.0.1:2"};
  };
  EXPECT_TRUE(Run().ok());
}

TEST_F(Kubeadm, APeerThatIsUpMayBeOfTheNewClusterAlready) {
  node.peers_up = {"https://127.0.0.1:2"};
  node.clusters["https://127.0.0.1:22"] = plan.cluster.id;
  EXPECT_TRUE(Run().ok());
  ExpectAllRunOn("new");
}

TEST_F(Kubeadm, APeerThatStaysUpEndsTheRunAndAllIsAsBefore) {
  node.peers_up = {"https://127.0.0.1:2"};
  node.clusters["https://127.0.0.1:22"] = plan.cluster.id + 1;
  const Status status = Run();
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(status.message(),
            "wait for the peers: after 10m, not seen down yet: cp-2 (https://127.0.0.1:2); stop "
            "them there, or say --peers-stopped if they are stopped or already restored; "
            "everything is back where it was");
  ExpectAllRunOn("old");
  EXPECT_EQ(NewestJournal().state, RunState::kUndone);
  options.peers_stopped = true;
  EXPECT_TRUE(Run().ok());
  ExpectAllRunOn("new");
}

TEST_F(Kubeadm, WhereHealthNeverComesTheOldDataDoes) {
  node.has_quorum = false;
  node.events.clear();
  const Status status = Run();
  EXPECT_EQ(status.message(),
            "start etcd: after 10m, etcd is not healthy; nobody listens yet at cp-2 "
            "(https://127.0.0.1:2), cp-3 (https://127.0.0.1:3); everything is back where it was");
  Events expected(kForward.begin(), kForward.begin() + 5);
  expected.insert(expected.end(), {"stop etcd", "start etcd on old", "start kube-apiserver",
                                   "start kube-controller-manager", "start kube-scheduler"});
  node.Sync();
  EXPECT_EQ(node.events, expected);
  ExpectAllRunOn("old");
  EXPECT_EQ(NewestJournal().state, RunState::kUndone);
  // And what was restored is still there.
  EXPECT_EQ(node.Read(NewestJournal().staging.data_dir / "member/snap/db"), "new");
  node.has_quorum = true;
  EXPECT_TRUE(Run().ok());
  ExpectAllRunOn("new");
}

// Until etcd has served: what was written then is put aside by nothing but somebody's word.
TEST_F(Kubeadm, AStopAtAnyWaitIsUndoneUntilEtcdHasServed) {
  int undone = 0;
  int served = 0;
  for (int n = 1;; ++n) {
    stop = std::stop_source();
    int waits = 0;
    node.on_wait = [&] {
      if (++waits == n) stop.request_stop();
    };
    const Status status = Run();
    if (status.ok()) break;
    EXPECT_EQ(status.code(), Code::kCancelled) << status.message();
    if (status.message().starts_with("etcd has served the new data")) {
      ++served;
      EXPECT_EQ(node.Read(kDatabase), "new");
      stop = std::stop_source();
      EXPECT_TRUE(UndoNewest().ok());
    } else {
      ++undone;
      EXPECT_TRUE(status.message().ends_with("; everything is back where it was"));
    }
    ExpectAllRunOn("old");
  }
  EXPECT_EQ(undone, 6);  // four pods stop, the pause after the peers, etcd starts
  EXPECT_EQ(served, 3);  // the other pods start
  ExpectAllRunOn("new");
}

TEST_F(Kubeadm, SomebodyMayLeaveItOrHaveItUndoneBeforeEveryStep) {
  for (const char* step : {"prepare", "stop", "swap", "start etcd", "start kube-apiserver"}) {
    answered = step;
    answer = KubeadmAnswer::kUndo;
    EXPECT_EQ(Run().code(), Code::kAborted) << step;
    ExpectAllRunOn("old");
    answer = KubeadmAnswer::kLeave;
    const Status left = Run();
    EXPECT_EQ(left.code(), Code::kAborted);
    EXPECT_TRUE(left.message().starts_with("left before: " + std::string(step)));
    const bool has_begun = std::string(step) != "prepare";
    EXPECT_TRUE(!has_begun || UndoNewest().ok());
    ExpectAllRunOn("old");
  }
}

TEST_F(Kubeadm, ADoneRestoreCanBeTakenBackToo) {
  ASSERT_TRUE(Run().ok());
  node.events.clear();
  ASSERT_TRUE(UndoNewest().ok());
  node.Sync();
  EXPECT_EQ(node.events.front(), "stop kube-apiserver");
  EXPECT_EQ(std::ranges::count(node.events, "start etcd on old"), 1);
  ExpectAllRunOn("old");
  // And nothing is left to do.
  node.events.clear();
  EXPECT_TRUE(UndoNewest().ok());
  EXPECT_EQ(node.events, Events{});
}

TEST_F(Kubeadm, AContainerThatStaysKeepsItFromGoingOn) {
  node.has_crictl = true;
  node.lingering = "etcd";
  const Status status = Run();
  EXPECT_TRUE(
      status.message().starts_with("stop etcd: after 10m, the container c0ffee of etcd still runs"))
      << status.message();
  ExpectAllRunOn("old");
  node.lingering.clear();
  EXPECT_TRUE(Run().ok());
}

TEST_F(Kubeadm, WithoutAWorkingCrictlPortsAndTheLockDo) {
  node.crictl_fails = true;
  EXPECT_TRUE(Run().ok());
  EXPECT_TRUE(Said("crictl does not tell"));
}

TEST_F(Kubeadm, AManifestThatSomebodyPutBackIsLeftToPeople) {
  options.until = KubeadmStep::kStopped;
  ASSERT_TRUE(Run().ok());
  node.Write(kManifests / "kube-scheduler.yaml", "kind: Pod\n");
  const Status status = UndoNewest();
  const std::string holding = ParseProcedure(NewestJournal().procedure)->holding.string();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "kube-scheduler.yaml is in both /etc/kubernetes/manifests and " + holding +
                "; compare them, and leave one; etcd.yaml is in /etc/kubernetes/manifests, "
                "kube-apiserver.yaml is in /etc/kubernetes/manifests, "
                "kube-controller-manager.yaml is in /etc/kubernetes/manifests, "
                "kube-scheduler.yaml is in both /etc/kubernetes/manifests and " +
                holding +
                "; compare them, and leave one; the data of /var/lib/etcd is the old one; "
                "`restore undo` goes on once that is put right");
  ASSERT_TRUE(disk.Remove(kManifests / "kube-scheduler.yaml").ok());
  EXPECT_TRUE(UndoNewest().ok());
  ExpectAllRunOn("old");
}

TEST_F(Kubeadm, WhatTheHealthCheckLacksIsSaidBeforeAnythingMoves) {
  node.can_check = Status(Code::kInvalidArgument, "no certificate");
  EXPECT_EQ(Run().message(), "no certificate");
  EXPECT_EQ(asked.size(), 0U);
  ExpectAllRunOn("old");
}

TEST_F(Kubeadm, ANodeWithoutAControlPlaneHasOnlyItsEtcd) {
  for (const char* name : {"kube-apiserver", "kube-controller-manager", "kube-scheduler"}) {
    ASSERT_TRUE(disk.Remove(kManifests / (std::string(name) + ".yaml")).ok());
  }
  node.Sync();
  node.events.clear();
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(node.events, (Events{"stop etcd", "start etcd on new"}));
}

TEST(KubeadmDescription, NamesEveryNodeAndEveryStep) {
  const std::vector<std::string> lines = DescribeKubeadm(ThreeNodePlan(), {});
  EXPECT_EQ(lines.size(), 2U + 3 * 9);
  EXPECT_EQ(lines.at(3), "node of cp-1 (https://127.0.0.1:1):");
  EXPECT_EQ(lines.at(7), "  4. swap: rename the old data aside, the new to /var/lib/etcd");
  EXPECT_NE(lines.at(6).find("cp-2, cp-3"), std::string::npos);
  EXPECT_NE(lines.at(8).find("2 of 3 members"), std::string::npos);
}

TEST(KubeadmProcedure, IsTheSameAfterTheJournal) {
  const KubeadmProcedure procedure{
      .manifests = "/m",
      .holding = "/h",
      .pods = {{.name = "etcd", .file = "etcd.yaml", .addresses = {"a:1"}},
               {.name = "b", .file = "b.yaml", .addresses = {}}},
      .client_url = "http://c:1",
      .peer_url = "http://p:1",
      .seen_down = {"http://x:1"},
      .peers_stopped = true,
      .steps = {{.step = "stopped", .at = WallTime(Seconds(1'795'428'900))}}};
  const auto parsed = ParseProcedure(ToJson(procedure));
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(*parsed, procedure);
  for (const char* key : {"kind", "manifests", "holding", "pods", "client_url", "steps"}) {
    Json broken = ToJson(procedure);
    broken.erase(key);
    EXPECT_FALSE(ParseProcedure(broken).ok()) << key;
  }
  EXPECT_FALSE(ParseProcedure(Json()).ok());
  EXPECT_FALSE(ParseProcedure(Json::array()).ok());
}

}  // namespace
}  // namespace warden::restore
