#include "exporter/app/describe.h"

#include <gtest/gtest.h>

#include "tests/support/view_builder.h"

namespace warden::app {
namespace {

using ::testing::Test;
using warden::testing::MakeList;
using warden::testing::MakeView;

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(DescribeObservation, TellsWhatWasAskedAndAnswered) {
  etcd::ClusterView view = MakeView(3, "3.6.14");
  view.auth_enabled = true;
  view.endpoints[0].certificate = etcd::ServerCertificate{.leaf_not_after = WallTime(Seconds(0)),
                                                          .chain_not_after = WallTime(Seconds(0))};
  warden::testing::FailStatus(view.endpoints[2]);
  const collector::KnownMembers known{.cluster_id = warden::testing::kClusterId,
                                      .members = MakeList(3),
                                      .fetched = warden::testing::kViewTime};
  const std::string text = DescribeObservation(
      {.cluster = "prod", .view = view, .known = known, .budget = Milliseconds(9500)});
  for (const char* part :
       {"Cluster prod at 2026-11-23T10:15:00.000Z", "budget 9.500 s, took 0.007 s",
        "quorum read: went through", "authentication: on",
        "member list of 2026-11-23T10:15:00.000Z: 3 voters, 2 reachable",
        "https://10.0.0.11:2379, TLS, dialled as ipv4:10.0.0.11:2379",
        "server certificate until 1970-01-01T00:00:00.000Z",
        "Status, 0.002 s: member 8211f1d0f64f3269 of cluster ef37ad9dc622a7c4, etcd 3.6.14, leader "
        "8211f1d0f64f3269, term 7, index 5000, revision 4242, database 20 MB",
        "MemberList, 0.001 s: 3 members",
        "8211f1d0f64f3269 m1, clients https://10.0.0.11:2379, peers https://10.0.0.11:2380",
        "Status, 1.500 s: failed (timeout): status: timeout", "MemberList: not sent"}) {
    EXPECT_TRUE(Has(text, part)) << part << "\nis not in\n" << text;
  }
}

TEST(DescribeObservation, SaysWhatIsNotKnown) {
  etcd::ClusterView view = MakeView(1);
  view.endpoints[0].status.value->leader_id = 0;
  view.endpoints[0].status.value->is_learner = true;
  view.endpoints[0].status.value->errors = {"etcdserver: no leader"};
  view.endpoints[0].discovered = true;
  const std::string text =
      DescribeObservation({.cluster = "prod", .view = view, .known = {}, .shared = true});
  for (const char* part : {"shared with another scrape", "quorum read: not sent",
                           "authentication: unknown", "member list: none known", "(discovered)",
                           "learner, no leader", "error \"etcdserver: no leader\""}) {
    EXPECT_TRUE(Has(text, part)) << part << "\nis not in\n" << text;
  }
}

}  // namespace
}  // namespace warden::app
