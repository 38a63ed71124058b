// The rules of single families, where a whole page would hide what is meant.
#include "exporter/collector/render.h"

#include <gtest/gtest.h>

#include "exporter/base/text.h"
#include "exporter/etcd/membership.h"
#include "tests/support/golden.h"
#include "tests/support/promtool.h"
#include "tests/support/view_builder.h"

namespace warden::collector {
namespace {

using testing::FailStatus;
using testing::kForeignClusterId;
using testing::kMemberIds;
using testing::MakeEndpoint;
using testing::MakeList;
using testing::MakeMember;
using testing::MakeView;
using testing::ReportError;
using testing::SetList;

std::string PageOf(const etcd::ClusterView& view,
                   std::optional<std::uint64_t> quota = std::nullopt) {
  Subject subject{.cluster = "prod", .view = view, .quota_backend_bytes = quota};
  if (auto members = etcd::AgreedMembers(view)) {
    subject.known = KnownMembers{.cluster_id = *etcd::MainClusterId(view),
                                 .members = *std::move(members),
                                 .fetched = view.started};
  }
  metrics::Page page;
  Render(page, subject);
  return page.Text();
}

// The value of the only series whose line has all parts; "absent" or "ambiguous".
std::string ValueOf(const std::string& page, const std::string& name,
                    const std::vector<std::string>& parts = {}) {
  std::string value = "absent";
  for (const std::string_view line : Split(page, '\n')) {
    if (!line.starts_with("etcdwarden_" + name + "{")) continue;
    bool all = true;
    for (const std::string& part : parts) all = all && line.find(part) != std::string_view::npos;
    if (!all) continue;
    if (value != "absent") return "ambiguous";
    value = line.substr(line.rfind(' ') + 1);
  }
  return value;
}

std::string MemberPart(int n) {
  return "member_id=\"" + FormatId(kMemberIds.at(static_cast<std::size_t>(n))) + "\"";
}

etcd::MemberStatus& StatusOf(etcd::ClusterView& view, std::size_t i) {
  return *view.endpoints[i].status.value;
}

TEST(RenderMembers, TakesTheQuotaFromTheServerElseFromTheConfiguration) {
  struct Case {
    std::optional<std::int64_t> reported;
    std::optional<std::uint64_t> configured;
    std::string value;
  };
  const Case cases[] = {{std::nullopt, std::nullopt, "absent"},
                        {std::nullopt, 8000, "8000"},
                        {4000, 8000, "4000"},
                        {4000, std::nullopt, "4000"},
                        {-1, 8000, "absent"},
                        {std::nullopt, 0, "absent"}};
  for (const Case& c : cases) {
    etcd::ClusterView view = MakeView(1);
    StatusOf(view, 0).quota_bytes = c.reported;
    EXPECT_EQ(ValueOf(PageOf(view, c.configured), "member_quota_bytes"), c.value);
  }
}

TEST(RenderMembers, LeavesOutWhatServersBelow34DoNotSay) {
  const std::string page = PageOf(MakeView(1, "3.3.27"));
  for (const std::string name : {"member_is_learner", "member_raft_applied_index",
                                 "member_db_in_use_bytes", "member_errors"}) {
    EXPECT_EQ(ValueOf(page, name), "absent") << name;
  }
  EXPECT_EQ(ValueOf(page, "member_raft_index"), "5000");
}

TEST(RenderMembers, MakesOneSeriesPerMemberHoweverManyEndpointsReachIt) {
  etcd::ClusterView view = MakeView(1);
  view.endpoints.push_back(view.endpoints[0]);
  view.endpoints[1].endpoint.url = "https://member-1:2379";
  StatusOf(view, 1).raft_index = 9999;
  const std::string page = PageOf(view);
  EXPECT_EQ(ValueOf(page, "member_raft_index"), "5000") << "the first answer stands";
  EXPECT_EQ(ValueOf(page, "member_info"), "ambiguous") << "one per endpoint";
  EXPECT_EQ(ValueOf(page, "member_info", {"https://member-1:2379"}), "1");
  testing::ExpectPromtoolClean(page);
}

TEST(RenderMembers, SaysWhoIsTheLeaderAndWhoKnowsNone) {
  etcd::ClusterView view = MakeView(2);
  StatusOf(view, 1).leader_id = 0;
  const std::string page = PageOf(view);
  EXPECT_EQ(ValueOf(page, "member_is_leader", {MemberPart(1)}), "1");
  EXPECT_EQ(ValueOf(page, "member_is_leader", {MemberPart(2)}), "0");
  EXPECT_EQ(ValueOf(page, "member_has_leader", {MemberPart(1)}), "1");
  EXPECT_EQ(ValueOf(page, "member_has_leader", {MemberPart(2)}), "0");
  EXPECT_EQ(ValueOf(page, "member_leader_info", {MemberPart(1)}), "1");
  EXPECT_EQ(ValueOf(page, "member_leader_info", {MemberPart(2)}), "absent");
}

TEST(RenderMembers, RaisesAnAlarmOfTheWholeClusterForEveryMember) {
  etcd::ClusterView view = MakeView(3);
  FailStatus(view.endpoints[2]);
  ReportError(view, "alarm:CORRUPT ");
  const std::string page = PageOf(view);
  for (int n = 1; n <= 3; ++n) {
    EXPECT_EQ(ValueOf(page, "member_alarm", {MemberPart(n), "CORRUPT"}), "1") << n;
    EXPECT_EQ(ValueOf(page, "member_alarm", {MemberPart(n), "NOSPACE"}), "0") << n;
  }
}

TEST(RenderMembers, BelievesAnyMemberAboutTheAlarmOfAnother) {
  etcd::ClusterView view = MakeView(3);
  FailStatus(view.endpoints[2]);
  StatusOf(view, 1).alarms = {{kMemberIds[3], etcd::AlarmType::kNoSpace}};
  const std::string page = PageOf(view);
  EXPECT_EQ(ValueOf(page, "member_alarm", {MemberPart(3), "NOSPACE"}), "1");
  EXPECT_EQ(ValueOf(page, "member_alarm", {MemberPart(2), "NOSPACE"}), "0");
}

TEST(RenderMembers, ShowsAnAlarmOfANewTypeAsUnknown) {
  etcd::ClusterView view = MakeView(2);
  EXPECT_EQ(ValueOf(PageOf(view), "member_alarm", {MemberPart(1), "UNKNOWN"}), "0");
  ReportError(view, "memberID:" + std::to_string(kMemberIds[1]) + " alarm:FROZEN ");
  EXPECT_EQ(ValueOf(PageOf(view), "member_alarm", {MemberPart(1), "UNKNOWN"}), "1");
}

TEST(RenderMembers, ShowsAnAlarmThatOutlivedItsMember) {
  etcd::ClusterView view = MakeView(3);
  ReportError(view, "memberID:" + std::to_string(kMemberIds[4]) + " alarm:NOSPACE ");
  const std::string page = PageOf(view);
  EXPECT_EQ(ValueOf(page, "member_alarm", {MemberPart(4), "NOSPACE"}), "1");
  EXPECT_EQ(ValueOf(page, "member_alarm", {MemberPart(4), "CORRUPT"}), "absent");
  EXPECT_EQ(ValueOf(page, "member_listed", {MemberPart(4)}), "absent");
}

TEST(RenderMembers, DoesNotBelieveAStrangersAlarm) {
  etcd::ClusterView view = MakeView(3);
  view.endpoints.push_back(MakeEndpoint(4, "3.4.23", {MakeMember(4)}));
  StatusOf(view, 3).cluster_id = kForeignClusterId;
  StatusOf(view, 3).alarms = {{0, etcd::AlarmType::kCorrupt}};
  EXPECT_EQ(ValueOf(PageOf(view), "member_alarm", {MemberPart(1), "CORRUPT"}), "0");
}

TEST(RenderMembers, GivesValuesOfAMemberThatIsNotListed) {
  etcd::ClusterView view = MakeView(3);
  SetList(view, MakeList(2));
  const std::string page = PageOf(view);
  EXPECT_EQ(ValueOf(page, "member_revision", {MemberPart(3)}), "4242");
  EXPECT_EQ(ValueOf(page, "member_up", {MemberPart(3)}), "absent");
  EXPECT_EQ(ValueOf(page, "member_info", {MemberPart(3), "member=\"\""}), "1");
  EXPECT_EQ(ValueOf(page, "cluster_endpoints_unknown"), "1");
}

TEST(RenderMembers, SurvivesHostileText) {
  etcd::ClusterView view = MakeView(1);
  StatusOf(view, 0).version = "3.\xff\"\n\\";
  StatusOf(view, 0).errors = {"\xff\n"};
  etcd::MemberList list = MakeList(1);
  list[0].name = "a\"} 1\netcdwarden_up 0\n";
  list.push_back(list[0]);
  SetList(view, list);
  const std::string page = PageOf(view);
  EXPECT_EQ(page.find("\netcdwarden_up 0"), std::string::npos);
  EXPECT_EQ(ValueOf(page, "member_listed"), "1") << "a member listed twice makes one series";
  testing::ExpectPromtoolClean(page);
}

TEST(RenderCluster, CountsLeadersOfTheHighestTermOnly) {
  etcd::ClusterView view = MakeView(3);
  StatusOf(view, 2).leader_id = kMemberIds[3];
  EXPECT_EQ(ValueOf(PageOf(view), "cluster_distinct_leaders"), "2");
  StatusOf(view, 2).raft_term -= 1;
  EXPECT_EQ(ValueOf(PageOf(view), "cluster_distinct_leaders"), "1") << "an old belief";
  for (std::size_t i = 0; i < 3; ++i) StatusOf(view, i).leader_id = 0;
  EXPECT_EQ(ValueOf(PageOf(view), "cluster_distinct_leaders"), "0");
}

TEST(RenderCluster, ComparesMemberListsByIdPeersAndRole) {
  const auto distinct = [](const auto& change) {
    etcd::ClusterView view = MakeView(2);
    change(*view.endpoints[1].member_list->value);
    return ValueOf(PageOf(view), "cluster_distinct_member_lists");
  };
  EXPECT_EQ(distinct([](etcd::MemberList&) {}), "1");
  EXPECT_EQ(distinct([](etcd::MemberList& list) { list[0].name = "late"; }), "1");
  EXPECT_EQ(distinct([](etcd::MemberList& list) { list[0].client_urls.clear(); }), "1");
  EXPECT_EQ(distinct([](etcd::MemberList& list) { std::swap(list[0], list[1]); }), "1");
  EXPECT_EQ(distinct([](etcd::MemberList& list) { list[0].is_learner = true; }), "2");
  EXPECT_EQ(distinct([](etcd::MemberList& list) { list[0].peer_urls = {"http://x:1"}; }), "2");
  EXPECT_EQ(distinct([](etcd::MemberList& list) { list.pop_back(); }), "2");
}

TEST(RenderCluster, HasNoMemberListsToCompareWhenNoneWasGiven) {
  etcd::ClusterView view = MakeView(1);
  view.endpoints[0].member_list.reset();
  const std::string page = PageOf(view);
  for (const std::string name : {"cluster_distinct_member_lists", "cluster_members",
                                 "cluster_failure_tolerance", "member_listed"}) {
    EXPECT_EQ(ValueOf(page, name), "absent") << name;
  }
  EXPECT_EQ(ValueOf(page, "cluster_distinct_versions"), "1");
  EXPECT_EQ(ValueOf(page, "member_alarm", {"NOSPACE"}), "0") << "a member that answered is known";
}

TEST(RenderCluster, SaysWhichMembersNoEndpointStandsFor) {
  const auto uncovered = [](const etcd::ClusterView& view) {
    return ValueOf(PageOf(view), "cluster_client_urls_uncovered");
  };
  etcd::ClusterView view = MakeView(3);
  view.endpoints.pop_back();
  EXPECT_EQ(uncovered(view), "1");

  view = MakeView(3);
  FailStatus(view.endpoints[2]);
  EXPECT_EQ(uncovered(view), "0") << "down, but configured";

  view.endpoints[2].endpoint.url = "10.0.0.13:2379";
  EXPECT_EQ(uncovered(view), "0") << "the same address without its scheme";
  view.endpoints[2].endpoint.url = "HTTPS://10.0.0.13:2379/";
  EXPECT_EQ(uncovered(view), "0");

  view.endpoints[2].endpoint.url = "https://etcd-3.example:2379";
  EXPECT_EQ(uncovered(view), "0") << "down under another name, which may be member 3's";

  SetList(view, MakeList(4));
  EXPECT_EQ(uncovered(view), "1") << "one unidentified endpoint stands for one member at most";

  view = MakeView(3);
  for (etcd::EndpointView& endpoint : view.endpoints) endpoint.endpoint.url += ".example";
  EXPECT_EQ(uncovered(view), "0") << "reached, whatever the name";
}

TEST(RenderCluster, CountsDiscoveredEndpointsLikeConfiguredOnes) {
  etcd::ClusterView view = MakeView(3);
  view.endpoints[1].discovered = true;
  view.endpoints[2].discovered = true;
  EXPECT_EQ(ValueOf(PageOf(view), "cluster_client_urls_uncovered"), "0");
  EXPECT_EQ(ValueOf(PageOf(view), "cluster_endpoints_unknown"), "0");
  FailStatus(view.endpoints[2]);
  EXPECT_EQ(ValueOf(PageOf(view), "cluster_client_urls_uncovered"), "0");
  // Member 3 was replaced by member 4 and its endpoint is not forgotten yet.
  etcd::MemberList list = MakeList(4);
  std::erase_if(list, [](const etcd::Member& member) { return member.id == kMemberIds[3]; });
  SetList(view, list);
  EXPECT_EQ(ValueOf(PageOf(view), "cluster_client_urls_uncovered"), "1")
      << "the endpoint of a removed member stands for no other";
  view = MakeView(3);
  view.endpoints[2].discovered = true;
  StatusOf(view, 2).cluster_id = kForeignClusterId;
  EXPECT_EQ(ValueOf(PageOf(view), "cluster_endpoints_unknown"), "1");
}

TEST(RenderReachability, IsUpWhenTheServerRefusesOurUser) {
  for (const etcd::Reason reason :
       {etcd::Reason::kPermissionDenied, etcd::Reason::kUnauthenticated}) {
    etcd::ClusterView view = MakeView(1);
    FailStatus(view.endpoints[0], reason);
    const std::string page = PageOf(view);
    EXPECT_EQ(ValueOf(page, "up"), "1");
    EXPECT_EQ(ValueOf(page, "endpoint_up"), "1");
    EXPECT_EQ(ValueOf(page, "endpoint_rpc_success", {"status"}), "0");
  }
}

TEST(RenderCertificates, ShowsOnlyWhatIsKnown) {
  const etcd::ClusterView view = MakeView(1);
  const std::string name = "certificate_not_after_timestamp_seconds";
  EXPECT_EQ(ValueOf(PageOf(view), name), "absent");
  metrics::Page page;
  Render(page, {.cluster = "prod",
                .view = view,
                .certificates = {.client = std::nullopt, .ca = WallTime(Seconds(1'800'000'000))}});
  EXPECT_EQ(ValueOf(page.Text(), name), "1800000000");
  EXPECT_EQ(ValueOf(page.Text(), name, {"use=\"ca\"", "etcd_endpoint=\"\""}), "1800000000");
}

TEST(RenderChannels, CountsEveryState) {
  metrics::Page page;
  RenderChannels(page, {{"idle", 0}, {"connecting", 1}, {"ready", 15}, {"transient_failure", 2}});
  testing::ExpectGoldenPage("channels", page.Text());
}

TEST(RenderReachability, MeasuresTheSkewOfTheAnswersThatSucceeded) {
  etcd::ClusterView view = MakeView(3);
  EXPECT_EQ(ValueOf(PageOf(view), "scrape_sample_skew_seconds"), "0.004");
  FailStatus(view.endpoints[2]);
  EXPECT_EQ(ValueOf(PageOf(view), "scrape_sample_skew_seconds"), "0.002");
  FailStatus(view.endpoints[1]);
  EXPECT_EQ(ValueOf(PageOf(view), "scrape_sample_skew_seconds"), "0");
  FailStatus(view.endpoints[0]);
  EXPECT_EQ(ValueOf(PageOf(view), "scrape_sample_skew_seconds"), "absent");
}

TEST(RenderReachability, IsUpWhenAnyEndpointAnswers) {
  etcd::ClusterView view = MakeView(2);
  FailStatus(view.endpoints[0]);
  const std::string page = PageOf(view);
  EXPECT_EQ(ValueOf(page, "up"), "1");
  EXPECT_EQ(ValueOf(page, "endpoint_up", {"10.0.0.11"}), "0");
  EXPECT_EQ(ValueOf(page, "endpoint_up", {"10.0.0.12"}), "1");
  EXPECT_EQ(ValueOf(page, "endpoint_rpc_success", {"10.0.0.11", "status"}), "0");
  EXPECT_EQ(ValueOf(page, "endpoint_rpc_success", {"10.0.0.11", "member_list"}), "absent");
  EXPECT_EQ(ValueOf(page, "endpoint_rpc_success", {"10.0.0.12", "member_list"}), "1");
}

}  // namespace
}  // namespace warden::collector
