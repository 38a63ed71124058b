// Networks as they are: names that vanish, members that come back, answers that stop half-way.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/etcd/fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/dns_server.h"
#include "tests/support/relay.h"
#include "tests/support/tcp_port.h"

namespace warden::etcd {
namespace {

using testing::CertificateAuthority;
using testing::CertificateFiles;
using testing::DnsServer;
using testing::FakeEtcd;
using testing::FakeEtcdTls;
using testing::Relay;
using testing::Rpc;
using testing::TcpPort;
using testing::TempDir;

// A scrape comes at the earliest that much after the one before it.
constexpr Seconds kInterval{2};

RpcOutcome<MemberStatus> Ask(Cluster& cluster, Milliseconds patience = kPlenty) {
  return cluster.Observe(Within(patience))->Wait().endpoints.at(0).status;
}

config::Endpoint Named(const DnsServer& names, int port) {
  const std::string authority = "member.example:" + std::to_string(port);
  return {.url = "http://" + authority, .target = names.Target(authority), .tls = false};
}

TEST(Network, ReachesAMemberByIpv6) {
  FakeEtcd member(std::nullopt, 0, "[::1]");
  EXPECT_EQ(member.endpoint().target.substr(0, 11), "ipv6:[::1]:");
  const auto cluster = MakeCluster(OptionsFor({member.endpoint()}), TestClock());
  const auto status = Ask(*cluster);
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST(Network, ReachesAMemberThroughASocketFile) {
  const TempDir directory;
  CertificateAuthority authority(directory);
  const CertificateFiles files = authority.Issue("server");
  const std::string host = "unix:" + (directory / "etcd.sock").string();
  for (const bool tls : {false, true}) {
    std::optional<FakeEtcdTls> serve;
    if (tls) serve = FakeEtcdTls{.cert = files.cert, .key = files.key, .client_ca = {}};
    FakeEtcd member(serve, 0, host);
    ClusterOptions options = OptionsFor({member.endpoint()});
    options.tls.ca_file = authority.file();
    const auto status = Ask(*MakeCluster(options, TestClock()));
    EXPECT_TRUE(status.ok()) << member.endpoint().url << ": " << status.error->message;
  }
}

TEST(Network, HasNoMemberBehindAMissingSocketFile) {
  const TempDir directory;
  const auto endpoint = config::ParseEndpoint("unix://" + (directory / "etcd.sock").string());
  const auto status = Ask(*MakeCluster(OptionsFor({*endpoint}), TestClock()));
  EXPECT_EQ(ReasonOf(status.error), Reason::kConnect) << status.error->message;
}

TEST(Network, TriesEveryAddressOfAName) {
  DnsServer names;
  FakeEtcd member;
  names.Set({"127.0.0.2", "127.0.0.1"});  // nobody listens at the first
  const auto cluster = MakeCluster(OptionsFor({Named(names, member.port())}), TestClock());
  const auto status = Ask(*cluster);
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST(Network, KeepsAMemberWhoseNameStopsResolving) {
  DnsServer names;
  FakeEtcd member;
  names.Set({"127.0.0.1"});
  const auto cluster = MakeCluster(OptionsFor({Named(names, member.port())}), TestClock());
  ASSERT_TRUE(Ask(*cluster).ok());
  names.Set({});
  const auto status = Ask(*cluster);
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST(Network, SeesAMemberAgainAsSoonAsItsNameResolves) {
  DnsServer names;
  FakeEtcd member;
  const auto cluster = MakeCluster(OptionsFor({Named(names, member.port())}), TestClock());
  for (int i = 0; i < 3; ++i) {
    const auto status = Ask(*cluster);
    EXPECT_EQ(ReasonOf(status.error), Reason::kDns) << status.error->message;
  }
  names.Set({"127.0.0.1"});
  const auto status = Ask(*cluster);
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST(Network, FollowsANameToAnotherAddress) {
  DnsServer names;
  names.Set({"127.0.0.2"});
  FakeEtcd member;
  const auto cluster = MakeCluster(OptionsFor({Named(names, member.port())}), TestClock());
  const auto before = Ask(*cluster);
  EXPECT_EQ(ReasonOf(before.error), Reason::kConnect) << before.error->message;
  names.Set({"127.0.0.1"});
  std::this_thread::sleep_for(kInterval);
  const auto status = Ask(*cluster);
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST(Network, SeesAMemberAgainWithinAnIntervalOfItsReturn) {
  auto member = std::make_unique<FakeEtcd>();
  const int port = member->port();
  const auto cluster = MakeCluster(OptionsFor({member->endpoint()}), TestClock());
  ASSERT_TRUE(Ask(*cluster).ok());
  member.reset();
  // Long enough for the pauses between two attempts to grow.
  for (int i = 0; i < 25; ++i) {
    EXPECT_EQ(ReasonOf(Ask(*cluster).error), Reason::kConnect);
    std::this_thread::sleep_for(Milliseconds(100));
  }
  member = std::make_unique<FakeEtcd>(std::nullopt, port);
  std::this_thread::sleep_for(kInterval);
  const auto status = Ask(*cluster);
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST(Network, TimesOutOverAnAnswerThatStopsHalfWay) {
  FakeEtcd member;
  Relay relay(member.port());
  const auto cluster = MakeCluster(OptionsFor({relay.endpoint()}), TestClock());
  ASSERT_TRUE(Ask(*cluster).ok());
  relay.Narrow(20);  // of a frame's nine bytes and more than a hundred behind them
  EXPECT_EQ(ReasonOf(Ask(*cluster, kShort).error), Reason::kTimeout);
  EXPECT_EQ(member.Count(Rpc::kStatus), 2);
  relay.Widen();
  const auto status = Ask(*cluster);
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST(Network, TakesTheOthersAnswersWhileOneStopsHalfWay) {
  FakeEtcd slow;
  FakeEtcd member;
  Relay relay(slow.port());
  relay.Narrow(60);
  const ClusterView view =
      ObserveOnce(OptionsFor({relay.endpoint(), member.endpoint()}), Within(kShort));
  EXPECT_EQ(ReasonOf(view.endpoints[0].status.error), Reason::kTimeout);
  EXPECT_TRUE(view.endpoints[1].status.ok());
  EXPECT_EQ(view.quorum_read, true);
}

TEST(Network, ShowsAnEndpointOfAnotherClusterAndTwoOfOneMember) {
  FakeEtcd member;
  FakeEtcd stranger;
  auto strange = testing::MakeStatusResponse(9, 9, "3.5.16");
  strange.mutable_header()->set_cluster_id(12);
  stranger.SetStatus(strange);
  const ClusterView view = ObserveOnce(
      OptionsFor({member.endpoint("localhost"), stranger.endpoint(), member.endpoint()}),
      Within(kPlenty));
  ASSERT_TRUE(view.endpoints[0].status.ok() && view.endpoints[1].status.ok() &&
              view.endpoints[2].status.ok());
  EXPECT_EQ(view.endpoints[0].status.value->member_id, view.endpoints[2].status.value->member_id);
  EXPECT_EQ(view.endpoints[1].status.value->cluster_id, 12U);
}

TEST(Channels, AreCountedByTheirState) {
  const std::set<std::string_view> states = {"idle", "connecting", "ready", "transient_failure"};
  FakeEtcd member;
  const TcpPort refuses(TcpPort::Kind::kRefuses);
  const auto cluster =
      MakeCluster(OptionsFor({member.endpoint(), refuses.endpoint()}), TestClock());
  ChannelStates counted = cluster->CountChannels();
  for (const std::string_view state : states) EXPECT_TRUE(counted.contains(state)) << state;
  EXPECT_EQ(counted.size(), states.size());
  EXPECT_EQ(counted["idle"], 2);

  cluster->Observe(Within(kPlenty))->Wait();
  counted = cluster->CountChannels();
  EXPECT_EQ(counted.size(), states.size());
  EXPECT_EQ(counted["ready"], 1);
  EXPECT_EQ(counted["idle"], 0);
  // It may be at its next attempt already.
  EXPECT_EQ(counted["transient_failure"] + counted["connecting"], 1);
}

}  // namespace
}  // namespace warden::etcd
