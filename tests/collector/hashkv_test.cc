// What a check asks, what it makes of the answers, and how it is shown.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/collector/hashkv_fixture.h"
#include "tests/support/golden.h"

namespace warden::collector {
namespace {

struct Comparison {
  std::vector<std::uint32_t> hashes;  // of members 1, 2, ...
  bool has_majority;
  std::vector<int> mismatched;
};

TEST(CompareHashes, NamesThoseThatDifferFromTheMajority) {
  const Comparison cases[] = {
      {{7, 7}, true, {}},
      {{7, 7, 7}, true, {}},
      {{0, 0}, true, {}},
      {{7, 8, 7}, true, {2}},
      {{8, 7, 7}, true, {1}},
      {{7, 7, 8, 7}, true, {3}},
      {{7, 8}, false, {1, 2}},
      {{7, 8, 9}, false, {1, 2, 3}},
      {{7, 7, 8, 8}, false, {1, 2, 3, 4}},
      {{7, 7, 8, 9}, false, {1, 2, 3, 4}},
  };
  for (const Comparison& each : cases) {
    std::vector<KvHash> answers;
    std::string name;
    for (std::size_t i = 0; i < each.hashes.size(); ++i) {
      answers.push_back(MakeHash(static_cast<int>(i) + 1, each.hashes[i]));
      name += std::to_string(each.hashes[i]) + " ";
    }
    std::vector<std::uint64_t> mismatched;
    for (const int n : each.mismatched) {
      mismatched.push_back(kMemberIds.at(static_cast<std::size_t>(n)));
    }
    const HashComparison comparison = CompareHashes(answers);
    EXPECT_EQ(comparison.compared, static_cast<int>(each.hashes.size())) << name;
    EXPECT_EQ(comparison.has_majority, each.has_majority) << name;
    EXPECT_EQ(comparison.mismatched, mismatched) << name;
  }
}

TEST(CompareHashes, ComparesOnlyEqualRevisions) {
  std::vector<KvHash> answers = {MakeHash(1, 7), MakeHash(2, 8)};
  answers[1].compact_revision = -1;
  EXPECT_EQ(CompareHashes(answers).compared, 0) << "compacted to another revision";
  EXPECT_TRUE(CompareHashes(answers).mismatched.empty());
  answers[1] = MakeHash(2, 8);
  answers[1].revision = 4243;
  EXPECT_EQ(CompareHashes(answers).compared, 0) << "hashed another revision";
  EXPECT_EQ(CompareHashes(std::vector{MakeHash(1, 7)}).compared, 0) << "alone";
  EXPECT_EQ(CompareHashes({}).compared, 0);
}

TEST(CompareHashes, OneOfAnotherRevisionHidesNoMismatch) {
  const HashComparison even =
      CompareHashes(std::vector{MakeHash(1, 7, 200), MakeHash(2, 8), MakeHash(3, 9)});
  EXPECT_EQ(even.compared, 2);
  EXPECT_FALSE(even.has_majority);
  EXPECT_EQ(even.mismatched, (std::vector{kMemberIds[2], kMemberIds[3]}));
  const HashComparison odd = CompareHashes(
      std::vector{MakeHash(1, 7), MakeHash(2, 9, 200), MakeHash(3, 8), MakeHash(4, 7)});
  EXPECT_EQ(odd.compared, 3);
  EXPECT_TRUE(odd.has_majority);
  EXPECT_EQ(odd.mismatched, std::vector{kMemberIds[3]});
}

TEST_F(HashKvTest, AsksTheVotersOneByOneAtTheirLeastRevisionAndTheLeaderLast) {
  etcd::ClusterView view = MakeView(3);
  view.endpoints[2].status.value->revision = 4000;
  cluster_.SetView(view);
  const HashCheck check = Check();
  EXPECT_EQ(check.outcome, Outcome::kCompared);
  EXPECT_EQ(check.compared, 3);
  EXPECT_EQ(check.revision, 4000);
  EXPECT_TRUE(check.mismatched.empty());
  const auto hashed = cluster_.hashed();
  ASSERT_EQ(hashed.size(), 3u);
  EXPECT_EQ(hashed.back().first, UrlOf(1)) << "member 1 leads";
  for (const auto& [url, revision] : hashed) EXPECT_EQ(revision, 4000) << url;
}

TEST_F(HashKvTest, GivesEachMemberItsTime) {
  std::vector<Nanoseconds> limits;
  cluster_.OnHash([&](const Deadline& deadline) {
    limits.push_back(deadline.at - clock_.Steady());
    clock_.Advance(Seconds(10));
  });
  EXPECT_EQ(Check().outcome, Outcome::kCompared);
  EXPECT_EQ(limits, std::vector<Nanoseconds>(3, kHashTimeout));
}

TEST_F(HashKvTest, AsksNeitherLearnersNorUnlistedNorUnreachableMembers) {
  etcd::ClusterView view = MakeView(4);
  etcd::MemberList list = MakeList(4);
  for (etcd::Member& member : list) member.is_learner = member.id == kMemberIds[4];
  testing::SetList(view, list);
  testing::FailStatus(view.endpoints[1]);
  cluster_.SetView(view);
  const HashCheck check = Check();
  EXPECT_EQ(check.outcome, Outcome::kCompared);
  EXPECT_EQ(check.compared, 2);
  EXPECT_EQ(Asked(), "m3 m1");
}

TEST_F(HashKvTest, NeverAsksStrangers) {
  // Of three configured endpoints two are down, and the third leads to another cluster.
  etcd::ClusterView view = MakeView(4);
  for (const std::size_t i : {0, 1}) testing::FailStatus(view.endpoints[i]);
  for (const std::size_t i : {2, 3}) {
    view.endpoints[i].status.value->cluster_id = testing::kForeignClusterId;
  }
  cluster_.SetView(view);
  known_ = {.cluster_id = testing::kClusterId, .members = MakeList(4)};
  EXPECT_EQ(Check().outcome, Outcome::kTooFew);
  EXPECT_EQ(Asked(), "");
}

TEST_F(HashKvTest, AsksTheMembersKnownFromBeforeWhereTheListIsRefused) {
  etcd::ClusterView view = MakeView(3);
  for (etcd::EndpointView& endpoint : view.endpoints) {
    endpoint.member_list->value.reset();
    endpoint.member_list->error =
        etcd::RpcError{.reason = etcd::Reason::kPermissionDenied, .message = "denied"};
  }
  cluster_.SetView(view);
  EXPECT_EQ(Check().outcome, Outcome::kTooFew);
  EXPECT_EQ(Check().detail, UrlOf(1) + ": denied");
  known_ = {.cluster_id = testing::kClusterId, .members = MakeList(3)};
  EXPECT_EQ(Check().compared, 3);
  known_->cluster_id = testing::kForeignClusterId;
  EXPECT_EQ(Check().outcome, Outcome::kTooFew) << "the cluster was rebuilt since";
}

TEST_F(HashKvTest, NamesTheMembersThatDiffer) {
  SetHash(3, MakeHash(3, 8));
  const HashCheck check = Check();
  EXPECT_EQ(check.outcome, Outcome::kCompared);
  EXPECT_TRUE(check.has_majority);
  ASSERT_EQ(check.mismatched.size(), 1u);
  EXPECT_EQ(check.mismatched[0].name, "m3");
}

TEST_F(HashKvTest, ComparesTheOthersIfOneFails) {
  Fail(2, etcd::Reason::kTimeout, "Deadline Exceeded");
  const HashCheck check = Check();
  EXPECT_EQ(check.outcome, Outcome::kCompared);
  EXPECT_EQ(check.compared, 2);
  EXPECT_TRUE(check.mismatched.empty()) << "who does not answer does not differ";
  EXPECT_TRUE(PageHas("rpc_failures_total{etcd_cluster=\"prod\",etcd_endpoint=\"" + UrlOf(2) +
                      "\",reason=\"timeout\",rpc=\"hash_kv\"} 1"));
}

TEST_F(HashKvTest, TakesNoOtherMembersAnswer) {
  SetHash(2, MakeHash(3, 8));
  EXPECT_EQ(Check().compared, 2);
  SetHash(3, MakeHash(1, 8));
  const HashCheck check = Check();
  EXPECT_EQ(check.outcome, Outcome::kTooFew);
  EXPECT_NE(check.detail.find("another member answered"), std::string::npos) << check.detail;
}

TEST_F(HashKvTest, ComparesNothingWithFewerThanTwoAnswers) {
  cluster_.SetView(MakeView(1));
  EXPECT_EQ(Check().outcome, Outcome::kTooFew);
  EXPECT_EQ(Check().detail, "it takes two voters to compare");
  etcd::ClusterView one_down = MakeView(2);
  testing::FailStatus(one_down.endpoints[1]);
  cluster_.SetView(one_down);
  EXPECT_EQ(Check().outcome, Outcome::kTooFew);
  EXPECT_EQ(Check().detail, UrlOf(2) + ": status: timeout");
  EXPECT_TRUE(cluster_.hashed().empty()) << "nobody is held up for nothing";
  cluster_.SetView(MakeView(2));
  Fail(2, etcd::Reason::kConnect, "connection refused");
  const HashCheck check = Check();
  EXPECT_EQ(check.outcome, Outcome::kTooFew);
  EXPECT_EQ(check.detail, UrlOf(2) + ": connection refused");
}

TEST_F(HashKvTest, TriesOnceMoreAfterACompaction) {
  Fail(3, etcd::Reason::kOther, "etcdserver: mvcc: required revision has been compacted");
  // While member 3, the first to be asked, says that the revision is gone, the cluster goes on.
  cluster_.OnHash([&](const Deadline&) {
    etcd::ClusterView later = MakeView(3);
    for (etcd::EndpointView& endpoint : later.endpoints) endpoint.status.value->revision = 5000;
    cluster_.SetView(later);
    if (cluster_.hashed().size() > 1) SetHash(3, MakeHash(3, 7));
  });
  const HashCheck check = Check();
  EXPECT_EQ(check.outcome, Outcome::kCompared);
  EXPECT_EQ(check.compared, 3);
  EXPECT_TRUE(check.mismatched.empty());
  EXPECT_EQ(check.revision, 5000) << "one that all have now";
  EXPECT_EQ(Asked(), "m3 m3 m2 m1");
}

TEST_F(HashKvTest, ComparesTheOthersIfOneHasCompactedUpToAnotherRevision) {
  SetHash(2, MakeHash(2, 9, 200));
  const HashCheck equal = Check();
  EXPECT_EQ(equal.outcome, Outcome::kCompared);
  EXPECT_EQ(equal.compared, 2);
  EXPECT_TRUE(equal.mismatched.empty()) << "who was left out does not differ";
  EXPECT_EQ(cluster_.hashed().size(), 6u) << "another round might have compared all";

  SetHash(3, MakeHash(3, 8));
  const HashCheck different = Check();
  EXPECT_EQ(different.mismatched.size(), 2u) << "members 1 and 3";
  EXPECT_EQ(cluster_.hashed().size(), 9u) << "what was found needs no other round";

  // In the second round nobody can be compared: the first stands.
  SetHash(3, MakeHash(3, 7));
  cluster_.OnHash([&](const Deadline&) {
    if (cluster_.hashed().size() > 12) SetHash(3, MakeHash(3, 7, 300));
  });
  EXPECT_EQ(Check().compared, 2);
  EXPECT_EQ(cluster_.hashed().size(), 15u);
}

TEST_F(HashKvTest, GivesUpWithoutAMismatchIfTheMembersKeepCompacting) {
  SetHash(2, MakeHash(2, 8, 200));
  SetHash(3, MakeHash(3, 9, 300));
  const HashCheck different = Check();
  EXPECT_EQ(different.outcome, Outcome::kNotComparable);
  EXPECT_TRUE(different.mismatched.empty());
  EXPECT_EQ(cluster_.hashed().size(), 6u) << "two rounds";

  Fail(2, etcd::Reason::kOther, "etcdserver: mvcc: required revision has been compacted");
  EXPECT_EQ(Check().outcome, Outcome::kNotComparable);
}

TEST_F(HashKvTest, StopsAtARefusalAndWhenAsked) {
  for (int n = 1; n <= 3; ++n) Fail(n, etcd::Reason::kPermissionDenied, "permission denied");
  EXPECT_EQ(Check().outcome, Outcome::kRefused);
  EXPECT_EQ(cluster_.hashed().size(), 1u) << "the others would refuse as well";

  cluster_.OnHash([&](const Deadline& deadline) {
    stop_.request_stop();
    EXPECT_TRUE(deadline.stop.stop_requested()) << "the call itself can be cancelled";
  });
  EXPECT_EQ(Check().outcome, Outcome::kCancelled);
  EXPECT_EQ(cluster_.hashed().size(), 2u);
}

TEST(RenderHashKv, NeverChecked) {
  metrics::Page page;
  RenderHashKv(page, "prod", Seconds(3600), {});
  testing::ExpectGoldenPage("hashkv-never", page.Text());
}

TEST(RenderHashKv, Mismatch) {
  metrics::Page page;
  RenderHashKv(page, "prod", Seconds(3600),
               {.finished = kViewTime,
                .duration = Milliseconds(1500),
                .compared = 3,
                .mismatched = 1,
                .calls = {{UrlOf(1), {.ok = true, .duration = Milliseconds(500)}},
                          {UrlOf(2), {.ok = false, .duration = kHashTimeout}}}});
  RenderHashKv(page, "other", Seconds(60), {});
  testing::ExpectGoldenPage("hashkv-mismatch", page.Text());
}

}  // namespace
}  // namespace warden::collector
