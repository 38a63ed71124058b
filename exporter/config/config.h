// The configuration as values. deploy/CONFIG.md describes every key for operators.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/base/secret.h"
#include "exporter/config/endpoint.h"
#include "exporter/config/matcher.h"

namespace warden::config {

// Files of the client side; all optional. Without `ca_file` the system's roots are trusted.
struct TlsConfig {
  std::filesystem::path ca_file;
  std::filesystem::path cert_file;  // with key_file or not at all
  std::filesystem::path key_file;
  std::string server_name;  // the name to verify instead of the endpoint's host
};

struct AuthConfig {
  std::string username;
  Secret password;
};

struct BackupConfig {
  std::filesystem::path directory;
  std::optional<Seconds> objective;  // the age that the newest verified backup may reach
};

struct ClusterConfig {
  std::string name;  // [A-Za-z0-9_][A-Za-z0-9_.:-]*, at most 128, unique; label etcd_cluster
  std::vector<Endpoint> endpoints;
  TlsConfig tls;
  std::optional<AuthConfig> auth;
  std::optional<BackupConfig> backup;
  // What etcd was given as --quota-backend-bytes; used where the server does not say (below 3.6).
  std::optional<std::uint64_t> quota_backend_bytes;
};

struct ScrapeConfig {
  Milliseconds timeout{10'000};      // the most a scrape may take, whatever Prometheus allows
  Milliseconds timeout_offset{500};  // kept back from Prometheus' own timeout for the answer's way
};

enum class RuleAction { kSnapshot };

struct WebhookRule {
  std::vector<Matcher> match;  // all must match
  RuleAction action = RuleAction::kSnapshot;
  Seconds cooldown{15 * 60};  // per rule and cluster, since the last job that the rule asked for
};

struct WebhookConfig {
  Secret bearer_token;
  std::string cluster_label = "etcd_cluster";
  std::vector<WebhookRule> rules;  // the first that matches decides
};

struct Config {
  std::vector<ClusterConfig> clusters;  // at least one
  ScrapeConfig scrape;
  std::optional<WebhookConfig> webhook;

  // The cluster of that name, or nullptr.
  const ClusterConfig* FindCluster(std::string_view name) const;
};

// A configuration that passed every check; only Load makes one, so that no check can be skipped.
class ValidConfig {
 public:
  const Config& operator*() const { return config_; }
  const Config* operator->() const { return &config_; }

 private:
  friend class Loader;
  explicit ValidConfig(Config config) : config_(std::move(config)) {}
  Config config_;
};

// Reads and checks the file and every file it names (certificates, keys, passwords, tokens;
// relative paths are relative to the file's directory). Every error found is a line of the message:
// "file:line:column: path: what is wrong". Nothing is created or dialled.
Result<ValidConfig> Load(const std::filesystem::path& file);

// Checks one set of TLS files as Load does; for the command line's flags.
Status CheckTls(const TlsConfig& tls);

}  // namespace warden::config
