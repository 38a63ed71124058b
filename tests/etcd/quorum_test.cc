// The proof of quorum: a linearizable read through up to two members that know a leader.
#include <gtest/gtest.h>

#include <array>
#include <stop_token>

#include "tests/etcd/fixture.h"
#include "tests/support/tcp_port.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::MakeStatusResponse;
using testing::Rpc;
using testing::TcpPort;

const grpc::Status kTimedOut(grpc::StatusCode::UNAVAILABLE, "etcdserver: request timed out");
const grpc::Status kRefused(grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied");

// Three voters of one version, led by member 1.
class Quorum : public ::testing::Test {
 protected:
  Quorum() { SetVersion("3.5.16", 1); }

  void SetVersion(const std::string& version, std::uint64_t leader) {
    for (std::size_t i = 0; i < 3; ++i) {
      members_.at(i).SetStatus(MakeStatusResponse(i + 1, leader, version));
    }
  }

  ClusterView See(Milliseconds patience = kPlenty) const {
    return ObserveOnce(
        OptionsFor({members_[0].endpoint(), members_[1].endpoint(), members_[2].endpoint()}),
        Within(patience));
  }

  int Reads() const {
    return members_[0].Count(Rpc::kQuorumRead) + members_[1].Count(Rpc::kQuorumRead) +
           members_[2].Count(Rpc::kQuorumRead);
  }

  std::array<FakeEtcd, 3> members_;
};

TEST_F(Quorum, IsReadThroughAtMostTwoMembers) {
  EXPECT_EQ(See().quorum_read, true);
  EXPECT_GE(Reads(), 1);
  EXPECT_LE(Reads(), 2);
}

TEST_F(Quorum, IsNotReadBelow35) {
  // 3.4 ignores `linearizable`, so its answer would prove nothing.
  SetVersion("3.4.23", 1);
  EXPECT_EQ(See().quorum_read, std::nullopt);
  EXPECT_EQ(Reads(), 0);
}

TEST_F(Quorum, IsLostIfNobodyKnowsALeader) {
  SetVersion("3.5.16", 0);
  EXPECT_EQ(See().quorum_read, false);
  EXPECT_EQ(Reads(), 0);
}

TEST_F(Quorum, IsReadThroughTheMemberThatKnowsTheLeader) {
  SetVersion("3.6.14", 0);
  members_[2].SetStatus(MakeStatusResponse(3, 3, "3.6.14"));
  EXPECT_EQ(See().quorum_read, true);
  EXPECT_EQ(members_[2].Count(Rpc::kQuorumRead), 1);
  EXPECT_EQ(Reads(), 1);
}

TEST_F(Quorum, IsProvenByOneReadAlthoughTheOtherHangs) {
  // The third has no leader, so the reads go through the first two.
  members_[2].SetStatus(MakeStatusResponse(3, 0, "3.5.16"));
  for (const std::size_t hanging : {0U, 1U}) {
    members_.at(hanging).Hang(Rpc::kQuorumRead);
    const ClusterView view = See();
    EXPECT_EQ(view.quorum_read, true);
    EXPECT_LT(view.duration, kPlenty);  // nor is it waited for
    members_.at(hanging).Release();
  }
}

TEST_F(Quorum, IsLostIfEveryReadHangsOrFails) {
  members_[2].SetStatus(MakeStatusResponse(3, 0, "3.5.16"));
  for (FakeEtcd& member : members_) member.Fail(Rpc::kQuorumRead, kTimedOut);
  EXPECT_EQ(See().quorum_read, false);
  EXPECT_EQ(Reads(), 2);
  members_[1].Fail(Rpc::kQuorumRead, {grpc::StatusCode::UNAVAILABLE, "etcdserver: no leader"});
  EXPECT_EQ(See().quorum_read, false);
  members_[0].Hang(Rpc::kQuorumRead);
  const ClusterView view = See(kShort);
  EXPECT_EQ(view.quorum_read, false);
  EXPECT_TRUE(view.endpoints[0].member_list->ok());
}

TEST_F(Quorum, IsUnknownIfAReadIsRefusedAndNoneSucceeds) {
  members_[2].SetStatus(MakeStatusResponse(3, 0, "3.5.16"));
  members_[0].Fail(Rpc::kQuorumRead, kRefused);
  members_[1].Fail(Rpc::kQuorumRead, kTimedOut);
  EXPECT_EQ(See().quorum_read, std::nullopt);
  EXPECT_EQ(Reads(), 2);
  members_[1].Fail(Rpc::kQuorumRead, grpc::Status::OK);
  EXPECT_EQ(See().quorum_read, true);
}

TEST_F(Quorum, IsNotReadTwiceThroughTwoEndpointsOfOneMember) {
  EXPECT_EQ(ObserveOnce(OptionsFor({members_[0].endpoint(), members_[0].endpoint("localhost")}),
                        Within(kPlenty))
                .quorum_read,
            true);
  EXPECT_EQ(Reads(), 1);
}

TEST_F(Quorum, IsUnknownIfNobodyAnswers) {
  const TcpPort refuses(TcpPort::Kind::kRefuses);
  EXPECT_EQ(ObserveOnce(OptionsFor({refuses.endpoint()}), Within(kPlenty)).quorum_read,
            std::nullopt);
}

TEST_F(Quorum, IsUnknownIfTheObservationIsCancelled) {
  for (FakeEtcd& member : members_) member.Hang(Rpc::kQuorumRead);
  std::stop_source stop;
  const auto cluster = MakeCluster(OptionsFor({members_[0].endpoint()}), TestClock());
  const auto observation = cluster->Observe(Within(kPlenty, stop.get_token()));
  ASSERT_EQ(members_[0].WaitForCalls(Rpc::kQuorumRead, 1), 1);
  stop.request_stop();
  EXPECT_EQ(observation->Wait().quorum_read, std::nullopt);
}

TEST_F(Quorum, IsNotProvenByAStray) {
  FakeEtcd stray;
  auto status = MakeStatusResponse(1, 1, "3.5.16");
  status.mutable_header()->set_cluster_id(2);
  stray.SetStatus(status);
  const auto cluster = MakeCluster(OptionsFor({stray.endpoint(), members_[0].endpoint(),
                                               members_[1].endpoint(), members_[2].endpoint()}),
                                   TestClock());
  EXPECT_EQ(cluster->Observe(Within(kPlenty))->Wait().quorum_read, true);
  for (FakeEtcd& member : members_) member.Fail(Rpc::kQuorumRead, kTimedOut);
  EXPECT_EQ(cluster->Observe(Within(kPlenty))->Wait().quorum_read, false);
  for (FakeEtcd& member : members_) member.Fail(Rpc::kStatus, kTimedOut);
  EXPECT_EQ(cluster->Observe(Within(kPlenty))->Wait().quorum_read, std::nullopt);
  EXPECT_GE(stray.Count(Rpc::kQuorumRead), 3);
}

}  // namespace
}  // namespace warden::etcd
