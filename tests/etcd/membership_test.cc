#include "exporter/etcd/membership.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

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

TEST(MainClusterId, IsTheRememberedOneUnlessMostEndpointsBelongToAnother) {
  ClusterView view = MakeView(3);
  FailStatus(view.endpoints[0]);
  FailStatus(view.endpoints[1]);
  StatusOf(view, 2).cluster_id = kForeignClusterId;
  EXPECT_EQ(MainClusterId(view, kClusterId), kClusterId)
      << "one stray answers, the others are down";
  EXPECT_EQ(MainClusterId(NobodyAnswers(), kClusterId), kClusterId);
  EXPECT_EQ(MainClusterId(ClusterView{}, kClusterId), kClusterId);

  view = MakeView(4);
  StatusOf(view, 0).cluster_id = kForeignClusterId;
  StatusOf(view, 1).cluster_id = kForeignClusterId;
  EXPECT_EQ(MainClusterId(view, kClusterId), kClusterId) << "half are not most";
  StatusOf(view, 2).cluster_id = kForeignClusterId;
  EXPECT_EQ(MainClusterId(view, kClusterId), kForeignClusterId) << "it was rebuilt";
  FailStatus(view.endpoints[3]);
  EXPECT_EQ(MainClusterId(view, kClusterId), kForeignClusterId);
}

TEST(MainClusterId, GivesDiscoveredEndpointsNoSay) {
  ClusterView view = MakeView(3);
  view.endpoints[1].discovered = true;
  view.endpoints[2].discovered = true;
  StatusOf(view, 0).cluster_id = kForeignClusterId;
  EXPECT_EQ(MainClusterId(view, kClusterId), kForeignClusterId)
      << "the only configured endpoint leads to a new cluster";
}

TEST(AgreedMembers, IgnoresTheListOfAStrayToTheRememberedCluster) {
  ClusterView view = MakeView(3);
  FailStatus(view.endpoints[0]);
  FailStatus(view.endpoints[1]);
  StatusOf(view, 2).cluster_id = kForeignClusterId;
  EXPECT_EQ(AgreedMembers(view, kClusterId), std::nullopt);
  EXPECT_TRUE(StatusByMember(view, kClusterId).empty());
  EXPECT_EQ(AgreedMembers(view, kForeignClusterId), MakeList(3));
  EXPECT_EQ(StatusByMember(view, kForeignClusterId).size(), 1U);
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

TEST(AddressOf, IsWhatTwoSpellingsOfAUrlShare) {
  for (const std::string url : {"https://E:2379", "http://e:2379/", "e:2379", "HTTPS://e:2379//"}) {
    EXPECT_EQ(AddressOf(url), "e:2379") << url;
  }
  EXPECT_EQ(AddressOf("https://[FD00::1]:2379"), "[fd00::1]:2379");
  EXPECT_EQ(AddressOf(""), "");
}

TEST(IsAnswered, ByAnyServerThatSaysSomething) {
  ClusterView view = MakeView(1);
  EXPECT_TRUE(IsAnswered(view.endpoints[0].status));
  for (int i = 0; i < kReasonCount; ++i) {
    const auto reason = static_cast<Reason>(i);
    FailStatus(view.endpoints[0], reason);
    const bool refused = reason == Reason::kUnauthenticated || reason == Reason::kPermissionDenied;
    EXPECT_EQ(IsAnswered(view.endpoints[0].status), refused) << ReasonName(reason);
  }
}

TEST(ReachedMembers, AreThoseThatAnsweredOrRefusedOurUser) {
  ClusterView view = MakeView(4);
  const MemberList members = MakeList(4);
  FailStatus(view.endpoints[0], Reason::kPermissionDenied);
  FailStatus(view.endpoints[1], Reason::kTimeout);
  FailStatus(view.endpoints[2], Reason::kUnauthenticated);
  view.endpoints[2].endpoint.url = "10.0.0.13:2379";
  EXPECT_EQ(ReachedMembers(view, members), (std::set{kMemberIds[1], kMemberIds[3], kMemberIds[4]}));
  view.endpoints[0].endpoint.url = "https://etcd-1.example:2379";
  EXPECT_EQ(ReachedMembers(view, members), (std::set{kMemberIds[3], kMemberIds[4]}))
      << "who refuses does not say who it is";
  EXPECT_TRUE(ReachedMembers(view, {}).empty()) << "only listed members";
}

// The member refuses Status for want of rights and answers MemberList.
void ShowListOnly(EndpointView& endpoint, int n) {
  const auto list = endpoint.member_list;
  FailStatus(endpoint, Reason::kPermissionDenied);
  endpoint.member_list = list;
  endpoint.list_sender =
      MemberIdentity{.cluster_id = kClusterId, .member_id = kMemberIds.at(std::size_t(n))};
}

TEST(ReachedMembers, AreThoseThatShowedTheirListOnly) {
  ClusterView view = MakeView(3);
  for (int n = 1; n <= 3; ++n) {
    EndpointView& endpoint = view.endpoints[static_cast<std::size_t>(n - 1)];
    endpoint.endpoint.url = "https://etcd.example:" + std::to_string(n);
    ShowListOnly(endpoint, n);
  }
  EXPECT_EQ(MainClusterId(view), kClusterId);
  EXPECT_EQ(AgreedMembers(view), MakeList(3));
  EXPECT_EQ(ReachedMembers(view, MakeList(3)),
            (std::set{kMemberIds[1], kMemberIds[2], kMemberIds[3]}));
  EXPECT_TRUE(StatusByMember(view).empty());
}

TEST(ReachedMembers, AreNoStrangersAtTheirAddress) {
  ClusterView view = MakeView(3);
  ShowListOnly(view.endpoints[0], 1);
  view.endpoints[0].list_sender->cluster_id = kForeignClusterId;
  EXPECT_EQ(ReachedMembers(view, MakeList(3)), (std::set{kMemberIds[2], kMemberIds[3]}));
}

// The voters' names in their order, with a mark behind who leads: "m3 m2 m1*".
std::string NamesOf(const std::vector<ReachableVoter>& voters) {
  std::string text;
  for (const ReachableVoter& voter : voters) {
    text += (text.empty() ? "" : " ") + voter.member.name + (voter.is_leader ? "*" : "");
  }
  return text;
}

TEST(ReachableVoters, EndWithTheLeader) {
  const ClusterView view = MakeView(4);
  const std::vector<ReachableVoter> voters = ReachableVoters(view, MakeList(4));
  EXPECT_EQ(NamesOf(voters), "m3 m2 m4 m1*") << "the others by id";
  for (const ReachableVoter& voter : voters) {
    EXPECT_EQ(voter.endpoint->status.value->member_id, voter.member.id);
  }
  EXPECT_TRUE(ReachableVoters(NobodyAnswers(), MakeList(3)).empty());
}

TEST(ReachableVoters, LeadByTheirOwnWord) {
  ClusterView view = MakeView(3);
  StatusOf(view, 2).leader_id = kMemberIds[3];
  EXPECT_EQ(NamesOf(ReachableVoters(view, MakeList(3))), "m2 m3* m1*")
      << "an election is on, and either may hold up writes";
  for (EndpointView& endpoint : view.endpoints) endpoint.status.value->leader_id = 0;
  EXPECT_EQ(NamesOf(ReachableVoters(view, MakeList(3))), "m3 m1 m2");
}

TEST(ReachableVoters, AreListedVotersOfTheClusterThatAnswered) {
  ClusterView view = MakeView(4);
  MemberList members = MakeList(4);
  for (Member& member : members) member.is_learner = member.name == "m3";
  EXPECT_EQ(NamesOf(ReachableVoters(view, members)), "m2 m4 m1*") << "no learner";
  EXPECT_EQ(NamesOf(ReachableVoters(view, MakeList(2))), "m2 m1*") << "nobody who is not listed";
  FailStatus(view.endpoints[1]);
  EXPECT_EQ(NamesOf(ReachableVoters(view, members)), "m4 m1*");
  StatusOf(view, 3).cluster_id = kForeignClusterId;
  EXPECT_EQ(NamesOf(ReachableVoters(view, members)), "m1*");
  EXPECT_EQ(NamesOf(ReachableVoters(view, members, kClusterId)), "m1*");
}

TEST(ReachableVoters, ComeOnceHoweverManyEndpointsReachThem) {
  ClusterView view = MakeView(2);
  view.endpoints.push_back(view.endpoints[1]);
  const std::vector<ReachableVoter> voters = ReachableVoters(view, MakeList(2));
  EXPECT_EQ(NamesOf(voters), "m2 m1*");
  EXPECT_EQ(voters[0].endpoint, &view.endpoints[1]);
}

TEST(DescribeMember, NamesItByNameAndId) {
  EXPECT_EQ(Describe(MakeMember(1)), "m1 (8211f1d0f64f3269)");
  EXPECT_EQ(Describe({.id = 0x2a}), "2a") << "never started";
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
    const MemberList members = MakeList(c.listed);
    const Voters voters = CountVoters(members, ReachedMembers(view, members));
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
  const Voters voters = CountVoters(members, ReachedMembers(view, members));
  EXPECT_EQ(voters.listed, 2);
  EXPECT_EQ(voters.reachable, 1);
  EXPECT_EQ(voters.FailureTolerance(), -1);
}

}  // namespace
}  // namespace warden::etcd
