// Observations of members that answer, are learners, hang or are given up.
#include <gtest/gtest.h>

#include <array>
#include <stop_token>
#include <thread>

#include "tests/etcd/fixture.h"
#include "tests/support/tcp_port.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::MakeMemberListResponse;
using testing::MakeStatusResponse;
using testing::Rpc;
using testing::TcpPort;

// Three voters of one version, led by member 1.
class Observe : public ::testing::Test {
 protected:
  Observe() { SetVersion("3.5.16", 1); }

  void SetVersion(const std::string& version, std::uint64_t leader) {
    for (std::size_t i = 0; i < 3; ++i) {
      members_.at(i).SetStatus(MakeStatusResponse(i + 1, leader, version));
      members_.at(i).SetMembers(MakeMemberListResponse({1, 2, 3}));
    }
  }

  ClusterOptions Options() const {
    return OptionsFor({members_[0].endpoint(), members_[1].endpoint(), members_[2].endpoint()});
  }

  int Count(Rpc rpc) const {
    return members_[0].Count(rpc) + members_[1].Count(rpc) + members_[2].Count(rpc);
  }

  std::stop_source stop_;
  std::array<FakeEtcd, 3> members_;
};

TEST_F(Observe, GathersStatusAndMemberListOfEveryMember) {
  const SteadyTime before = TestClock().Steady();
  const ClusterView view = ObserveOnce(Options(), Within(kPlenty));

  ASSERT_EQ(view.endpoints.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const EndpointView& endpoint = view.endpoints[i];
    EXPECT_EQ(endpoint.endpoint, members_.at(i).endpoint());
    ASSERT_TRUE(endpoint.status.ok()) << endpoint.status.error->message;
    EXPECT_EQ(endpoint.status.value->member_id, i + 1);
    EXPECT_EQ(endpoint.status.value->version, "3.5.16");
    ASSERT_TRUE(endpoint.member_list && endpoint.member_list->ok());
    EXPECT_EQ(endpoint.member_list->value->size(), 3U);
    EXPECT_EQ(members_.at(i).Count(Rpc::kStatus), 1);
    EXPECT_EQ(members_.at(i).Count(Rpc::kMemberList), 1);
  }
  EXPECT_EQ(view.quorum_read, true);
  EXPECT_LE(Count(Rpc::kQuorumRead), 2);
  EXPECT_EQ(Count(Rpc::kAuthenticate), 0);
  EXPECT_GT(view.duration, Nanoseconds(0));
  EXPECT_GE(view.began, before);
  EXPECT_LE(view.began + view.duration, TestClock().Steady());
}

TEST_F(Observe, IsDoneAtOnceWithoutEndpoints) {
  const auto cluster = MakeCluster({}, TestClock());
  const auto observation = cluster->Observe(Within(kPlenty));
  EXPECT_TRUE(observation->done());
  EXPECT_TRUE(observation->Wait().endpoints.empty());
}

TEST_F(Observe, AsksALearnerForItsStatusOnly) {
  etcdserverpb::StatusResponse learner = MakeStatusResponse(3, 1, "3.5.16");
  learner.set_islearner(true);
  members_[2].SetStatus(learner);

  const ClusterView view = ObserveOnce(Options(), Within(kPlenty));

  EXPECT_TRUE(view.endpoints[2].status.ok());
  EXPECT_FALSE(view.endpoints[2].member_list);
  EXPECT_EQ(members_[2].Count(Rpc::kStatus), 1);
  EXPECT_EQ(members_[2].Count(Rpc::kMemberList), 0);
  EXPECT_EQ(members_[2].Count(Rpc::kQuorumRead), 0);
  EXPECT_EQ(Count(Rpc::kMemberList), 2);
}

TEST_F(Observe, ReportsAMemberThatHangsWithTheValuesOfTheOthers) {
  members_[1].Hang(Rpc::kStatus);

  const ClusterView view = ObserveOnce(Options(), Within(kShort));

  EXPECT_TRUE(view.endpoints[0].status.ok());
  EXPECT_TRUE(view.endpoints[2].status.ok());
  EXPECT_EQ(ReasonOf(view.endpoints[1].status.error), Reason::kTimeout);
  EXPECT_EQ(view.endpoints[1].status.error->code, Code::kDeadlineExceeded);
  EXPECT_FALSE(view.endpoints[1].member_list);
  EXPECT_EQ(view.quorum_read, true);
}

TEST_F(Observe, ReportsAMemberListThatHangsBesideTheStatus) {
  members_[1].Hang(Rpc::kMemberList);

  const ClusterView view = ObserveOnce(Options(), Within(kShort));

  ASSERT_TRUE(view.endpoints[1].status.ok());
  ASSERT_TRUE(view.endpoints[1].member_list);
  EXPECT_EQ(ReasonOf(view.endpoints[1].member_list->error), Reason::kTimeout);
  EXPECT_TRUE(view.endpoints[0].member_list->ok());
}

// The first member's refusal arrives while the others are still being called.
class SlowClock final : public Clock {
 public:
  WallTime Now() const override { return TestClock().Now(); }
  SteadyTime Steady() const override {
    std::this_thread::sleep_for(Milliseconds(20));
    return TestClock().Steady();
  }
};

TEST_F(Observe, DoesNotEndBeforeEveryMemberWasAsked) {
  const TcpPort refuses(TcpPort::Kind::kRefuses);
  const SlowClock slow;
  for (int round = 0; round < 5; ++round) {
    const auto cluster = MakeCluster(
        OptionsFor({refuses.endpoint(), members_[1].endpoint(), members_[2].endpoint()}), slow);
    const auto observation = cluster->Observe(Within(kPlenty));
    const ClusterView& view = observation->Wait();
    EXPECT_EQ(ReasonOf(view.endpoints[0].status.error), Reason::kConnect);
    EXPECT_TRUE(view.endpoints[1].status.ok());
    EXPECT_TRUE(view.endpoints[2].status.ok());
  }
}

TEST_F(Observe, GivesEveryWaitingThreadTheSameView) {
  members_[1].Hang(Rpc::kStatus);
  const auto cluster = MakeCluster(Options(), TestClock());
  const auto observation = cluster->Observe(Within(kPlenty));
  EXPECT_FALSE(observation->done());

  std::array<const ClusterView*, 4> seen{};
  {
    std::vector<std::jthread> waiters;
    for (const ClusterView*& view : seen) {
      waiters.emplace_back([&view, &observation] { view = &observation->Wait(); });
    }
    members_[1].WaitForCalls(Rpc::kStatus, 1);
    members_[1].Release();
  }

  for (const ClusterView* view : seen) EXPECT_EQ(view, seen[0]);
  EXPECT_TRUE(seen[0]->endpoints[1].status.ok());
  EXPECT_TRUE(observation->done());
}

TEST_F(Observe, KeepsTheViewOfTheDeadlineWhateverArrivesLater) {
  members_[1].Hang(Rpc::kStatus);
  const auto cluster = MakeCluster(Options(), TestClock());
  const auto observation = cluster->Observe(Within(kShort));
  EXPECT_EQ(ReasonOf(observation->Wait().endpoints[1].status.error), Reason::kTimeout);
  members_[1].Release();
  const auto next = cluster->Observe(Within(kPlenty));
  EXPECT_TRUE(next->Wait().endpoints[1].status.ok());
  EXPECT_EQ(ReasonOf(observation->Wait().endpoints[1].status.error), Reason::kTimeout);
}

TEST_F(Observe, EndsWhenItsStopIsRequested) {
  members_[1].Hang(Rpc::kStatus);
  const auto cluster = MakeCluster(Options(), TestClock());
  const auto observation = cluster->Observe(Within(kPlenty, stop_.get_token()));
  ASSERT_EQ(members_[1].WaitForCalls(Rpc::kStatus, 1), 1);
  stop_.request_stop();

  const ClusterView& view = observation->Wait();
  EXPECT_EQ(ReasonOf(view.endpoints[1].status.error), Reason::kCanceled);
  EXPECT_EQ(members_[1].Abandoned(1), 1);
}

TEST_F(Observe, AsksNobodyOnceItsStopWasRequested) {
  stop_.request_stop();
  const ClusterView view = ObserveOnce(Options(), Within(kPlenty, stop_.get_token()));
  for (const EndpointView& endpoint : view.endpoints) {
    EXPECT_EQ(ReasonOf(endpoint.status.error), Reason::kCanceled);
  }
  EXPECT_EQ(Count(Rpc::kMemberList), 0);
}

TEST_F(Observe, EndsWithItsCluster) {
  for (FakeEtcd& member : members_) member.Hang(Rpc::kStatus);
  auto cluster = MakeCluster(Options(), TestClock());
  const auto observation = cluster->Observe(Within(kPlenty));
  ASSERT_EQ(members_[2].WaitForCalls(Rpc::kStatus, 1), 1);
  cluster.reset();

  EXPECT_TRUE(observation->done());
  for (const EndpointView& endpoint : observation->Wait().endpoints) {
    EXPECT_EQ(ReasonOf(endpoint.status.error), Reason::kCanceled);
  }
}

TEST_F(Observe, MayBeDroppedInFlight) {
  for (FakeEtcd& member : members_) member.Hang(Rpc::kStatus);
  auto cluster = MakeCluster(Options(), TestClock());
  cluster->Observe(Within(kPlenty)).reset();
  ASSERT_EQ(members_[0].WaitForCalls(Rpc::kStatus, 1), 1);
  cluster.reset();
  EXPECT_EQ(members_[0].Abandoned(1), 1);
}

TEST_F(Observe, SurvivesStopsAndDestructionAtAnyMoment) {
  for (int round = 0; round < 20; ++round) {
    std::stop_source stop;
    auto cluster = MakeCluster(Options(), TestClock());
    const auto observation = cluster->Observe(Within(kPlenty, stop.get_token()));
    std::this_thread::sleep_for(Milliseconds(round / 4));
    std::jthread stopper([stop]() mutable { stop.request_stop(); });
    if (round % 2 == 0) cluster.reset();
    const ClusterView& view = observation->Wait();
    for (const EndpointView& endpoint : view.endpoints) {
      EXPECT_TRUE(endpoint.status.ok() || ReasonOf(endpoint.status.error) == Reason::kCanceled)
          << endpoint.status.error->message;
    }
  }
}

TEST(ObserveAsAUserWithoutRights, AsksForTheListWhereStatusIsForRootOnly) {
  FakeEtcd member;
  member.SetStatus(MakeStatusResponse(7, 7, "3.6.10"));
  member.SetMembers(testing::MakeMemberListResponse({7, 8}));
  member.Fail(Rpc::kStatus, {grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied"});
  const auto cluster = MakeCluster(OptionsFor({member.endpoint()}), TestClock());
  for (int round = 1; round <= 2; ++round) {
    const ClusterView view = cluster->Observe(Within(kPlenty))->Wait();
    const EndpointView& endpoint = view.endpoints.at(0);
    EXPECT_EQ(ReasonOf(endpoint.status.error), Reason::kPermissionDenied);
    ASSERT_TRUE(endpoint.member_list && endpoint.member_list->ok());
    EXPECT_EQ(endpoint.member_list->value->size(), 2U);
    ASSERT_TRUE(endpoint.list_sender);
    EXPECT_EQ(endpoint.list_sender->member_id, 7U);
    EXPECT_EQ(member.Count(Rpc::kMemberList), round);
  }
}

}  // namespace
}  // namespace warden::etcd
