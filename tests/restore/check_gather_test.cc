// What a restored cluster is asked, and how long: against a cluster that says what the test told
// it to.
#include "exporter/restore/check_gather.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "exporter/restore/check_hash.h"
#include "tests/restore/check_answers.h"
#include "tests/support/fake_cluster.h"

namespace warden::restore {
namespace {

using testing::FakeCluster;
using testing::kMemberIds;
using Hashed = std::vector<std::pair<std::string, std::int64_t>>;

std::string UrlOf(int n) {
  return testing::HostOf(n) + ":2379";
}

// Every member has what it ought to have, unless the test says otherwise.
class FakeReads final : public etcd::Reads {
 public:
  etcd::RpcOutcome<etcd::KeyCount> CountKeys(const config::Endpoint& endpoint,
                                             const etcd::ReadAt& at,
                                             const Deadline& /*deadline*/) override {
    const bool linearizable = at.consistency == etcd::Consistency::kLinearizable;
    asked.push_back(endpoint.url + "@" + std::to_string(at.revision) +
                    (linearizable ? " of a quorum" : " alone"));
    return keys;
  }
  etcd::RpcOutcome<std::optional<etcd::KeyEntry>> ReadKey(const config::Endpoint& /*endpoint*/,
                                                          const std::string& /*key*/,
                                                          const etcd::ReadAt& /*at*/,
                                                          const Deadline& /*deadline*/) override {
    return {};
  }
  etcd::RpcOutcome<bool> HasKey(const config::Endpoint& /*endpoint*/, const std::string& /*key*/,
                                const etcd::ReadAt& /*at*/, const Deadline& /*deadline*/) override {
    return {};
  }
  etcd::RpcOutcome<etcd::LeaseCount> CountLeases(const config::Endpoint& endpoint,
                                                 const Deadline& /*deadline*/) override {
    asked.push_back(endpoint.url + " leases");
    return Answer(etcd::LeaseCount{.leases = 20, .sender = {}});
  }
  etcd::RpcOutcome<bool> AuthEnabled(const config::Endpoint& endpoint,
                                     const Deadline& /*deadline*/) override {
    asked.push_back(endpoint.url + " auth");
    return Answer(false);
  }

  std::vector<std::string> asked;
  etcd::RpcOutcome<etcd::KeyCount> keys = Answer(etcd::KeyCount{.keys = 500, .sender = {}});
};

class RestoreCheckGather : public ::testing::Test {
 protected:
  RestoreCheckGather() { SetHashes(); }

  void SetHashes() {
    for (int n = 1; n <= 3; ++n) {
      cluster_.SetHash(UrlOf(n), Answer(MakeHash(kMemberIds.at(static_cast<std::size_t>(n)))));
    }
  }

  CheckTools Tools() {
    return {.cluster = cluster_,
            .reads = reads_,
            .clock = clock_,
            .call_timeout = Seconds(10),
            .wanted_hash = [this](std::int64_t compacted) {
              compactions_.push_back(compacted);
              return HashInFacts(expected_, compacted);
            }};
  }
  ClusterAnswers Look() { return Gather(Tools(), expected_, {}); }
  ClusterReport Check(Milliseconds wait) {
    return CheckCluster(Tools(), expected_,
                        {.until = {.at = clock_.Steady() + wait, .stop = stop_.get_token()},
                         .pause = Milliseconds(1),
                         .on_look = [this](const ClusterReport& report) { OnLook(report); }});
  }
  void OnLook(const ClusterReport& report) {
    looks_.push_back(report.ok());
    if (looks_.size() == stop_after_) stop_.request_stop();
    // A member that starts at last.
    if (looks_.size() == good_after_) cluster_.SetView(testing::MakeView());
  }

  static etcd::ClusterView ViewWithout(int n) {
    etcd::ClusterView view = testing::MakeView();
    testing::FailStatus(view.endpoints.at(static_cast<std::size_t>(n - 1)));
    return view;
  }

  const SystemClock clock_;
  ExpectedCluster expected_ = MakeExpected();
  FakeCluster cluster_;
  FakeReads reads_;
  std::vector<std::int64_t> compactions_;
  std::stop_source stop_;
  std::vector<bool> looks_;  // whether all was well
  std::size_t stop_after_ = 0;
  std::size_t good_after_ = 0;
};

TEST_F(RestoreCheckGather, AsksEveryMember) {
  const ClusterAnswers answers = Look();
  EXPECT_EQ(answers.cluster_id, testing::kClusterId);
  EXPECT_EQ(answers.list, testing::MakeList(3));
  EXPECT_TRUE(answers.silent.empty());
  ASSERT_EQ(answers.members.size(), 3U);
  for (std::size_t n = 1; n <= 3; ++n) {
    const MemberAnswers& member = answers.members[n - 1];
    EXPECT_EQ(member.identity.member_id, kMemberIds.at(n));
    EXPECT_EQ(member.endpoint.url, UrlOf(static_cast<int>(n)));
    EXPECT_TRUE(member.status.ok());
    EXPECT_EQ(member.hash.value->hash, kSnapshotHash);
    EXPECT_EQ(member.wanted_hash, kSnapshotHash);
    EXPECT_EQ(member.keys.value->keys, 500U);
    EXPECT_EQ(member.keys_now.value->keys, 500U);
    EXPECT_EQ(member.leases.value->leases, 20U);
  }
  EXPECT_EQ(answers.auth.value, false);
  EXPECT_EQ(cluster_.hashed(),
            (Hashed{{UrlOf(1), kRestored}, {UrlOf(2), kRestored}, {UrlOf(3), kRestored}}));
  EXPECT_EQ(std::vector<std::string>(reads_.asked.begin(), reads_.asked.begin() + 3),
            (std::vector<std::string>{UrlOf(1) + "@0 of a quorum", UrlOf(1) + "@4242 alone",
                                      UrlOf(1) + " leases"}));
  EXPECT_EQ(reads_.asked.back(), UrlOf(1) + " auth");
  EXPECT_TRUE(cluster_.discovered().empty());
  EXPECT_TRUE(Judge(expected_, answers).ok());
}

TEST_F(RestoreCheckGather, DialsTheMembersThatOnlyTheListNames) {
  etcd::ClusterView one = testing::MakeView();
  one.endpoints.resize(1);
  int observed = 0;
  cluster_.OnObserve([&](const Deadline& deadline) {
    return std::make_shared<testing::FinishedObservation>(
        ++observed == 1 ? one : testing::MakeView(), deadline.at);
  });
  const ClusterAnswers answers = Look();
  EXPECT_EQ(cluster_.discovered(), (std::vector<etcd::MemberList>{testing::MakeList(3)}));
  EXPECT_EQ(observed, 2);
  EXPECT_EQ(answers.members.size(), 3U);
}

TEST_F(RestoreCheckGather, SaysWhoIsSilentAndWhy) {
  cluster_.SetView(ViewWithout(2));
  const ClusterAnswers answers = Look();
  EXPECT_EQ(answers.members.size(), 2U);
  ASSERT_EQ(answers.silent.size(), 1U);
  EXPECT_EQ(answers.silent[0].url, UrlOf(2));
  EXPECT_EQ(answers.silent[0].why, "status: timeout");
  EXPECT_FALSE(answers.silent[0].refuses);
  EXPECT_EQ(cluster_.hashed().size(), 2U);
}

TEST_F(RestoreCheckGather, KnowsOneThatRefusesFromOneThatIsSilent) {
  etcd::ClusterView view = ViewWithout(2);
  view.endpoints[1].status.error = NoUser();
  cluster_.SetView(view);
  EXPECT_TRUE(Look().silent.at(0).refuses);
}

TEST_F(RestoreCheckGather, AsksNothingOfAnotherCluster) {
  etcd::ClusterView view = testing::MakeView();
  view.endpoints[2].status.value->cluster_id = testing::kForeignClusterId;
  cluster_.SetView(view);
  const ClusterAnswers answers = Look();
  ASSERT_EQ(answers.members.size(), 3U);
  EXPECT_FALSE(answers.members[2].hash.ok());
  EXPECT_FALSE(answers.members[2].keys.ok());
  EXPECT_EQ(cluster_.hashed().size(), 2U);
}

TEST_F(RestoreCheckGather, IsNotMisledByEndpointsOfTheOldCluster) {
  expected_.cluster->id = 7;
  const ClusterAnswers answers = Look();
  EXPECT_EQ(answers.cluster_id, 7U);
  EXPECT_FALSE(answers.list);
  EXPECT_TRUE(cluster_.hashed().empty());
  const ClusterCheck members = Judge(expected_, answers).checks.front();
  EXPECT_EQ(members.verdict, CheckVerdict::kFailed);
  EXPECT_TRUE(members.may_pass_later);
}

TEST_F(RestoreCheckGather, TakesTheMainClusterWhereThereIsNoPlan) {
  expected_.cluster.reset();
  const ClusterAnswers answers = Look();
  EXPECT_EQ(answers.cluster_id, testing::kClusterId);
  EXPECT_TRUE(Judge(expected_, answers).ok());
}

TEST_F(RestoreCheckGather, AsksAMemberOnceThoughTwoEndpointsReachIt) {
  etcd::ClusterView view = testing::MakeView();
  view.endpoints.push_back(view.endpoints.front());
  cluster_.SetView(view);
  EXPECT_EQ(Look().members.size(), 3U);
  EXPECT_EQ(cluster_.hashed().size(), 3U);
}

// The revision that the cluster began with is gone, and 4250 is the newest that all have.
TEST_F(RestoreCheckGather, HashesTheNewestCommonRevisionOnceTheRestoredOneIsCompacted) {
  etcd::ClusterView view = testing::MakeView();
  for (std::size_t i = 0; i < 3; ++i) {
    view.endpoints[i].status.value->revision = 4250 + static_cast<std::int64_t>(i);
  }
  cluster_.SetView(view);
  cluster_.SetHash(UrlOf(3), Failure<etcd::KvHash>(Compacted()));
  cluster_.OnHash([this](const Deadline&) {
    if (cluster_.hashed().back().second == 4250) SetHashes();
  });
  const ClusterAnswers answers = Look();
  EXPECT_EQ(answers.hashed_revision, 4250);
  EXPECT_EQ(cluster_.hashed().size(), 6U);
  EXPECT_TRUE(answers.members[2].hash.ok());
  EXPECT_FALSE(answers.members[2].wanted_hash);
  EXPECT_TRUE(compactions_.empty());
}

TEST_F(RestoreCheckGather, HashesTheNewestOfEachWhereNothingElseIsLeft) {
  cluster_.SetHash(UrlOf(1), Failure<etcd::KvHash>(Compacted()));
  cluster_.OnHash([this](const Deadline&) {
    if (cluster_.hashed().back().second == 0) SetHashes();
  });
  const ClusterAnswers answers = Look();
  EXPECT_EQ(answers.hashed_revision, 0);
  EXPECT_EQ(cluster_.hashed().size(), 6U);
  EXPECT_EQ(cluster_.hashed().back(), (std::pair<std::string, std::int64_t>(UrlOf(3), 0)));
}

// As an idle 3.4 after a bump, which has no hash of the very revision of a compaction.
TEST_F(RestoreCheckGather, WantsTheSnapshotsHashOfTheNewestWhereThatIsTheRestoredOne) {
  cluster_.SetHash(UrlOf(1), Failure<etcd::KvHash>(Compacted()));
  cluster_.OnHash([this](const Deadline&) {
    if (cluster_.hashed().back().second == 0) SetHashes();
  });
  EXPECT_EQ(Look().members[0].wanted_hash, kSnapshotHash);
}

TEST_F(RestoreCheckGather, WantsTheHashForTheCompactionOfEachMember) {
  etcd::KvHash later = MakeHash(kMemberIds[2]);
  later.compact_revision = 4100;
  cluster_.SetHash(UrlOf(2), Answer(later));
  const ClusterAnswers answers = Look();
  EXPECT_EQ(compactions_, (std::vector<std::int64_t>{4000, 4100, 4000}));
  EXPECT_EQ(answers.members[0].wanted_hash, kSnapshotHash);
  EXPECT_EQ(answers.members[1].wanted_hash, std::nullopt);
  EXPECT_EQ(answers.members[1].why_no_hash,
            "it has compacted to 4100, and the hash for that needs the snapshot itself; name it "
            "with --snapshot");
}

TEST_F(RestoreCheckGather, LooksOnceWhereAllIsWell) {
  EXPECT_TRUE(Check(Seconds(30)).ok());
  EXPECT_EQ(looks_, (std::vector<bool>{true}));
}

TEST_F(RestoreCheckGather, LooksAgainUntilTheLastMemberAnswers) {
  cluster_.SetView(ViewWithout(2));
  good_after_ = 3;
  EXPECT_TRUE(Check(Seconds(30)).ok());
  EXPECT_EQ(looks_, (std::vector<bool>{false, false, false, true}));
}

TEST_F(RestoreCheckGather, DoesNotWaitForWhatStaysWrong) {
  cluster_.SetView(ViewWithout(2));
  reads_.keys.value->keys = 499;
  EXPECT_FALSE(Check(Seconds(30)).ok());
  EXPECT_EQ(looks_, (std::vector<bool>{false}));
}

TEST_F(RestoreCheckGather, LooksOnceWithoutWaiting) {
  cluster_.SetView(ViewWithout(2));
  EXPECT_FALSE(Check(Milliseconds(0)).ok());
  EXPECT_EQ(looks_, (std::vector<bool>{false}));
}

TEST_F(RestoreCheckGather, EndsWhenItIsStopped) {
  cluster_.SetView(ViewWithout(2));
  stop_after_ = 2;
  EXPECT_FALSE(Check(Seconds(30)).ok());
  EXPECT_EQ(looks_.size(), 2U);
}

}  // namespace
}  // namespace warden::restore
