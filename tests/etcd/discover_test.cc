// Endpoints that nobody configured: what the member list says beyond them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "exporter/etcd/discovery.h"
#include "tests/etcd/fixture.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::MakeStatusResponse;
using testing::Rpc;
using Strings = std::vector<std::string>;

Member Started(std::uint64_t id, Strings client_urls) {
  return {.id = id,
          .name = "m" + std::to_string(id),
          .peer_urls = {},
          .client_urls = std::move(client_urls),
          .is_learner = false};
}

Strings UrlsOf(const std::vector<config::Endpoint>& endpoints) {
  Strings urls;
  for (const config::Endpoint& endpoint : endpoints) urls.push_back(endpoint.url);
  return urls;
}

TEST(DiscoveredEndpoints, AreTheClientUrlsThatAreNotConfigured) {
  struct Case {
    std::string what;
    Strings advertised;
    Strings expected;
  };
  const Case cases[] = {
      {"sorted", {"http://c:2379", "http://b:2379"}, {"http://b:2379", "http://c:2379"}},
      {"configured", {"http://seed:2379"}, {}},
      {"configured, in capitals", {"http://SEED:2379"}, {}},
      {"configured, with another scheme", {"https://seed:2379"}, {}},
      {"another port of a configured host", {"http://seed:2381"}, {"http://seed:2381"}},
      {"a configured IPv6 address, spelled at length", {"http://[2001:db8:0:0::1]:2379"}, {}},
      {"twice", {"http://b:2379", "http://b:2379", "https://b:2379"}, {"http://b:2379"}},
      {"unspecified", {"http://0.0.0.0:2379", "http://[::]:2379", "http://[0::0]:2379"}, {}},
      {"unspecified both ways", {"http://[::ffff:0.0.0.0]:2379"}, {}},
      {"no port", {"http://b", "http://b:0"}, {}},
      {"nothing at all", {"", "://", "ftp://b:2379", "http://u:p@b:2379"}, {}},
      {"IPv6 and sockets",
       {"http://[::1]:2379", "unix:///run/e.sock"},
       {"http://[::1]:2379", "unix:///run/e.sock"}},
  };
  const std::vector<config::Endpoint> configured = {
      *config::ParseEndpoint("http://seed:2379"),
      *config::ParseEndpoint("https://[2001:db8::1]:2379")};
  for (const Case& c : cases) {
    EXPECT_EQ(UrlsOf(DiscoveredEndpoints({Started(1, c.advertised)}, configured)), c.expected)
        << c.what;
  }
}

TEST(DiscoveredEndpoints, AreInClearTextOnlyIfAConfiguredOneIs) {
  const config::Endpoint secure = *config::ParseEndpoint("https://a:2379");
  const config::Endpoint secure_socket = *config::ParseEndpoint("unixs:///run/a.sock");
  const config::Endpoint clear = *config::ParseEndpoint("http://b:2379");
  const MemberList members = {Started(1, {"http://c:2379", "https://c:2379"}),
                              Started(2, {"http://d:2379", "unix:///run/d.sock"}),
                              Started(3, {"unixs:///run/e.sock"})};
  const Strings secured = {"https://c:2379", "unixs:///run/e.sock"};
  const Strings all = {"http://c:2379", "http://d:2379", "unix:///run/d.sock",
                       "unixs:///run/e.sock"};
  EXPECT_EQ(UrlsOf(DiscoveredEndpoints(members, {secure})), secured);
  EXPECT_EQ(UrlsOf(DiscoveredEndpoints(members, {secure, secure_socket})), secured);
  EXPECT_EQ(UrlsOf(DiscoveredEndpoints(members, {secure, clear})), all);
  EXPECT_EQ(UrlsOf(DiscoveredEndpoints(members, {clear})), all);
}

TEST(DiscoveredEndpoints, AreThoseOfStartedMembers) {
  Member added = Started(2, {"http://b:2379"});
  added.name.clear();
  EXPECT_EQ(UrlsOf(DiscoveredEndpoints({Started(1, {"http://a:2379"}), added}, {})),
            Strings{"http://a:2379"});
}

TEST(DiscoveredEndpoints, AreLimited) {
  Strings urls;
  for (int port = 1000; port < 1100; ++port) urls.push_back("http://a:" + std::to_string(port));
  const auto endpoints = DiscoveredEndpoints({Started(1, urls)}, {});
  ASSERT_EQ(endpoints.size(), kDiscoveredMax);
  EXPECT_EQ(endpoints.front().url, "http://a:1000");
}

class Discover : public ::testing::Test {
 protected:
  Discover() {
    for (std::size_t i = 0; i < 3; ++i) {
      members_.at(i).SetStatus(MakeStatusResponse(i + 1, 1, "3.5.16"));
    }
  }
  std::string Url(std::size_t i) const { return members_.at(i).endpoint().url; }
  static Strings UrlsOf(const ClusterView& view) {
    Strings urls;
    for (const EndpointView& endpoint : view.endpoints) {
      urls.push_back((endpoint.discovered ? "discovered " : "") + endpoint.endpoint.url);
      EXPECT_TRUE(endpoint.status.ok()) << endpoint.status.error->message;
    }
    return urls;
  }

  std::array<FakeEtcd, 3> members_;
  const std::unique_ptr<Cluster> cluster_ =
      MakeCluster(OptionsFor({members_[1].endpoint()}), TestClock());
};

TEST_F(Discover, AddsAndForgetsMembersFromTheNextObservationOn) {
  EXPECT_EQ(UrlsOf(cluster_->Observe(Within(kPlenty))->Wait()), Strings{Url(1)});

  cluster_->Discover({Started(1, {Url(0)}), Started(2, {Url(1)}), Started(3, {Url(2)})});
  Strings others = {"discovered " + Url(0), "discovered " + Url(2)};
  std::sort(others.begin(), others.end());
  EXPECT_EQ(UrlsOf(cluster_->Observe(Within(kPlenty))->Wait()),
            (Strings{Url(1), others[0], others[1]}));
  EXPECT_EQ(members_[1].Count(Rpc::kStatus), 2);

  cluster_->Discover({Started(3, {Url(2)})});
  EXPECT_EQ(UrlsOf(cluster_->Observe(Within(kPlenty))->Wait()),
            (Strings{Url(1), "discovered " + Url(2)}));
  cluster_->Discover({});
  EXPECT_EQ(UrlsOf(cluster_->Observe(Within(kPlenty))->Wait()), Strings{Url(1)});
  EXPECT_EQ(members_[0].Count(Rpc::kStatus), 1);
}

TEST_F(Discover, KeepsTheConnectionsOfUrlsThatStay) {
  const MemberList members = {Started(1, {Url(0)}), Started(3, {Url(2)})};
  cluster_->Discover(members);
  cluster_->Observe(Within(kPlenty))->Wait();
  EXPECT_EQ(cluster_->CountChannels().at("ready"), 3);
  cluster_->Discover(members);
  EXPECT_EQ(cluster_->CountChannels().at("ready"), 3);
  cluster_->Discover({Started(1, {Url(0)})});
  EXPECT_EQ(cluster_->CountChannels().at("ready"), 2);
}

TEST_F(Discover, LeavesObservationsInFlightAlone) {
  cluster_->Discover({Started(1, {Url(0)})});
  members_[0].Hang(Rpc::kStatus);
  const auto observation = cluster_->Observe(Within(kPlenty));
  ASSERT_EQ(members_[0].WaitForCalls(Rpc::kStatus, 1), 1);
  cluster_->Discover({Started(3, {Url(2)})});
  EXPECT_EQ(UrlsOf(cluster_->Observe(Within(kPlenty))->Wait()),
            (Strings{Url(1), "discovered " + Url(2)}));
  members_[0].Release();
  EXPECT_EQ(UrlsOf(observation->Wait()), (Strings{Url(1), "discovered " + Url(0)}));
}

TEST_F(Discover, MayForgetAMemberWhoseCallsNobodyWaitsFor) {
  for (int round = 0; round < 20; ++round) {
    cluster_->Discover({Started(1, {Url(0)}), Started(3, {Url(2)})});
    members_[0].Hang(Rpc::kStatus);
    cluster_->Observe(Within(kPlenty)).reset();
    members_[0].WaitForCalls(Rpc::kStatus, round + 1);
    cluster_->Discover({});
    members_[0].Release();
    EXPECT_TRUE(cluster_->Observe(Within(kPlenty))->Wait().endpoints.at(0).status.ok());
  }
}

TEST_F(Discover, ServesSnapshotsOfDiscoveredEndpoints) {
  cluster_->Discover({Started(1, {Url(0)})});
  members_[0].SetSnapshot({{.remaining_bytes = 0, .blob = "abc"}});
  const ClusterView view = cluster_->Observe(Within(kPlenty))->Wait();
  int chunks = 0;
  const auto error = cluster_->Snapshot(view.endpoints.at(1).endpoint, kPlenty, Within(kPlenty),
                                        [&chunks](const SnapshotChunk&) {
                                          ++chunks;
                                          return Status();
                                        });
  EXPECT_FALSE(error) << error->message;
  EXPECT_EQ(chunks, 1);
}

}  // namespace
}  // namespace warden::etcd
