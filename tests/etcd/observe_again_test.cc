// Observations after the first: what is known to be a voter is asked everything at once.
#include <gtest/gtest.h>

#include <array>

#include "tests/etcd/fixture.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::MakeMemberListResponse;
using testing::MakeStatusResponse;
using testing::Rpc;

const grpc::Status kLearner(grpc::StatusCode::UNAVAILABLE,
                            "etcdserver: rpc not supported for learner");
const grpc::Status kTimedOut(grpc::StatusCode::UNAVAILABLE, "etcdserver: request timed out");

// Three voters, led by the second.
class ObserveAgain : public ::testing::Test {
 protected:
  ObserveAgain() {
    for (std::size_t i = 0; i < 3; ++i) SetVersion(i, "3.5.16");
  }

  void SetVersion(std::size_t i, const std::string& version, std::uint64_t leader = 2) {
    members_.at(i).SetStatus(MakeStatusResponse(i + 1, leader, version));
    members_.at(i).SetMembers(MakeMemberListResponse({1, 2, 3}));
  }

  void Demote(std::size_t i) {
    auto status = MakeStatusResponse(i + 1, 2, "3.5.16");
    status.set_islearner(true);
    members_.at(i).SetStatus(status);
    members_.at(i).Fail(Rpc::kMemberList, kLearner);
    members_.at(i).Fail(Rpc::kQuorumRead, kLearner);
  }
  void Promote(std::size_t i) {
    SetVersion(i, "3.5.16");
    members_.at(i).Fail(Rpc::kMemberList, grpc::Status::OK);
    members_.at(i).Fail(Rpc::kQuorumRead, grpc::Status::OK);
  }

  ClusterView See(Milliseconds patience = kPlenty) {
    return cluster_->Observe(Within(patience))->Wait();
  }

  // One observation that proves the quorum by exactly one read.
  void SeeThroughTheLeaderOnly() {
    for (const std::size_t i : {0U, 2U}) SetVersion(i, "3.5.16", 0);
    EXPECT_EQ(See().quorum_read, true);
    EXPECT_EQ(Count(Rpc::kQuorumRead), 1);
    for (const std::size_t i : {0U, 2U}) SetVersion(i, "3.5.16");
  }

  int Count(Rpc rpc) const {
    return members_[0].Count(rpc) + members_[1].Count(rpc) + members_[2].Count(rpc);
  }

  std::array<FakeEtcd, 3> members_;
  const std::unique_ptr<Cluster> cluster_ = MakeCluster(
      OptionsFor({members_[0].endpoint(), members_[1].endpoint(), members_[2].endpoint()}),
      TestClock());
};

TEST_F(ObserveAgain, AsksVotersEverythingAtOnce) {
  SeeThroughTheLeaderOnly();
  for (FakeEtcd& member : members_) member.Hang(Rpc::kStatus);
  const auto observation = cluster_->Observe(Within(kPlenty));
  for (FakeEtcd& member : members_) EXPECT_EQ(member.WaitForCalls(Rpc::kMemberList, 2), 2);
  EXPECT_EQ(members_[1].WaitForCalls(Rpc::kQuorumRead, 2), 2);
  for (FakeEtcd& member : members_) member.Release();

  const ClusterView& view = observation->Wait();
  for (const EndpointView& endpoint : view.endpoints) {
    EXPECT_TRUE(endpoint.status.ok());
    EXPECT_TRUE(endpoint.member_list && endpoint.member_list->ok());
  }
  EXPECT_EQ(view.quorum_read, true);
  EXPECT_EQ(Count(Rpc::kMemberList), 6);
}

TEST_F(ObserveAgain, AsksForStatusFirstWhereTheLastOneFailed) {
  for (FakeEtcd& member : members_) member.Hang(Rpc::kStatus);
  See(kShort);
  See(kShort);
  EXPECT_EQ(Count(Rpc::kMemberList), 0);
  EXPECT_EQ(Count(Rpc::kQuorumRead), 0);
}

TEST_F(ObserveAgain, ReadsTheQuorumThroughThreeMembersAtMost) {
  // Counted at the end, since an observation does not wait for reads that it does not need.
  for (int round = 0; round < 20; ++round) EXPECT_EQ(See().quorum_read, true);
  EXPECT_LE(Count(Rpc::kQuorumRead), 2 + 19 * 3);
}

TEST_F(ObserveAgain, ForgetsTheRefusalsOfAMemberThatIsALearnerNow) {
  See();
  for (const std::size_t i : {2U, 1U}) {
    Demote(i);
    for (const char* when : {"before it is known", "after"}) {
      const ClusterView view = See();
      EXPECT_TRUE(view.endpoints[i].status.value->is_learner) << when;
      EXPECT_FALSE(view.endpoints[i].member_list) << when;
      EXPECT_EQ(view.quorum_read, true) << when;
    }
    EXPECT_EQ(members_.at(i).Count(Rpc::kMemberList), 2 + (i == 1 ? 2 : 0));
  }
}

TEST_F(ObserveAgain, TakesNoLearnersRefusalForAnAnswerAboutTheQuorum) {
  See();
  Demote(1);
  for (const std::size_t i : {0U, 2U}) members_.at(i).Fail(Rpc::kQuorumRead, kTimedOut);
  EXPECT_EQ(See().quorum_read, false);
}

TEST_F(ObserveAgain, AsksALearnerThatWasPromoted) {
  Demote(2);
  EXPECT_FALSE(See().endpoints[2].member_list);
  Promote(2);
  for (int round = 1; round <= 2; ++round) {
    const ClusterView view = See();
    ASSERT_TRUE(view.endpoints[2].member_list);
    EXPECT_TRUE(view.endpoints[2].member_list->ok());
    EXPECT_EQ(members_[2].Count(Rpc::kMemberList), round);
  }
}

TEST_F(ObserveAgain, ForgetsARefusalFromBeforeAPromotion) {
  See();
  members_[2].Fail(Rpc::kMemberList, kLearner);  // and its Status, a moment later, is a voter's
  const ClusterView view = See();
  EXPECT_TRUE(view.endpoints[2].status.ok());
  EXPECT_FALSE(view.endpoints[2].member_list);
}

TEST_F(ObserveAgain, ShowsTheMemberThatTheEndpointReachesNow) {
  See();
  members_[1].SetStatus(MakeStatusResponse(7, 3, "3.6.14"));
  members_[1].SetMembers(MakeMemberListResponse({1, 3, 7}));
  const ClusterView view = See();
  EXPECT_EQ(view.endpoints[1].status.value->member_id, 7U);
  EXPECT_EQ(view.endpoints[1].member_list->value->at(2).id, 7U);
  EXPECT_EQ(view.quorum_read, true);
}

TEST_F(ObserveAgain, TakesTheWordOfNoOldVersionForAProofOfQuorum) {
  SeeThroughTheLeaderOnly();
  for (std::size_t i = 0; i < 3; ++i) SetVersion(i, "3.4.23");
  EXPECT_EQ(See().quorum_read, std::nullopt);
  EXPECT_EQ(members_[1].WaitForCalls(Rpc::kQuorumRead, 2), 2);
  EXPECT_EQ(See().quorum_read, std::nullopt);
  EXPECT_EQ(Count(Rpc::kQuorumRead), 2);
}

TEST_F(ObserveAgain, ProvesTheQuorumWithoutTheMemberThatItAskedFirst) {
  See();
  members_[1].Hang(Rpc::kQuorumRead);
  ClusterView view = See();
  EXPECT_EQ(view.quorum_read, true);
  EXPECT_LT(view.duration, kPlenty);
  members_[1].Hang(Rpc::kMemberList);
  members_[1].Hang(Rpc::kStatus);
  view = See(kShort);
  EXPECT_EQ(view.quorum_read, true);
  EXPECT_FALSE(view.endpoints[1].member_list);
}

TEST_F(ObserveAgain, ForgetsWhatItAskedBesideAStatusThatFailed) {
  See();
  members_[1].Fail(Rpc::kStatus, kTimedOut);
  members_[1].Hang(Rpc::kQuorumRead);  // nor is that waited for
  const ClusterView view = See();
  EXPECT_LT(view.duration, kPlenty);
  EXPECT_EQ(ReasonOf(view.endpoints[1].status.error), Reason::kTimeout);
  EXPECT_FALSE(view.endpoints[1].member_list);
  EXPECT_EQ(view.quorum_read, true);
  See();
  EXPECT_EQ(members_[1].Count(Rpc::kMemberList), 2);
}

}  // namespace
}  // namespace warden::etcd
