// What is seen of server certificates, and how to do without them.
#include <gtest/gtest.h>

#include "tests/etcd/fixture.h"
#include "tests/support/certificates.h"

namespace warden::etcd {
namespace {

using testing::CertificateAuthority;
using testing::CertificateFiles;
using testing::FakeEtcd;
using testing::FakeEtcdTls;
using testing::Rpc;
using testing::TempDir;

constexpr Seconds kMinute{60};

class Certificate : public ::testing::Test {
 protected:
  static FakeEtcdTls Serve(const CertificateFiles& files) {
    return {.cert = files.cert, .key = files.key, .client_ca = {}};
  }
  ClusterOptions Options(const config::Endpoint& endpoint) const {
    ClusterOptions options = OptionsFor({endpoint});
    options.tls.ca_file = authority_.file();
    return options;
  }
  // Within a minute, since certificates count whole seconds from when they were made.
  static void ExpectIn(Seconds expected, WallTime time) {
    EXPECT_LE(time, TestClock().Now() + expected);
    EXPECT_GT(time, TestClock().Now() + expected - kMinute);
  }

  const TempDir directory_;
  CertificateAuthority authority_{directory_};
};

TEST_F(Certificate, OfTheServerIsSeenWithItsChain) {
  const CertificateFiles files = authority_.Issue("server", {.not_after_seconds = 7200});
  const CertificateFiles sooner = authority_.Issue("sooner", {.not_after_seconds = 3600});
  const CertificateFiles later = authority_.Issue("later", {.not_after_seconds = 9000});
  struct Case {
    const CertificateFiles* behind;
    Seconds chain;
  };
  for (const Case& c :
       {Case{nullptr, Seconds(7200)}, Case{&sooner, Seconds(3600)}, Case{&later, Seconds(7200)}}) {
    FakeEtcdTls serve = Serve(files);
    if (c.behind != nullptr) {
      serve.cert = directory_.Write(
          "bundle.crt", testing::ReadText(files.cert) + testing::ReadText(c.behind->cert));
    }
    FakeEtcd member(serve);
    const EndpointView endpoint =
        ObserveOnce(Options(member.endpoint()), Within(kPlenty)).endpoints.at(0);
    ASSERT_TRUE(endpoint.status.ok()) << endpoint.status.error->message;
    ASSERT_TRUE(endpoint.certificate);
    ExpectIn(Seconds(7200), endpoint.certificate->leaf_not_after);
    ExpectIn(c.chain, endpoint.certificate->chain_not_after);
  }
}

TEST_F(Certificate, IsSeenAlsoIfTheCallIsRefused) {
  FakeEtcd member(Serve(authority_.Issue("server")));
  member.Fail(Rpc::kStatus, {grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied"});
  const auto cluster = MakeCluster(Options(member.endpoint()), TestClock());
  const EndpointView endpoint = cluster->Observe(Within(kPlenty))->Wait().endpoints.at(0);
  EXPECT_FALSE(endpoint.status.ok());
  EXPECT_TRUE(endpoint.certificate);
}

TEST_F(Certificate, IsSeenAnewAfterTheServerChangedIt) {
  auto member =
      std::make_unique<FakeEtcd>(Serve(authority_.Issue("old", {.not_after_seconds = 3600})));
  const auto cluster = MakeCluster(Options(member->endpoint()), TestClock());
  ExpectIn(Seconds(3600),
           cluster->Observe(Within(kPlenty))->Wait().endpoints.at(0).certificate->leaf_not_after);
  const int port = member->port();
  member.reset();
  member =
      std::make_unique<FakeEtcd>(Serve(authority_.Issue("new", {.not_after_seconds = 7200})), port);
  const Deadline patience = Within(kPlenty);
  EndpointView endpoint;
  while (!endpoint.status.ok() && TestClock().Steady() < patience.at) {
    endpoint = cluster->Observe(Within(kPlenty))->Wait().endpoints.at(0);
  }
  ASSERT_TRUE(endpoint.certificate);
  ExpectIn(Seconds(7200), endpoint.certificate->leaf_not_after);
}

TEST_F(Certificate, IsNotSeenWithoutTlsOrConnection) {
  FakeEtcd plain;
  EXPECT_FALSE(ObserveOnce(Options(plain.endpoint()), Within(kPlenty)).endpoints.at(0).certificate);
  FakeEtcd expired(Serve(authority_.Issue("expired", {.not_after_seconds = -60})));
  EXPECT_FALSE(
      ObserveOnce(Options(expired.endpoint()), Within(kPlenty)).endpoints.at(0).certificate);
}

TEST_F(Certificate, IsAcceptedUnverifiedOnlyOnRequest) {
  CertificateAuthority stranger(directory_, "stranger");
  const std::pair<const char*, CertificateFiles> cases[] = {
      {"foreign", stranger.Issue("foreign")},
      {"self-signed", CertificateAuthority(directory_, "alone").SelfSigned()},
      {"expired", authority_.Issue("expired", {.not_after_seconds = -60})},
      {"another name", authority_.Issue("elsewhere", {.names = "DNS:etcd.example"})},
      {"no name", authority_.Issue("nameless", {.names = ""})},
  };
  for (const auto& [what, files] : cases) {
    FakeEtcd member(Serve(files));
    for (const bool trusts_authority : {true, false}) {
      ClusterOptions options = Options(member.endpoint());
      if (!trusts_authority) options.tls.ca_file.clear();
      const auto refused = ObserveOnce(options, Within(kPlenty)).endpoints.at(0);
      EXPECT_EQ(ReasonOf(refused.status.error), Reason::kTls) << what;
      options.tls.insecure_skip_verify = true;
      const auto accepted = ObserveOnce(options, Within(kPlenty)).endpoints.at(0);
      EXPECT_TRUE(accepted.status.ok()) << what << ": " << accepted.status.error->message;
      EXPECT_TRUE(accepted.certificate) << what;
    }
  }
}

TEST_F(Certificate, OfTheClientIsShownAlsoToAServerThatIsNotVerified) {
  CertificateAuthority stranger(directory_, "stranger");
  FakeEtcdTls serve = Serve(stranger.Issue("server"));
  serve.client_ca = authority_.file();
  FakeEtcd member(serve);
  ClusterOptions options = Options(member.endpoint());
  options.tls.insecure_skip_verify = true;
  const CertificateFiles client = authority_.Issue("client");
  options.tls.cert_file = client.cert;
  options.tls.key_file = client.key;
  const auto status = ObserveOnce(options, Within(kPlenty)).endpoints.at(0).status;
  EXPECT_TRUE(status.ok()) << status.error->message;
}

TEST_F(Certificate, OfAForeignClientIsRefused) {
  CertificateAuthority stranger(directory_, "stranger");
  FakeEtcdTls serve = Serve(authority_.Issue("server"));
  serve.client_ca = authority_.file();
  FakeEtcd member(serve);
  ClusterOptions options = Options(member.endpoint());
  const CertificateFiles client = stranger.Issue("client");
  options.tls.cert_file = client.cert;
  options.tls.key_file = client.key;
  const auto status = ObserveOnce(options, Within(kPlenty)).endpoints.at(0).status;
  EXPECT_EQ(ReasonOf(status.error), Reason::kTls) << status.error->message;
  EXPECT_EQ(member.Count(Rpc::kStatus), 0);
}

TEST_F(Certificate, WithoutANameIsRefused) {
  FakeEtcd member(Serve(authority_.Issue("nameless", {.names = ""})));
  const auto status = ObserveOnce(Options(member.endpoint()), Within(kPlenty)).endpoints[0].status;
  EXPECT_EQ(ReasonOf(status.error), Reason::kTls) << status.error->message;
  EXPECT_NE(status.error->message.find("127.0.0.1"), std::string::npos) << status.error->message;
}

}  // namespace
}  // namespace warden::etcd
