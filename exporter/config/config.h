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
#include "exporter/config/allowed_targets.h"
#include "exporter/config/backup_config.h"
#include "exporter/config/endpoint.h"
#include "exporter/config/webhook_config.h"

namespace warden::config {

// Files of the client side; all optional. Without `ca_file` the system's roots are trusted.
struct TlsConfig {
  std::filesystem::path ca_file;
  std::filesystem::path cert_file;  // with key_file or not at all
  std::filesystem::path key_file;
  std::string server_name;            // the name to verify instead of the endpoint's host
  bool insecure_skip_verify = false;  // the server's certificate is not verified at all

  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

struct AuthConfig {
  std::string username;
  Secret password;

  friend bool operator==(const AuthConfig&, const AuthConfig&) = default;
};

// The opt-in comparison of the members' data by their HashKV.
struct HashKvConfig {
  Seconds interval{3600};  // between two checks

  friend bool operator==(const HashKvConfig&, const HashKvConfig&) = default;
};

struct ClusterConfig {
  std::string name;  // [A-Za-z0-9_][A-Za-z0-9_.:-]*, at most 128, unique; label etcd_cluster
  std::vector<Endpoint> endpoints;
  TlsConfig tls;
  // The user that observes, and the one that takes snapshots and hashes, for which etcd wants the
  // role root; a single `auth` stands for both.
  std::optional<AuthConfig> auth;
  std::optional<AuthConfig> backup_auth;
  // Dial every client URL that the member list names besides `endpoints`.
  bool discover = false;
  std::optional<int> expected_members;
  std::optional<HashKvConfig> hashkv;
  std::optional<BackupConfig> backup;
  // What etcd was given as --quota-backend-bytes; used where the server does not say (below 3.6).
  std::optional<std::uint64_t> quota_backend_bytes;

  friend bool operator==(const ClusterConfig&, const ClusterConfig&) = default;
};

struct ScrapeConfig {
  Milliseconds timeout{10'000};      // the most a scrape may take, whatever Prometheus allows
  Milliseconds timeout_offset{500};  // kept back from Prometheus' own timeout for the answer's way
  int max_concurrent = 40;           // scrapes and probes at once; one more is answered with 503
};

// How a target that Prometheus names is dialled.
struct ProbeModule {
  std::string name;      // as `name` of a cluster; unique
  bool use_tls = false;  // it has a `tls` section, which may be empty
  TlsConfig tls;
  std::optional<AuthConfig> auth;

  friend bool operator==(const ProbeModule&, const ProbeModule&) = default;
};

// Who may be named as /probe?target=: without this section, nobody.
struct ProbeConfig {
  AllowedTargets allowed_targets;
  std::vector<ProbeModule> modules;  // at least one

  friend bool operator==(const ProbeConfig&, const ProbeConfig&) = default;
};

// The part of the HTTP API that changes something; without this section there is none.
struct ApiConfig {
  Secret bearer_token;
};

struct Config {
  std::vector<ClusterConfig> clusters;  // at least one
  ScrapeConfig scrape;
  std::optional<WebhookConfig> webhook;
  std::optional<ApiConfig> api;
  std::optional<ProbeConfig> probe;

  // The cluster of that name, or nullptr.
  const ClusterConfig* FindCluster(std::string_view name) const;
};

// A configuration that passed every check; only Load makes one, so that no check can be skipped.
class ValidConfig {
 public:
  const Config& operator*() const { return config_; }
  const Config* operator->() const { return &config_; }

  // The file as it was read, to tell whether it has changed since.
  const std::string& text() const { return text_; }
  // The same as YAML for people, without comments and with secrets masked.
  const std::string& shown() const { return shown_; }

 private:
  friend class Loader;
  ValidConfig(Config config, std::string text, std::string shown)
      : config_(std::move(config)), text_(std::move(text)), shown_(std::move(shown)) {}
  Config config_;
  std::string text_;
  std::string shown_;
};

// Reads and checks the file and every file it names (certificates, keys, passwords, tokens;
// relative paths are relative to the file's directory). Every error found is a line of the message:
// "file:line:column: path: what is wrong". Nothing is created or dialled.
Result<ValidConfig> Load(const std::filesystem::path& file);

// Checks one set of TLS files as Load does; for the command line's flags.
Status CheckTls(const TlsConfig& tls);

}  // namespace warden::config
