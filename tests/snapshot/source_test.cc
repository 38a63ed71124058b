#include "exporter/snapshot/source.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "exporter/base/text.h"
#include "tests/support/view_builder.h"

namespace warden::snapshot {
namespace {

using testing::FailStatus;
using testing::kClusterId;
using testing::kForeignClusterId;
using testing::kMemberIds;
using testing::MakeView;
using testing::ReportError;

// The members' names, best first: "m2 m3 m1".
std::string Ranking(const etcd::ClusterView& view) {
  std::vector<std::string> names;
  for (const Source& source : RankSources(view)) names.push_back(source.member_name);
  return Join(names, " ");
}

std::string AlarmText(int n, const std::string& type) {
  const std::uint64_t id = n == 0 ? 0 : kMemberIds.at(static_cast<std::size_t>(n));
  return "memberID:" + std::to_string(id) + " alarm:" + type + " ";
}

etcd::MemberStatus& StatusOf(etcd::ClusterView& view, int n) {
  return *view.endpoints.at(static_cast<std::size_t>(n - 1)).status.value;
}

void LagBehind(etcd::ClusterView& view, int n, std::uint64_t entries) {
  StatusOf(view, n).raft_applied_index -= entries;
}

void MakeLearner(etcd::ClusterView& view, int n, const std::string& version) {
  StatusOf(view, n).is_learner = true;
  StatusOf(view, n).version = version;
  view.endpoints.at(static_cast<std::size_t>(n - 1)).member_list.reset();
}

struct Case {
  std::string name;
  std::function<void(etcd::ClusterView&)> change;
  std::string ranking;
};

// Member 1 leads; member n answers after 2n ms.
const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"followers before the leader, the faster first", [](auto&) {}, "m2 m3 m1"},
      {"the slower follower after the other",
       [](auto& v) { v.endpoints[1].status.duration = Seconds(1); }, "m3 m2 m1"},
      {"a slow follower before a fast leader",
       [](auto& v) {
         v.endpoints[1].status.duration = Seconds(1);
         v.endpoints[2].status.duration = Seconds(2);
       },
       "m2 m3 m1"},
      {"the less lagging follower first", [](auto& v) { LagBehind(v, 2, 500); }, "m3 m2 m1"},
      {"99 entries are no lag", [](auto& v) { LagBehind(v, 2, 99); }, "m2 m3 m1"},
      {"1000 entries behind is still better than the leader",
       [](auto& v) {
         LagBehind(v, 2, 1000);
         LagBehind(v, 3, 1000);
       },
       "m2 m3 m1"},
      {"1001 entries behind is worse than the leader",
       [](auto& v) {
         LagBehind(v, 2, 1001);
         LagBehind(v, 3, 1001);
       },
       "m1 m2 m3"},
      {"a lag counts against the highest index that any member knows",
       [](auto& v) { StatusOf(v, 3).raft_index = StatusOf(v, 3).raft_applied_index = 6100; },
       "m3 m2 m1"},
      {"a corrupt member last, after the leader and the lagging",
       [](auto& v) {
         LagBehind(v, 3, 4000);
         ReportError(v, AlarmText(2, "CORRUPT"));
       },
       "m1 m3 m2"},
      {"an alarm of the whole cluster puts nobody before another",
       [](auto& v) { ReportError(v, AlarmText(0, "CORRUPT")); }, "m2 m3 m1"},
      {"a member without a leader may be cut off, so it comes after the leader",
       [](auto& v) { StatusOf(v, 2).leader_id = 0; }, "m3 m1 m2"},
      {"NOSPACE does not matter for reading",
       [](auto& v) { ReportError(v, AlarmText(2, "NOSPACE")); }, "m2 m3 m1"},
      {"a member that did not answer is left out", [](auto& v) { FailStatus(v.endpoints[1]); },
       "m3 m1"},
      {"a learner of 3.4.28 serves", [](auto& v) { MakeLearner(v, 2, "3.4.28"); }, "m2 m3 m1"},
      {"a learner of 3.4.27 refuses", [](auto& v) { MakeLearner(v, 2, "3.4.27"); }, "m3 m1"},
      {"a learner of 3.5.0 serves", [](auto& v) { MakeLearner(v, 2, "3.5.0"); }, "m2 m3 m1"},
      {"a member of another cluster is left out",
       [](auto& v) { StatusOf(v, 2).cluster_id = kForeignClusterId; }, "m3 m1"},
      {"a member that two endpoints reach counts once",
       [](auto& v) { v.endpoints.push_back(v.endpoints[1]); }, "m2 m3 m1"},
      {"nobody answered",
       [](auto& v) {
         for (auto& endpoint : v.endpoints) FailStatus(endpoint);
       },
       ""},
      {"no endpoints", [](auto& v) { v.endpoints.clear(); }, ""}};
  return cases;
}

TEST(RankSources, PutsTheBestFirst) {
  for (const Case& c : Cases()) {
    etcd::ClusterView view = MakeView();
    c.change(view);
    EXPECT_EQ(Ranking(view), c.ranking) << c.name;
  }
}

TEST(RankSources, KeepsToTheClusterKnownFromBefore) {
  etcd::ClusterView view = MakeView();
  FailStatus(view.endpoints[0]);
  StatusOf(view, 2).cluster_id = kForeignClusterId;
  ASSERT_EQ(RankSources(view, kClusterId).size(), 1U);
  EXPECT_EQ(RankSources(view, kClusterId)[0].member_name, "m3") << "one answer of each cluster";
  FailStatus(view.endpoints[2]);
  EXPECT_TRUE(RankSources(view, kClusterId).empty()) << "only the stray answers";
  EXPECT_EQ(RankSources(view).size(), 1U) << "nothing is known from before";
}

TEST(RankSources, TellsRoleLagAndStatus) {
  etcd::ClusterView view = MakeView(3, "3.5.30");
  MakeLearner(view, 3, "3.5.30");
  LagBehind(view, 2, 250);
  const std::vector<Source> sources = RankSources(view);
  ASSERT_EQ(sources.size(), 3U);
  EXPECT_EQ(RoleName(sources[0].role), "learner");
  EXPECT_EQ(RoleName(sources[1].role), "follower");
  EXPECT_EQ(RoleName(sources[2].role), "leader");
  EXPECT_EQ(sources[1].raft_lag, 250U);
  EXPECT_EQ(sources[1].endpoint.url, "https://10.0.0.12:2379");
  EXPECT_EQ(sources[1].status.member_id, kMemberIds[2]);
  EXPECT_EQ(sources[1].status.revision, 4242);
}

TEST(RankSources, LeavesTheNameEmptyWhereNoMemberListSaysIt) {
  etcd::ClusterView view = MakeView(1);
  view.endpoints[0].member_list.reset();
  const std::vector<Source> sources = RankSources(view);
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].member_name, "");
}

}  // namespace
}  // namespace warden::snapshot
