#include "exporter/http/tls.h"

#include <gtest/gtest.h>

#include "tests/http/web_server.h"

namespace warden::http {
namespace {

TEST_F(WebServer, SpeaksTlsWithTheCertificateOfTheFile) {
  StartTls();
  const TlsClient client({.ca = ca_.file()});
  const HttpReply reply = client.Get(port_, "/hello");
  EXPECT_EQ(reply.code, 200);
  EXPECT_EQ(reply.body, "hello\n");
  EXPECT_EQ(client.Get(port_, "/page").body.size(), kPageBytes);
  // Several requests on one connection.
  HttpConnection connection(port_);
  ASSERT_TRUE(connection.StartTls(client.context()));
  for (int i = 0; i < 3; ++i) {
    connection.Send(FormatRequest("POST", "/echo", {}, "text"));
    EXPECT_EQ(connection.ReadReply().body, "text");
  }
}

TEST_F(WebServer, SpeaksTlsOnEveryAddress) {
  Start({.listen_addresses = {"127.0.0.1:0", "localhost:0", ":0"},
         .web_config_file = dir_.Write("web.yml", kTlsText)});
  const TlsClient client({.ca = ca_.file()});
  ASSERT_EQ(server_->ports().size(), 3U);
  for (const int port : server_->ports()) EXPECT_EQ(client.Get(port, "/hello").code, 200) << port;
}

TEST_F(WebServer, AnswersNobodyWhoSpeaksPlainTextOnATlsPort) {
  StartTls();
  EXPECT_EQ(Get(port_, "/hello").code, 0);
  // Whoever likes could fill the log.
  EXPECT_FALSE(log_.Contains("level=warn")) << ::testing::PrintToString(log_.lines());
  EXPECT_EQ(CodeOf({.ca = ca_.file()}), 200);
}

TEST_F(WebServer, IsNotTakenForAnother) {
  StartTls();
  const testing::CertificateAuthority stranger(dir_, "stranger");
  EXPECT_EQ(CodeOf({.ca = stranger.file()}), 0);
}

TEST_F(WebServer, SpeaksTls12AndNewerUnlessToldOtherwise) {
  struct Case {
    const char* lines;
    int version;
    bool spoken;
  };
  const Case cases[] = {
      {"", TLS1_VERSION, false},
      {"", TLS1_1_VERSION, false},
      {"", TLS1_2_VERSION, true},
      {"", TLS1_3_VERSION, true},
      {"  min_version: TLS13\n", TLS1_2_VERSION, false},
      {"  min_version: TLS13\n", TLS1_3_VERSION, true},
      {"  max_version: TLS12\n", TLS1_3_VERSION, false},
      {"  max_version: TLS12\n", TLS1_2_VERSION, true},
      {"  min_version: TLS11\n", TLS1_1_VERSION, true},
      {"  min_version: TLS11\n", TLS1_VERSION, false},
      {"  min_version: TLS10\n", TLS1_VERSION, true},
      {"  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", TLS1_2_VERSION, false},
      {"  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", TLS1_3_VERSION, true},
  };
  for (const Case& c : cases) {
    StartTls(c.lines);
    EXPECT_EQ(CodeOf({.ca = ca_.file(), .version = c.version}), c.spoken ? 200 : 0)
        << c.lines << c.version;
  }
}

TEST_F(WebServer, OffersOnlyTheCiphersAndCurvesOfTheFile) {
  StartTls(
      "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,\n"
      "                  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n"
      "  curve_preferences: [CurveP384]\n");
  const auto ask = [&](const char* ciphers, const char* groups) {
    return CodeOf(
        {.ca = ca_.file(), .version = TLS1_2_VERSION, .ciphers = ciphers, .groups = groups});
  };
  EXPECT_EQ(ask("ECDHE-ECDSA-AES128-GCM-SHA256", "P-384:P-256"), 200);
  EXPECT_EQ(ask("ECDHE-ECDSA-CHACHA20-POLY1305", "P-384:P-256"), 0);
  EXPECT_EQ(CodeOf({.ca = ca_.file(), .groups = "P-256:X25519"}), 0);
  // A client that guesses another curve first is asked again.
  EXPECT_EQ(CodeOf({.ca = ca_.file(), .groups = "X25519:P-384"}), 200);
}

TEST_F(WebServer, ChoosesTheCipherItself) {
  const char* const ours =
      "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,\n"
      "                  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n";
  const TlsClient client(
      {.ca = ca_.file(),
       .version = TLS1_2_VERSION,
       .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"});
  const auto chosen = [&] {
    HttpConnection connection(port_);
    EXPECT_TRUE(connection.StartTls(client.context()));
    return std::string(SSL_get_cipher_name(connection.tls()));
  };
  StartTls(ours);
  EXPECT_EQ(chosen(), "ECDHE-ECDSA-AES256-GCM-SHA384");
  StartTls(std::string(ours) + "  prefer_server_cipher_suites: false\n");
  EXPECT_EQ(chosen(), "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST_F(WebServer, AsksClientsForWhatTheirPolicySays) {
  testing::CertificateAuthority stranger(dir_, "stranger");
  const CertificateFiles good = ca_.Issue("good");
  const CertificateFiles expired = ca_.Issue("expired", {.not_after_seconds = -60});
  const CertificateFiles foreign = stranger.Issue("foreign");
  struct Case {
    const char* policy;
    int without;
    int good;
    int expired;
    int foreign;
  };
  const Case cases[] = {
      {"NoClientCert", 200, 200, 200, 200},         {"RequestClientCert", 200, 200, 200, 200},
      {"RequireAnyClientCert", 0, 200, 200, 200},   {"VerifyClientCertIfGiven", 200, 200, 0, 0},
      {"RequireAndVerifyClientCert", 0, 200, 0, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.policy);
    const std::string ca = c.policy == cases[0].policy ? "" : "  client_ca_file: ca.crt\n";
    StartTls("  client_auth_type: " + std::string(c.policy) + "\n" + ca);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      const auto ask = [&](const CertificateFiles& own) {
        return CodeOf({.ca = ca_.file(), .own = own, .version = version});
      };
      EXPECT_EQ(ask({}), c.without);
      EXPECT_EQ(ask(good), c.good);
      EXPECT_EQ(ask(expired), c.expired);
      EXPECT_EQ(ask(foreign), c.foreign);
    }
  }
}

TEST_F(WebServer, LetsInOnlyTheNamesOfTheFile) {
  const auto named = [&](const std::string& name, const std::string& names) {
    return CodeOf({.ca = ca_.file(), .own = ca_.Issue(name, {.names = names})});
  };
  for (const char* policy : {"RequireAnyClientCert", "RequireAndVerifyClientCert"}) {
    StartTls("  client_auth_type: " + std::string(policy) +
             "\n  client_ca_file: ca.crt\n  client_allowed_sans: [prometheus.example, 10.1.2.3, "
             "'fd00::1', ops@example.com, 'spiffe://example/prometheus']\n");
    EXPECT_EQ(named("dns", "DNS:other.example,DNS:prometheus.example"), 200);
    EXPECT_EQ(named("ipv4", "IP:10.1.2.3"), 200);
    EXPECT_EQ(named("ipv6", "IP:fd00:0:0:0:0:0:0:1"), 200);
    EXPECT_EQ(named("mail", "email:ops@example.com"), 200);
    EXPECT_EQ(named("uri", "URI:spiffe://example/prometheus"), 200);
    EXPECT_EQ(named("prometheus.example", "DNS:other.example"), 0);  // as common name only
    EXPECT_EQ(named("wild", "DNS:*.example"), 0);
    EXPECT_EQ(named("upper", "DNS:PROMETHEUS.example"), 0);
    EXPECT_EQ(named("number", "IP:10.1.2.4"), 0);
  }
  testing::CertificateAuthority stranger(dir_, "stranger");
  const CertificateFiles forged = stranger.Issue("forged", {.names = "DNS:prometheus.example"});
  EXPECT_EQ(CodeOf({.ca = ca_.file(), .own = forged}), 0);
}

TEST_F(WebServer, SaysWhatIsWrongWithItsConfigurationAtStart) {
  dir_.Write("web.yml", "tls_server_config: {cert_file: server.crt, key_file: missing}\n");
  const Result<std::unique_ptr<Server>> server = StartServer(
      {.listen_addresses = {"127.0.0.1:0"}, .web_config_file = dir_ / "web.yml"}, {},
      [](std::string_view, int, Nanoseconds) {}, log_);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code(), Code::kInvalidArgument);
  EXPECT_NE(server.error().message().find("web.yml:1:54: tls_server_config.key_file: "),
            std::string::npos)
      << server.error().message();
}

}  // namespace
}  // namespace warden::http
