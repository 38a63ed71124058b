#include "exporter/config/web.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/bcrypt.h"
#include "tests/support/certificates.h"

namespace warden::config {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The text as the value of a key in a mapping, over several lines.
std::string Block(const std::string& text) {
  std::string block = "|\n    ";
  for (const char c : text) {
    block += c;
    if (c == '\n') block += "    ";
  }
  return block + "\n";
}

class WebConfigFile : public ::testing::Test {
 protected:
  WebConfigFile() : ca_(dir_), server_(ca_.Issue("server")) {}

  Result<WebConfig> LoadText(std::string_view text) {
    return LoadWebConfig(dir_.Write("web.yml", text));
  }
  // The message of a refusal, with "DIR" for the directory; "" if there is none.
  std::string ErrorsOf(std::string_view text) {
    std::string message = LoadText(text).status().message();
    const std::string dir = dir_.path().string();
    for (std::size_t at = 0; (at = message.find(dir, at)) != std::string::npos;) {
      message.replace(at, dir.size(), "DIR");
    }
    return message;
  }

  testing::TempDir dir_;
  testing::CertificateAuthority ca_;
  testing::CertificateFiles server_;
  const std::string hash_ = testing::Bcrypt("hunter2");
  const std::string tls_ = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
};

TEST_F(WebConfigFile, IsPlainHttpForEverybodyIfItIsEmpty) {
  for (const char* text : {"", "\n", "# nothing\n\n", "tls_server_config:\n", "{}\n", "~\n",
                           "tls_server_config: {}\nbasic_auth_users:\nhttp_server_config:\n"
                           "rate_limit:\n",
                           "tls_server_config: {cert_file: '', min_version: TLS13}\n"}) {
    const Result<WebConfig> config = LoadText(text);
    ASSERT_TRUE(config.ok()) << text << config.status().message();
    EXPECT_FALSE(config->tls) << text;
    EXPECT_TRUE(config->users.empty() && config->headers.empty()) << text;
    EXPECT_EQ(config->rate_limit.interval, Nanoseconds(0));
    EXPECT_EQ(config->files, std::vector{dir_ / "web.yml"});
  }
  EXPECT_EQ(LoadWebConfig(dir_ / "missing").status().code(), Code::kNotFound);
}

TEST_F(WebConfigFile, ReadsWhatTheToolkitsOwnExampleHolds) {
  const Result<WebConfig> config = LoadText(
      tls_ + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n" +
      "  client_allowed_sans: [prometheus.example, 10.0.0.1]\n" +
      "  min_version: TLS10\n  max_version: TLS12\n  prefer_server_cipher_suites: no\n" +
      "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256,\n" +
      "                  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305]\n" +
      "  curve_preferences: [X25519, CurveP256]\n" +
      "http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n" +
      "    Strict-Transport-Security: 'max-age=31536000'\n    X-XSS-Protection: ''\n" +
      "basic_auth_users:\n  alice.smith@example.com: " + hash_ + "\n  'bob b': " + hash_ +
      "\nrate_limit:\n  interval: \"1.5s\"\n  burst: 20\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  const WebTls& tls = *config->tls;
  EXPECT_EQ(tls.certificate, ReadFile(server_.cert));
  EXPECT_EQ(*tls.private_key.Read(), ReadFile(server_.key));
  EXPECT_EQ(tls.client_ca, ReadFile(ca_.file()));
  EXPECT_EQ(tls.client_auth, ClientAuth::kRequireAndVerifyClientCert);
  EXPECT_EQ(tls.client_allowed_sans, (std::vector<std::string>{"prometheus.example", "10.0.0.1"}));
  EXPECT_EQ(tls.min_version, TlsVersion::kTls10);
  EXPECT_EQ(tls.max_version, TlsVersion::kTls12);
  EXPECT_FALSE(tls.prefer_server_cipher_suites);
  EXPECT_EQ(tls.cipher_suites, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305");
  EXPECT_EQ(tls.curves, "X25519:P-256");
  EXPECT_EQ(config->headers,
            (std::map<std::string, std::string>{
                {"X-Frame-Options", "deny"}, {"Strict-Transport-Security", "max-age=31536000"}}));
  EXPECT_EQ(config->users.size(), 2U);
  EXPECT_EQ(config->users.at("alice.smith@example.com"), hash_);
  EXPECT_EQ(config->rate_limit.interval, Milliseconds(1500));
  EXPECT_EQ(config->rate_limit.burst, 20);
  EXPECT_EQ(config->files, (std::vector{dir_ / "web.yml", server_.cert, server_.key, ca_.file()}));
}

TEST_F(WebConfigFile, HasTheDefaultsOfTheToolkit) {
  const Result<WebConfig> config = LoadText(tls_);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->tls->client_auth, ClientAuth::kNoClientCert);
  EXPECT_EQ(config->tls->min_version, TlsVersion::kTls12);
  EXPECT_EQ(config->tls->max_version, TlsVersion::kTls13);
  EXPECT_TRUE(config->tls->prefer_server_cipher_suites);
  const Result<WebConfig> only13 =
      LoadText(tls_ + "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  min_version: TLS10\n");
  ASSERT_TRUE(only13.ok()) << only13.status().message();
  EXPECT_EQ(only13->tls->min_version, TlsVersion::kTls13);
}

TEST_F(WebConfigFile, TakesKeyAndCertificateInline) {
  const std::string text =
      "tls_server_config:\n  cert: " + Block(ReadFile(server_.cert)) +
      "\n  key: " + Block(ReadFile(server_.key)) +
      "\n  client_auth_type: RequestClientCert\n  client_ca: " + Block(ReadFile(ca_.file()));
  const Result<WebConfig> config = LoadText(text);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->tls->certificate, ReadFile(server_.cert));
  EXPECT_EQ(*config->tls->private_key.Read(), ReadFile(server_.key));
  EXPECT_EQ(config->files, std::vector{dir_ / "web.yml"});
}

TEST_F(WebConfigFile, SaysWhereAValueIsWrong) {
  struct Case {
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"tls: {}\n", "1:1: tls: unknown key; did you mean \"tls_server_config\"?"},
      {"tls_server_config: {certfile: a}\n",
       "1:21: tls_server_config.certfile: unknown key; did you mean \"cert_file\"?"},
      {"basic_auth_users: []\n", "1:19: basic_auth_users: expected a mapping, found a list"},
      {"http_server_config: {http2: maybe}\n",
       "1:29: http_server_config.http2: \"maybe\" is neither true nor false"},
      {"http_server_config:\n  headers: {Server: x}\n",
       "2:13: http_server_config.headers.Server: unknown key; known here: Content-Security-Policy, "
       "Strict-Transport-Security, X-XSS-Protection, X-Content-Type-Options, X-Frame-Options"},
      {"http_server_config:\n  headers: {X-Frame-Options: DENY}\n",
       "2:30: http_server_config.headers.X-Frame-Options: \"DENY\" is not possible here; want "
       "deny, "
       "sameorigin"},
      {"http_server_config:\n  headers: {X-Content-Type-Options: sniff}\n",
       "2:37: http_server_config.headers.X-Content-Type-Options: \"sniff\" is not possible here; "
       "want nosniff"},
      {"rate_limit: {interval: 1x, burst: 1}\n",
       "1:24: rate_limit.interval: \"1x\" is no duration up to 1h, such as 1s, 250ms or 1m30s"},
      {"rate_limit: {interval: 5, burst: 1}\n",
       "1:24: rate_limit.interval: \"5\" is no duration up to 1h, such as 1s, 250ms or 1m30s"},
      {"rate_limit: {interval: 1s, burst: -1}\n",
       "1:35: rate_limit.burst: \"-1\" is no number from 0 to 1000000"},
      {"rate_limit: {interval: 1s}\n",
       "1:13: rate_limit.burst: must be at least 1, or no request would ever pass"},
      {tls_ + "  min_version: SSL30\n",
       "4:16: tls_server_config.min_version: \"SSL30\" is no TLS version; want TLS10, TLS11, TLS12 "
       "or TLS13"},
      {tls_ + "  min_version: TLS13\n  max_version: TLS12\n",
       "2:3: tls_server_config: leaves no TLS version: the newest allowed one is older than the "
       "oldest that min_version and cipher_suites allow"},
      {tls_ + "  client_auth_type: Maybe\n",
       "4:21: tls_server_config.client_auth_type: \"Maybe\" is no client_auth_type; want "
       "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or "
       "RequireAndVerifyClientCert"},
      {tls_ + "  client_ca_file: ca.crt\n",
       "4:19: tls_server_config.client_ca_file: has no effect without a client_auth_type"},
      {tls_ + "  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [a]\n",
       "5:24: tls_server_config.client_allowed_sans: needs the client_auth_type "
       "RequireAnyClientCert or RequireAndVerifyClientCert"},
      {tls_ + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n",
       "4:19: tls_server_config.cipher_suites[0]: \"TLS_RSA_WITH_RC4_128_SHA\" is no cipher suite "
       "that Go calls secure"},
      {tls_ + "  curve_preferences: [P-256]\n",
       "4:23: tls_server_config.curve_preferences[0]: \"P-256\" is no curve; want CurveP256, "
       "CurveP384, CurveP521 or X25519"},
      {"tls_server_config: {cert_file: server.crt}\n",
       "1:20: tls_server_config.key_file: is required for TLS"},
      {"tls_server_config: {key_file: server.key}\n",
       "1:20: tls_server_config.cert_file: is required for TLS"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorsOf(c.text), "DIR/web.yml:" + c.error) << c.text;
}

TEST_F(WebConfigFile, ChecksThatTheFilesBelongTogether) {
  ca_.Issue("other");
  dir_.Write("empty", "");
  const auto with = [](const std::string& cert, const std::string& key) {
    return "tls_server_config:\n  cert_file: " + cert + "\n  key_file: " + key + "\n";
  };
  const std::string at = "DIR/web.yml:";
  EXPECT_EQ(ErrorsOf(with("server.crt", "other.key")),
            at + "3:13: tls_server_config.key_file: the private key does not belong to the "
                 "certificate");
  EXPECT_EQ(ErrorsOf(with("empty", "server.key")),
            at + "2:14: tls_server_config.cert_file: DIR/empty: the file is empty");
  EXPECT_EQ(ErrorsOf(with("server.crt", "server.crt")),
            at + "3:13: tls_server_config.key_file: DIR/server.crt: the file holds no valid PEM "
                 "private key");
  EXPECT_NE(ErrorsOf(with("missing", "server.key")).find("No such file"), std::string::npos);
  EXPECT_EQ(ErrorsOf(tls_ + "  client_auth_type: RequireAnyClientCert\n  client_ca_file: empty\n"),
            at + "5:19: tls_server_config.client_ca_file: DIR/empty: the file is empty");
  // The text alone names no file that must exist.
  EXPECT_TRUE(CheckWebConfigText("web.yml", with("missing", "missing")).ok());
  EXPECT_TRUE(CheckWebConfig(dir_.Write("web.yml", tls_)).ok());
}

TEST_F(WebConfigFile, KeepsHashesAndKeysOutOfItsMessages) {
  const std::string secret = ReadFile(server_.key).substr(40, 40);
  const std::string cases[] = {
      "basic_auth_users:\n  " + hash_ + ": alice\n",
      "basic_auth_users:\n  alice: x" + hash_ + "\n",
      "basic_auth_users:\n  alice: [" + hash_ + "]\n",
      "basic_auth_users:\n  'ali:ce': " + hash_ + "\n",
      "basic_auth_users:\n  alice: " + hash_.substr(0, 59) + "\n",
      "basic_auth_users:\n  alice: hunter2\n",
      "basic_auth_users: " + hash_ + "\n",
      "tls_server_config:\n  cert_file: server.crt\n  key: " + secret + "\n",
      "tls_server_config:\n  cert_file: server.crt\n  key: [" + secret + "]\n",
      "tls_server_config:\n  cert_file: server.crt\n  key: " + Block("-----BEGIN\n" + secret),
  };
  for (const std::string& text : cases) {
    const std::string message = ErrorsOf(text);
    EXPECT_TRUE(message.starts_with("DIR/web.yml:")) << text << message;
    EXPECT_EQ(message.find(hash_.substr(10, 20)), std::string::npos) << message;
    EXPECT_EQ(message.find(secret), std::string::npos) << message;
    EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
  }
  EXPECT_EQ(ErrorsOf(cases[5]),
            "DIR/web.yml:2:10: basic_auth_users.alice: is no bcrypt hash; make one with: "
            "htpasswd -nBC 10 \"\" | tr -d ':\\n'");
}

TEST_F(WebConfigFile, KnowsABcryptHash) {
  const std::string tail = hash_.substr(7);
  const auto is_hash = [&](const std::string& text) {
    return ErrorsOf("basic_auth_users: {a: '" + text + "'}\n").empty();
  };
  for (const char* head : {"$2a$04$", "$2b$10$", "$2y$16$", "$2x$12$"}) {
    EXPECT_TRUE(is_hash(head + tail)) << head;
  }
  for (const char* head :
       {"$2c$10$", "$1$", "$2y$03$", "$2y$32$", "$2y$1$", "$2y$-4$", "$2y$ 4$"}) {
    EXPECT_FALSE(is_hash(head + tail)) << head;
  }
  EXPECT_FALSE(is_hash(hash_ + "x"));
  EXPECT_FALSE(is_hash("$2y$10$" + tail.substr(1) + "!"));
}

TEST_F(WebConfigFile, RefusesAHashThatWouldTakeTooLong) {
  const std::string tail = hash_.substr(7);
  for (const std::string cost : {"17", "31"}) {
    EXPECT_EQ(ErrorsOf("basic_auth_users: {a: '$2y$" + cost + "$" + tail + "'}\n"),
              "DIR/web.yml:1:23: basic_auth_users.a: has bcrypt cost " + cost +
                  ", which takes longer than a scrape; use 10 to 12");
  }
}

TEST_F(WebConfigFile, ReadsGosDurations) {
  struct Case {
    const char* text;
    Nanoseconds interval;
  };
  const Case cases[] = {
      {"0", Nanoseconds(0)},           {"1s", Seconds(1)},
      {"1m30s", Seconds(90)},          {"250us", Nanoseconds(250'000)},
      {"0.5ms", Nanoseconds(500'000)}, {"1h", Seconds(3600)},
  };
  for (const Case& c : cases) {
    const auto config = LoadText("rate_limit: {burst: 1, interval: " + std::string(c.text) + "}\n");
    ASSERT_TRUE(config.ok()) << c.text << config.status().message();
    EXPECT_EQ(config->rate_limit.interval, c.interval) << c.text;
  }
  for (const char* text : {"s", "-1s", "+1s", "1.2.3s", "1e3s", ".s", "1", "61m", "1s1", "''"}) {
    EXPECT_FALSE(LoadText("rate_limit: {burst: 1, interval: " + std::string(text) + "}\n").ok())
        << text;
  }
}

}  // namespace
}  // namespace warden::config
