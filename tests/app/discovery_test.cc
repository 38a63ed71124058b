#include "exporter/app/discovery.h"

#include <gtest/gtest.h>

#include "exporter/base/text.h"
#include "tests/app/runtime_fixture.h"
#include "tests/support/view_builder.h"

namespace warden::app {
namespace {

using collector::KnownMembers;
using testing::kClusterId;
using testing::kMemberIds;
using testing::MakeList;
using testing::MakeView;

KnownMembers Known(int count) {
  return {.cluster_id = kClusterId, .members = MakeList(count), .fetched = testing::kViewTime};
}

Json LabelsOf(const Json& targets, std::uint64_t member_id) {
  for (const Json& target : targets) {
    if (target["labels"]["__meta_etcd_member_id"] == FormatId(member_id)) return target["labels"];
  }
  ADD_FAILURE() << "no target of member " << FormatId(member_id) << " in " << DumpJson(targets);
  return Json::object();
}

TEST(NativeTargets, NamesEveryMemberWithItsRoleAndVersion) {
  etcd::ClusterView view = MakeView(3, "3.5.12");
  testing::FailStatus(view.endpoints[2]);
  const Json targets = NativeTargets("prod", Known(3), view, {});
  ASSERT_EQ(targets.size(), 3U);
  const Json leader = LabelsOf(targets, kMemberIds[1]);
  EXPECT_EQ(leader["__scheme__"], "https");
  EXPECT_EQ(leader["__meta_etcd_cluster"], "prod");
  EXPECT_EQ(leader["__meta_etcd_cluster_id"], FormatId(kClusterId));
  EXPECT_EQ(leader["__meta_etcd_member_name"], "m1");
  EXPECT_EQ(leader["__meta_etcd_member_role"], "leader");
  EXPECT_EQ(leader["__meta_etcd_member_version"], "3.5.12");
  EXPECT_EQ(leader["__meta_etcd_client_url"], "https://10.0.0.11:2379");
  EXPECT_EQ(LabelsOf(targets, kMemberIds[2])["__meta_etcd_member_role"], "follower");
  // Its metrics may still be there, whatever the reason that we got no answer.
  EXPECT_EQ(LabelsOf(targets, kMemberIds[3])["__meta_etcd_member_role"], "unknown");
  EXPECT_EQ(LabelsOf(targets, kMemberIds[3])["__meta_etcd_member_version"], "");
}

TEST(NativeTargets, ReplacesSchemeAndPort) {
  const Json targets =
      NativeTargets("prod", Known(1), MakeView(1), {.scheme = "http", .port = "2381"});
  ASSERT_EQ(targets.size(), 1U);
  EXPECT_EQ(targets[0]["targets"], Json::array({"10.0.0.11:2381"}));
  EXPECT_EQ(targets[0]["labels"]["__scheme__"], "http");
}

TEST(NativeTargets, KeepsTheBracketsOfAnIpv6Address) {
  KnownMembers known = Known(1);
  known.members[0].client_urls = {"http://[2001:db8::1]:2379"};
  const Json targets = NativeTargets("prod", known, MakeView(1), {});
  ASSERT_EQ(targets.size(), 1U);
  EXPECT_EQ(targets[0]["targets"], Json::array({"[2001:db8::1]:2379"}));
}

TEST(NativeTargets, LeavesOutWhatHasNoAddressToScrape) {
  KnownMembers known = Known(3);
  known.members[0].client_urls.clear();                      // never started
  known.members[1].client_urls = {"unix:///run/etcd.sock"};  // no HTTP
  EXPECT_EQ(NativeTargets("prod", known, MakeView(3), {}).size(), 1U);
}

using DiscoveryTest = RuntimeTest;

TEST_F(DiscoveryTest, ListsOneProbeForEachCluster) {
  Start();
  const http::Response answer = DiscoverProbes(*runtime_,
                                               {.scheme = "https",
                                                .host = "warden:443",
                                                .prefix = "",  // taken away by the proxy
                                                .external_path = "/etcd"},
                                               {});
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  const Json wanted = Json::parse(R"([
    {"targets": ["warden:443"], "labels": {"instance": "prod", "__metrics_path__": "/etcd/probe",
     "__param_cluster": "prod", "__meta_etcd_cluster": "prod", "__scheme__": "https"}},
    {"targets": ["warden:443"], "labels": {"instance": "watched", "__metrics_path__": "/etcd/probe",
     "__param_cluster": "watched", "__meta_etcd_cluster": "watched", "__scheme__": "https"}}])");
  EXPECT_EQ(Json::parse(answer.body), wanted);
}

TEST_F(DiscoveryTest, TakesTheAddressThatWasAskedIfNoneIsConfigured) {
  Start();
  http::Request request;
  EXPECT_EQ(DiscoverProbes(*runtime_, {}, request).code, 400);
  request.headers["host"] = "10.0.0.9:12379";
  const Json list = Json::parse(DiscoverProbes(*runtime_, {}, request).body);
  EXPECT_EQ(list[0]["targets"], Json::array({"10.0.0.9:12379"}));
  EXPECT_FALSE(list[0]["labels"].contains("__scheme__"));
  request.headers["host"] = "evil\", \"labels";
  EXPECT_EQ(DiscoverProbes(*runtime_, {}, request).code, 400);
}

TEST_F(DiscoveryTest, WithoutAnyKnownMemberPrometheusKeepsItsList) {
  Start();
  EXPECT_EQ(DiscoverMembers(*runtime_, {}).code, 503);
}

TEST_F(DiscoveryTest, OneClusterWithoutAListIsSaidAndLeavesTheOthersUsable) {
  Start();
  runtime_->FindCluster("prod")->observer->Remember(MakeView(3));
  const http::Response all = DiscoverMembers(*runtime_, {});
  EXPECT_EQ(all.code, 503);
  EXPECT_NE(all.body.find("watched"), std::string::npos) << all.body;
  EXPECT_EQ(all.body.find("prod"), std::string::npos) << all.body;
  http::Request request;
  request.query.emplace("cluster", "prod");
  const http::Response one = DiscoverMembers(*runtime_, request);
  EXPECT_EQ(one.code, 200);
  EXPECT_EQ(Json::parse(one.body).size(), 3U) << one.body;
}

TEST_F(DiscoveryTest, RefusesWhatItCannotMean) {
  Start();
  for (const auto& [name, value] : {std::pair<const char*, const char*>{"cluster", "nobody"},
                                    {"scheme", "gopher"},
                                    {"port", "0"},
                                    {"port", "65536"},
                                    {"port", "1:2"},
                                    {"port", "http"}}) {
    http::Request request;
    request.query.emplace(name, value);
    EXPECT_EQ(DiscoverMembers(*runtime_, request).code, 400) << name << "=" << value;
  }
}

}  // namespace
}  // namespace warden::app
