// Who is asked for a hash, in which order, and what the answers come to.
#include "exporter/snapshot/attest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/snapshot/attest_fixture.h"

namespace warden::snapshot {
namespace {

TEST_F(AttestTest, AsksWhomThePolicyAllows) {
  struct Case {
    AttestPolicy policy;
    std::string asked;
    std::string said;
  };
  const Case cases[] = {
      {AttestPolicy::kFollowers, "3 2",
       "attested (2 of 3): the leader was not asked (attest: followers)"},
      {AttestPolicy::kAll, "3 2 1", "attested (3 of 3)"},
      {AttestPolicy::kOff, "", "unattested: attest: off"},
  };
  for (const Case& each : cases) {
    const std::size_t before = cluster_.hashed().size();
    SayAll(WholeHash());
    EXPECT_EQ(Describe(Ask(each.policy)), each.said);
    EXPECT_EQ(Asked(before), each.asked);
  }
  for (const auto& [url, revision] : cluster_.hashed()) EXPECT_EQ(revision, kRevision);
}

TEST_F(AttestTest, AQuorumOutweighsTheVotersThatDiffer) {
  SayAll(WholeHash());
  Say(3, Answer(3, kOtherHash));
  const Attestation all = Ask(AttestPolicy::kAll);
  EXPECT_EQ(all.verdict, Verdict::kAttested);
  EXPECT_EQ(all.agreed, 2);
  EXPECT_EQ(all.voters, 3);
  EXPECT_EQ(all.differing, std::vector<std::string>{"m3 (a5c40fe21b7d396)"});
  EXPECT_EQ(Describe(all), "attested (2 of 3): other data on m3 (a5c40fe21b7d396)");
}

// A follower holds other data, so the policy of sparing the leader no longer holds.
TEST_F(AttestTest, TheLeaderIsAskedWhereAFollowerDiffers) {
  SayAll(WholeHash());
  Say(3, Answer(3, kOtherHash));
  EXPECT_EQ(Describe(Ask()), "attested (2 of 3): other data on m3 (a5c40fe21b7d396)");
  EXPECT_EQ(Asked(), "3 2 1");

  Say(1, Answer(1, kOtherHash));
  EXPECT_EQ(Describe(Ask()), "mismatch: other data on m3 (a5c40fe21b7d396), m1 (8211f1d0f64f3269)");

  Refuse(1, "connection reset");
  EXPECT_EQ(Describe(Ask()),
            "unattested: other data on m3 (a5c40fe21b7d396); "
            "m1 (8211f1d0f64f3269): connection reset; 1 of 3 voters agree, a quorum is 2")
      << "the leader may hold the same";
}

TEST_F(AttestTest, AMismatchIsCertainWhereNoQuorumCanAgree) {
  struct Case {
    int voters, same, other;  // of them; the others cannot be asked
    Verdict verdict;
  };
  const Case cases[] = {
      {1, 1, 0, Verdict::kAttested},   {1, 0, 1, Verdict::kMismatch},
      {1, 0, 0, Verdict::kUnattested}, {2, 1, 1, Verdict::kMismatch},
      {2, 1, 0, Verdict::kUnattested}, {2, 0, 1, Verdict::kMismatch},
      {3, 2, 1, Verdict::kAttested},   {3, 2, 0, Verdict::kAttested},
      {3, 1, 1, Verdict::kUnattested}, {3, 1, 2, Verdict::kMismatch},
      {3, 0, 2, Verdict::kMismatch},   {3, 0, 1, Verdict::kUnattested},
      {4, 2, 2, Verdict::kMismatch},   {4, 3, 1, Verdict::kAttested},
      {4, 2, 1, Verdict::kUnattested}, {4, 0, 2, Verdict::kMismatch},
  };
  for (const Case& each : cases) {
    cluster_.SetView(MakeView(each.voters));
    for (int n = 1; n <= each.voters; ++n) {
      if (n <= each.same) {
        Say(n, Answer(n, WholeHash()));
      } else if (n <= each.same + each.other) {
        Say(n, Answer(n, kOtherHash));
      } else {
        Refuse(n, "connection reset");
      }
    }
    const Attestation attestation = Ask(AttestPolicy::kAll);
    const std::string text = Describe(attestation) + " where of " + std::to_string(each.voters) +
                             " voters " + std::to_string(each.other) + " differ";
    EXPECT_EQ(attestation.verdict, each.verdict) << text;
    EXPECT_EQ(attestation.agreed, each.same) << text;
    EXPECT_EQ(attestation.voters, each.voters) << text;
    EXPECT_EQ(attestation.differing.size(), static_cast<std::size_t>(each.other)) << text;
  }
}

TEST_F(AttestTest, AClusterOfOneHasOnlyItsLeader) {
  cluster_.SetView(MakeView(1));
  SayAll(WholeHash());
  EXPECT_EQ(Describe(Ask()),
            "unattested: the leader was not asked (attest: followers); "
            "0 of 1 voters agree, a quorum is 1");
  EXPECT_EQ(Asked(), "");
  EXPECT_EQ(Describe(Ask(AttestPolicy::kAll)), "attested (1 of 1)");
}

TEST_F(AttestTest, NeverAsksALearner) {
  etcd::ClusterView view = MakeView(4);
  etcd::MemberList list = testing::MakeList(4);
  for (etcd::Member& member : list) member.is_learner = member.name == "m3";
  testing::SetList(view, list);
  view.endpoints[2].status.value->is_learner = true;
  cluster_.SetView(view);
  SayAll(WholeHash());
  EXPECT_EQ(Describe(Ask(AttestPolicy::kAll)), "attested (3 of 3)");
  EXPECT_EQ(Asked(), "2 4 1");
}

TEST_F(AttestTest, VotersThatAreNotReachedCountForTheQuorum) {
  etcd::ClusterView view = MakeView(3);
  testing::FailStatus(view.endpoints[1]);
  cluster_.SetView(view);
  SayAll(WholeHash());
  EXPECT_EQ(
      Describe(Ask()),
      "unattested: voters that were not reached: 1; the leader was not asked (attest: followers); "
      "1 of 3 voters agree, a quorum is 2");
  EXPECT_EQ(Describe(Ask(AttestPolicy::kAll)),
            "attested (2 of 3): voters that were not reached: 1");
  EXPECT_EQ(Asked(), "3 3 1");
}

TEST_F(AttestTest, NeverAsksAVoterOfAnotherCluster) {
  SayAll(WholeHash());
  etcd::ClusterView view = MakeView(3);
  view.endpoints[2].status.value->cluster_id = testing::kForeignClusterId;
  cluster_.SetView(view);
  EXPECT_EQ(Describe(Ask(AttestPolicy::kAll)),
            "attested (2 of 3): voters that were not reached: 1");
  EXPECT_EQ(Asked(), "2 1");
}

TEST_F(AttestTest, AsksNobodyWhereMostEndpointsBelongToAnotherCluster) {
  SayAll(kOtherHash);
  etcd::ClusterView view = MakeView(3);
  view.endpoints[1].status.value->cluster_id = testing::kForeignClusterId;
  view.endpoints[2].status.value->cluster_id = testing::kForeignClusterId;
  cluster_.SetView(view);
  EXPECT_NE(Ask(AttestPolicy::kAll).verdict, Verdict::kMismatch);
  EXPECT_EQ(Asked().find_first_of("23"), std::string::npos) << Asked();
}

TEST_F(AttestTest, CannotTellWithoutAMemberList) {
  etcd::ClusterView view = MakeView(3);
  for (etcd::EndpointView& endpoint : view.endpoints) testing::FailStatus(endpoint);
  cluster_.SetView(view);
  EXPECT_EQ(Describe(Ask()), "unattested: no member told the member list");
}

TEST(Attestation, IsDescribedOnOneLine) {
  struct Case {
    Attestation attestation;
    std::string said;
  };
  const Case cases[] = {
      {{}, "unattested"},
      {{.reason = "why"}, "unattested: why"},
      {{.verdict = Verdict::kAttested, .agreed = 3, .voters = 5}, "attested (3 of 5)"},
      {{.verdict = Verdict::kAttested, .agreed = 3, .voters = 5, .differing = {"a", "b"}},
       "attested (3 of 5): other data on a, b"},
      {{.verdict = Verdict::kMismatch, .voters = 3, .differing = {"a"}, .reason = "why"},
       "mismatch: other data on a; why"},
  };
  for (const Case& each : cases) EXPECT_EQ(Describe(each.attestation), each.said);
}

}  // namespace
}  // namespace warden::snapshot
