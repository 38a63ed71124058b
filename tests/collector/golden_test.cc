// Whole pages in known situations.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "exporter/base/text.h"
#include "exporter/collector/render.h"
#include "exporter/etcd/membership.h"
#include "tests/support/golden.h"
#include "tests/support/view_builder.h"

namespace warden::collector {
namespace {

using testing::FailStatus;
using testing::kForeignClusterId;
using testing::kMemberIds;
using testing::kViewTime;
using testing::MakeEndpoint;
using testing::MakeList;
using testing::MakeMember;
using testing::MakeView;
using testing::ReportError;
using testing::SetList;

// One situation; `known` is what the observer would have after remembering the view.
struct Situation {
  etcd::ClusterView view;
  std::optional<KnownMembers> remembered;
  bool shared = false;
  std::optional<std::uint64_t> quota_backend_bytes;

  std::string Page() const {
    Subject subject{.cluster = "prod",
                    .view = view,
                    .known = remembered,
                    .budget = Milliseconds(1500),
                    .shared = shared,
                    .quota_backend_bytes = quota_backend_bytes};
    if (auto members = etcd::AgreedMembers(view)) {
      subject.known = KnownMembers{.members = *std::move(members), .fetched = view.started};
    }
    metrics::Page page;
    Render(page, subject);
    return page.Text();
  }
};

void FailAll(etcd::ClusterView& view, etcd::Reason reason) {
  for (etcd::EndpointView& endpoint : view.endpoints) FailStatus(endpoint, reason);
  view.duration = Milliseconds(1500);
  view.quorum_read.reset();
}

Situation Healthy36() {
  Situation situation{.view = MakeView(3, "3.6.4")};
  situation.shared = true;
  for (etcd::EndpointView& endpoint : situation.view.endpoints) {
    endpoint.status.value->downgrade = {.enabled = true, .target_version = "3.5.0"};
  }
  return situation;
}

Situation OneDown() {
  Situation situation{.view = MakeView()};
  FailStatus(situation.view.endpoints[2]);
  situation.view.duration = Milliseconds(1500);
  situation.quota_backend_bytes = 8ULL << 30;
  return situation;
}

Situation AllDown() {
  Situation situation{.view = MakeView(3, "3.5.30")};
  situation.remembered =
      KnownMembers{.members = MakeList(3), .fetched = kViewTime - std::chrono::minutes(5)};
  FailAll(situation.view, etcd::Reason::kTimeout);
  return situation;
}

Situation NothingKnown() {
  Situation situation{.view = MakeView(2)};
  FailAll(situation.view, etcd::Reason::kConnect);
  return situation;
}

Situation Learner() {
  Situation situation{.view = MakeView(4)};
  etcd::MemberList list = MakeList(4);
  for (etcd::Member& member : list) member.is_learner = member.id == kMemberIds[4];
  SetList(situation.view, list);
  etcd::EndpointView& learner = situation.view.endpoints[3];
  learner.status.value->is_learner = true;
  learner.status.value->raft_index = 4000;
  learner.status.value->raft_applied_index = 4000;
  learner.status.value->revision = 3300;
  learner.member_list.reset();
  return situation;
}

Situation UnstartedMember() {
  Situation situation{.view = MakeView()};
  etcd::MemberList list = MakeList(4);
  for (etcd::Member& member : list) {
    if (member.id != kMemberIds[4]) continue;
    member.name.clear();
    member.client_urls.clear();
  }
  SetList(situation.view, list);
  return situation;
}

Situation NoSpace() {
  Situation situation{.view = MakeView()};
  situation.quota_backend_bytes = 2ULL << 30;
  ReportError(situation.view, "memberID:" + std::to_string(kMemberIds[2]) + " alarm:NOSPACE ");
  return situation;
}

Situation ForeignEndpoint() {
  Situation situation{.view = MakeView()};
  etcd::EndpointView foreign = MakeEndpoint(4, "3.5.30", {MakeMember(4)});
  foreign.status.value->cluster_id = kForeignClusterId;
  foreign.status.value->leader_id = kMemberIds[4];
  foreign.status.value->raft_term = 99;
  situation.view.endpoints.push_back(foreign);
  return situation;
}

Situation SplitBrain() {
  Situation situation{.view = MakeView(3, "3.5.30")};
  etcd::ClusterView& view = situation.view;
  // Member 3 missed the removal of member 4 and believes in itself; members 1 and 2 agree.
  view.endpoints[2].member_list->value = MakeList(4);
  view.endpoints[2].status.value->leader_id = kMemberIds[3];
  view.endpoints[2].status.value->version = "3.4.23";
  return situation;
}

const std::map<std::string, Situation>& Situations() {
  static const std::map<std::string, Situation> situations = {
      {"healthy-3.4", {.view = MakeView()}},
      {"healthy-3.6", Healthy36()},
      {"one-down", OneDown()},
      {"all-down", AllDown()},
      {"nothing-known", NothingKnown()},
      {"learner", Learner()},
      {"unstarted-member", UnstartedMember()},
      {"nospace", NoSpace()},
      {"foreign-endpoint", ForeignEndpoint()},
      {"split", SplitBrain()}};
  return situations;
}

class GoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, PageIsAsRecorded) {
  testing::ExpectGoldenPage(GetParam(), Situations().at(GetParam()).Page());
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& [name, situation] : Situations()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Pages, GoldenTest, ::testing::ValuesIn(Names()), [](const auto& page) {
  std::string name = page.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
});

// The names that dashboards and alerts rely on.
TEST(GoldenPages, ShowEveryFamilyOfTheCatalogue) {
  const std::set<std::string> catalogue = {"up",
                                           "endpoint_up",
                                           "endpoint_rpc_duration_seconds",
                                           "endpoint_rpc_success",
                                           "endpoint_tls",
                                           "scrape_duration_seconds",
                                           "scrape_timeout_seconds",
                                           "scrape_sample_skew_seconds",
                                           "scrape_shared",
                                           "member_info",
                                           "member_up",
                                           "member_listed",
                                           "member_started",
                                           "member_listed_as_learner",
                                           "member_is_learner",
                                           "member_is_leader",
                                           "member_has_leader",
                                           "member_leader_info",
                                           "member_raft_term",
                                           "member_raft_index",
                                           "member_raft_applied_index",
                                           "member_revision",
                                           "member_db_bytes",
                                           "member_db_in_use_bytes",
                                           "member_quota_bytes",
                                           "member_errors",
                                           "member_alarm",
                                           "member_downgrade_enabled",
                                           "member_downgrade_target_info",
                                           "cluster_members",
                                           "cluster_member_list_timestamp_seconds",
                                           "cluster_voters_reachable",
                                           "cluster_failure_tolerance",
                                           "cluster_quorum_read_success",
                                           "cluster_distinct_cluster_ids",
                                           "cluster_distinct_leaders",
                                           "cluster_distinct_member_lists",
                                           "cluster_distinct_versions",
                                           "cluster_endpoints_unknown",
                                           "cluster_client_urls_uncovered"};
  constexpr std::string_view kType = "# TYPE etcdwarden_";
  std::set<std::string> rendered;
  for (const std::string& name : Names()) {
    const std::string golden = testing::ReadGolden(name);
    for (std::string_view line : Split(golden, '\n')) {
      if (!line.starts_with(kType)) continue;
      line.remove_prefix(kType.size());
      rendered.emplace(line.substr(0, line.find(' ')));
    }
  }
  EXPECT_EQ(rendered, catalogue);
}

}  // namespace
}  // namespace warden::collector
