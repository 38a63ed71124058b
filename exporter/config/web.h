// The web configuration file: TLS, users, headers and rate limit of the HTTP server. The format is
// that of Prometheus' exporter-toolkit (its docs/web-configuration.md), so that files which other
// exporters use work unchanged.
//
// Stricter where the toolkit would fail later or do something nobody asked for: a certificate that
// does not parse, a user that can never log in, a burst of zero.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/base/secret.h"

namespace warden::config {

// What is asked of a client's certificate; the names are those of Go's crypto/tls.
enum class ClientAuth {
  kNoClientCert,
  kRequestClientCert,  // asked for, not checked
  kRequireAnyClientCert,
  kVerifyClientCertIfGiven,
  kRequireAndVerifyClientCert,
};

enum class TlsVersion { kTls10, kTls11, kTls12, kTls13 };

// Whole and checked: nothing of it is read from a file later.
struct WebTls {
  std::string certificate;                   // PEM: the server's own, then its chain
  Secret private_key = Secret::Literal({});  // PEM
  std::string client_ca;                     // PEM; empty: the roots of the system
  ClientAuth client_auth = ClientAuth::kNoClientCert;
  std::vector<std::string> client_allowed_sans;  // empty: any
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::string cipher_suites;  // up to TLS 1.2, OpenSSL's names with ":" between; empty: its choice
  bool prefer_server_cipher_suites = true;
  std::string curves;  // OpenSSL's names with ":" between, the best first; empty: its choice
};

// At most `burst` requests at once, and one more after each interval.
struct RateLimit {
  Nanoseconds interval{0};  // 0: no limit
  int burst = 1;
};

struct WebConfig {
  std::optional<WebTls> tls;                   // none: plain HTTP
  std::map<std::string, std::string> headers;  // of every answer
  // The bcrypt hash of each user's password, never for a message; empty: everybody may.
  std::map<std::string, std::string, std::less<>> users;
  RateLimit rate_limit;
  std::vector<std::filesystem::path> files;  // all that were read, the web configuration first
};

// Reads the file and those that it names, and checks that they belong together. An empty file is
// plain HTTP for everybody. Problems are lines "file:line:column: path: what"; no key and no hash
// is ever part of one.
Result<WebConfig> LoadWebConfig(const std::filesystem::path& file);

// The same check for who needs no values.
Status CheckWebConfig(const std::filesystem::path& file);

// The path of every key there is, as in "tls_server_config.cert_file".
std::vector<std::string> KnownWebKeys();

// Checks the text alone: no file is opened. `file` names it in messages.
Status CheckWebConfigText(const std::filesystem::path& file, std::string_view text);

}  // namespace warden::config
