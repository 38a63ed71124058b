// Endpoints that cannot be talked to: what the view says about them.
#include <gtest/gtest.h>

#include <thread>

#include "tests/etcd/fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/tcp_port.h"

namespace warden::etcd {
namespace {

using testing::CertificateAuthority;
using testing::CertificateFiles;
using testing::FakeEtcd;
using testing::FakeEtcdTls;
using testing::Rpc;
using testing::TcpPort;
using testing::TempDir;

// How Status over one endpoint ends.
RpcOutcome<MemberStatus> Dial(const config::Endpoint& endpoint, const config::TlsConfig& tls = {},
                              Milliseconds patience = kPlenty) {
  ClusterOptions options = OptionsFor({endpoint});
  options.tls = tls;
  return ObserveOnce(options, Within(patience)).endpoints.at(0).status;
}

TEST(Connect, IsRefusedWhereNobodyListens) {
  const TcpPort port(TcpPort::Kind::kRefuses);
  const auto plain = Dial(port.endpoint());
  EXPECT_EQ(ReasonOf(plain.error), Reason::kConnect);
  EXPECT_NE(plain.error->message.find("Connection refused"), std::string::npos)
      << plain.error->message;
  EXPECT_EQ(ReasonOf(Dial(port.endpoint(true)).error), Reason::kConnect);
}

TEST(Connect, TimesOutAtAServerThatSaysNothing) {
  const TcpPort port(TcpPort::Kind::kHangs);
  EXPECT_EQ(ReasonOf(Dial(port.endpoint(), {}, kShort).error), Reason::kTimeout);
  EXPECT_EQ(ReasonOf(Dial(port.endpoint(true), {}, kShort).error), Reason::kTimeout);
}

TEST(Connect, FailsAtAServerThatSpeaksSomethingElse) {
  const TcpPort port("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  const auto plain = Dial(port.endpoint());
  EXPECT_EQ(ReasonOf(plain.error), Reason::kConnect) << plain.error->message;
  const auto tls = Dial(port.endpoint(true));
  EXPECT_EQ(ReasonOf(tls.error), Reason::kTls) << tls.error->message;
}

TEST(Connect, FailsWhereTheNameDoesNotResolve) {
  const config::Endpoint endpoint = {.url = "http://nonexistent.invalid:2379",
                                     .target = "dns:///nonexistent.invalid:2379",
                                     .tls = false};
  const auto status = Dial(endpoint);
  EXPECT_EQ(ReasonOf(status.error), Reason::kDns) << status.error->message;
}

TEST(Connect, ReachesARestartedMemberAgain) {
  auto member = std::make_unique<FakeEtcd>();
  const auto cluster = MakeCluster(OptionsFor({member->endpoint()}), TestClock());
  const auto ask = [&cluster] {
    return cluster->Observe(Within(kPlenty))->Wait().endpoints.at(0).status;
  };
  EXPECT_TRUE(ask().ok());

  const int port = member->port();
  member.reset();
  EXPECT_EQ(ReasonOf(ask().error), Reason::kConnect);

  member = std::make_unique<FakeEtcd>(std::nullopt, port);
  const Deadline patience = Within(kPlenty);
  auto status = ask();
  while (!status.ok() && TestClock().Steady() < patience.at) {
    std::this_thread::sleep_for(Milliseconds(50));
    status = ask();
  }
  EXPECT_TRUE(status.ok()) << status.error->message;
}

class ConnectTls : public ::testing::Test {
 protected:
  FakeEtcdTls Serve(const CertificateFiles& files) const {
    return {.cert = files.cert, .key = files.key, .client_ca = {}};
  }
  config::TlsConfig Trust(const CertificateAuthority& authority) const {
    config::TlsConfig tls;
    tls.ca_file = authority.file();
    return tls;
  }

  const TempDir directory_;
  CertificateAuthority authority_{directory_};
  const CertificateFiles server_ = authority_.Issue("server");
};

TEST_F(ConnectTls, ReachesAServerByAddressAndByName) {
  FakeEtcd member(Serve(server_));
  const auto by_address = Dial(member.endpoint(), Trust(authority_));
  EXPECT_TRUE(by_address.ok()) << by_address.error->message;
  const auto by_name = Dial(member.endpoint("localhost"), Trust(authority_));
  EXPECT_TRUE(by_name.ok()) << by_name.error->message;
}

TEST_F(ConnectTls, ShowsItsCertificateToAServerThatAsksForOne) {
  FakeEtcdTls serve = Serve(server_);
  serve.client_ca = authority_.file();
  FakeEtcd member(serve);
  const CertificateFiles client = authority_.Issue("client");
  config::TlsConfig tls = Trust(authority_);
  tls.cert_file = client.cert;
  tls.key_file = client.key;
  const auto status = Dial(member.endpoint(), tls);
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST_F(ConnectTls, FailsWithoutTheCertificateThatTheServerWants) {
  FakeEtcdTls serve = Serve(server_);
  serve.client_ca = authority_.file();
  FakeEtcd member(serve);
  const auto status = Dial(member.endpoint(), Trust(authority_));
  EXPECT_EQ(ReasonOf(status.error), Reason::kTls) << status.error->message;
  EXPECT_NE(status.error->message.find("client certificate"), std::string::npos)
      << status.error->message;
  EXPECT_EQ(member.Count(Rpc::kStatus), 0);
}

TEST_F(ConnectTls, FailsWithACertificateOfAnotherAuthority) {
  FakeEtcd member(Serve(server_));
  const CertificateAuthority stranger(directory_, "stranger");
  const auto status = Dial(member.endpoint(), Trust(stranger));
  EXPECT_EQ(ReasonOf(status.error), Reason::kTls) << status.error->message;
  EXPECT_EQ(member.Count(Rpc::kStatus), 0);
}

TEST_F(ConnectTls, ChecksTheNameInTheCertificate) {
  FakeEtcd member(Serve(authority_.Issue("elsewhere", {.names = "DNS:etcd.example"})));
  const auto status = Dial(member.endpoint(), Trust(authority_));
  EXPECT_EQ(ReasonOf(status.error), Reason::kTls) << status.error->message;

  config::TlsConfig tls = Trust(authority_);
  tls.server_name = "etcd.example";
  const auto overridden = Dial(member.endpoint(), tls);
  EXPECT_TRUE(overridden.ok()) << overridden.error->message;
}

TEST_F(ConnectTls, FailsWithAnExpiredCertificate) {
  FakeEtcd member(Serve(authority_.Issue("expired", {.not_after_seconds = -60})));
  const auto status = Dial(member.endpoint(), Trust(authority_));
  EXPECT_EQ(ReasonOf(status.error), Reason::kTls) << status.error->message;
}

TEST_F(ConnectTls, FailsAtAPlainPort) {
  FakeEtcd member;
  config::Endpoint endpoint = member.endpoint();
  endpoint.tls = true;
  const auto status = Dial(endpoint, Trust(authority_));
  EXPECT_EQ(ReasonOf(status.error), Reason::kTls) << status.error->message;
}

TEST_F(ConnectTls, IsMissedWherePlainTextMeetsATlsPort) {
  FakeEtcd member(Serve(server_));
  config::Endpoint endpoint = member.endpoint();
  endpoint.tls = false;
  const auto status = Dial(endpoint);
  EXPECT_EQ(ReasonOf(status.error), Reason::kConnect) << status.error->message;
  EXPECT_NE(status.error->message.find("https://"), std::string::npos) << status.error->message;
}

}  // namespace
}  // namespace warden::etcd
