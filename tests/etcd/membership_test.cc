#include "exporter/etcd/membership.h"

#include <gtest/gtest.h>

#include "tests/support/view_builder.h"

namespace warden::etcd {
namespace {

using testing::FailStatus;
using testing::kClusterId;
using testing::kForeignClusterId;
using testing::kMemberIds;
using testing::MakeEndpoint;
using testing::MakeList;
using testing::MakeMember;
using testing::MakeView;

ClusterView NobodyAnswers() {
  ClusterView view = MakeView(3);
  for (EndpointView& endpoint : view.endpoints) FailStatus(endpoint);
  return view;
}

MemberStatus& StatusOf(ClusterView& view, std::size_t i) {
  return *view.endpoints[i].status.value;
}
std::optional<MemberList>& ListOf(ClusterView& view, std::size_t i) {
  return view.endpoints[i].member_list->value;
}

TEST(MainClusterId, IsTheOneOfMostEndpoints) {
  ClusterView view = MakeView(3);
  EXPECT_EQ(MainClusterId(view), kClusterId);
  StatusOf(view, 0).cluster_id = kForeignClusterId;
  EXPECT_EQ(MainClusterId(view), kClusterId);
  StatusOf(view, 1).cluster_id = kForeignClusterId;
  EXPECT_EQ(MainClusterId(view), kForeignClusterId);
}

TEST(MainClusterId, IsTheFirstConfiguredOfEquals) {
  ClusterView view = MakeView(2);
  StatusOf(view, 0).cluster_id = kForeignClusterId;
  EXPECT_EQ(MainClusterId(view), kForeignClusterId);
  std::swap(view.endpoints[0], view.endpoints[1]);
  EXPECT_EQ(MainClusterId(view), kClusterId);
}

TEST(MainClusterId, CountsOnlyWhoAnswered) {
  ClusterView view = MakeView(3);
  StatusOf(view, 2).cluster_id = kForeignClusterId;
  FailStatus(view.endpoints[0]);
  FailStatus(view.endpoints[1]);
  EXPECT_EQ(MainClusterId(view), kForeignClusterId);
  EXPECT_EQ(MainClusterId(NobodyAnswers()), std::nullopt);
  EXPECT_EQ(MainClusterId(ClusterView{}), std::nullopt);
}

TEST(AgreedMembers, IsTheListOfMostMembers) {
  ClusterView view = MakeView(3);
  EXPECT_EQ(AgreedMembers(view), MakeList(3));
  ListOf(view, 0) = MakeList(4);
  // A minority is not believed even if it has seen most.
  StatusOf(view, 0).raft_term = 99;
  EXPECT_EQ(AgreedMembers(view), MakeList(3));
  ListOf(view, 1) = MakeList(4);
  EXPECT_EQ(AgreedMembers(view), MakeList(4));
}

TEST(AgreedMembers, BelievesTheHighestTermThenIndexAmongEquals) {
  ClusterView view = MakeView(2);
  ListOf(view, 1) = MakeList(3);
  StatusOf(view, 1).raft_index += 1;
  EXPECT_EQ(AgreedMembers(view), MakeList(3));
  StatusOf(view, 0).raft_term += 1;
  EXPECT_EQ(AgreedMembers(view), MakeList(2)) << "a term outranks an index";
}

TEST(AgreedMembers, TakesTheBestVoterOfEachListIntoATie) {
  ClusterView view = MakeView(4);
  ListOf(view, 2) = MakeList(3);
  ListOf(view, 3) = MakeList(3);
  StatusOf(view, 3).raft_index += 5;
  EXPECT_EQ(AgreedMembers(view), MakeList(3));
  StatusOf(view, 0).raft_index += 6;
  EXPECT_EQ(AgreedMembers(view), MakeList(4));
}

TEST(AgreedMembers, GivesAMemberOneVoteHoweverManyEndpointsReachIt) {
  ClusterView view = MakeView(3);
  ListOf(view, 0) = MakeList(4);
  StatusOf(view, 0).raft_term = 99;
  view.endpoints.push_back(view.endpoints[0]);
  view.endpoints.push_back(view.endpoints[0]);
  EXPECT_EQ(AgreedMembers(view), MakeList(3));
}

TEST(AgreedMembers, TakesTheListOfAnotherEndpointOfTheMemberIfTheFirstGaveNone) {
  ClusterView view = MakeView(1);
  view.endpoints.push_back(view.endpoints[0]);
  view.endpoints[0].member_list->value.reset();
  view.endpoints[0].member_list->error = RpcError{};
  EXPECT_EQ(AgreedMembers(view), MakeList(1));
}

TEST(AgreedMembers, IgnoresStrangers) {
  ClusterView view = MakeView(1);
  ListOf(view, 0) = MakeList(1);
  for (int n = 2; n <= 3; ++n) {
    view.endpoints.push_back(MakeEndpoint(n, "3.4.23", {MakeMember(4)}));
    view.endpoints.back().status.value->cluster_id = kForeignClusterId + static_cast<unsigned>(n);
  }
  EXPECT_EQ(AgreedMembers(view), MakeList(1));
}

TEST(AgreedMembers, IsNothingWithoutAnAnswer) {
  ClusterView view = MakeView(2);
  view.endpoints[0].member_list.reset();
  view.endpoints[1].member_list->value.reset();
  view.endpoints[1].member_list->error = RpcError{};
  EXPECT_EQ(AgreedMembers(view), std::nullopt);
  EXPECT_EQ(AgreedMembers(NobodyAnswers()), std::nullopt);
}

TEST(AgreedMembers, MayBeAnEmptyList) {
  ClusterView view = MakeView(1);
  ListOf(view, 0) = MemberList{};
  EXPECT_EQ(AgreedMembers(view), MemberList{});
}

TEST(StatusByMember, TakesTheFirstAnswerOfEachMember) {
  ClusterView view = MakeView(2);
  view.endpoints.push_back(view.endpoints[1]);
  view.endpoints.push_back(view.endpoints[0]);
  FailStatus(view.endpoints[0]);
  const auto members = StatusByMember(view);
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members.at(kMemberIds[1]), &view.endpoints[3]) << "the first endpoint did not answer";
  EXPECT_EQ(members.at(kMemberIds[2]), &view.endpoints[1]);
}

TEST(StatusByMember, LeavesStrangersOut) {
  ClusterView view = MakeView(3);
  StatusOf(view, 1).cluster_id = kForeignClusterId;
  const auto members = StatusByMember(view);
  EXPECT_EQ(members.size(), 2U);
  EXPECT_FALSE(members.contains(kMemberIds[2]));
  EXPECT_TRUE(StatusByMember(NobodyAnswers()).empty());
}

TEST(CountVoters, SaysHowManyFailuresTheClusterCanTake) {
  struct Case {
    int listed;
    int down;
    int tolerance;
  };
  const Case cases[] = {{1, 0, 0}, {1, 1, -1}, {2, 0, 0},  {2, 1, -1}, {3, 0, 1},
                        {3, 1, 0}, {3, 2, -1}, {3, 3, -2}, {4, 0, 1},  {4, 1, 0}};
  for (const Case& c : cases) {
    ClusterView view = MakeView(c.listed);
    for (int i = 0; i < c.down; ++i) FailStatus(view.endpoints[static_cast<std::size_t>(i)]);
    const Voters voters = CountVoters(view, MakeList(c.listed));
    EXPECT_EQ(voters.listed, c.listed);
    EXPECT_EQ(voters.reachable, c.listed - c.down);
    EXPECT_EQ(voters.FailureTolerance(), c.tolerance)
        << c.listed << " members, " << c.down << " down";
  }
}

TEST(CountVoters, CountsNeitherLearnersNorUnlistedNorStrangersNorTwice) {
  ClusterView view = MakeView(4);
  view.endpoints.push_back(view.endpoints[0]);
  StatusOf(view, 1).cluster_id = kForeignClusterId;
  MemberList members = {MakeMember(1), MakeMember(2), MakeMember(3)};  // 4 is not listed
  members[2].is_learner = true;
  const Voters voters = CountVoters(view, members);
  EXPECT_EQ(voters.listed, 2);
  EXPECT_EQ(voters.reachable, 1);
  EXPECT_EQ(voters.FailureTolerance(), -1);
}

}  // namespace
}  // namespace warden::etcd
