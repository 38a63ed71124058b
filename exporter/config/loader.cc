#include "exporter/config/loader.h"

#include <map>

#include "exporter/base/files.h"
#include "exporter/base/text.h"
#include "exporter/base/x509.h"

namespace warden::config {
namespace {

constexpr std::size_t kNameBytesMax = 128;
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

std::string Quoted(std::string_view text) {
  return "\"" + ToSingleLine(text, 64) + "\"";
}

bool HasOnly(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kLetters.find(c) != std::string_view::npos ||
           kDigits.find(c) != std::string_view::npos || extra.find(c) != std::string_view::npos;
  });
}

void ReadTextInto(Reading& reading, const TreeNode& node, std::string& into) {
  if (auto text = ReadText(reading, node)) into = *std::move(text);
}

void ReadPathInto(Reading& reading, const TreeNode& node, std::filesystem::path& into) {
  if (auto path = ReadPath(reading, node)) into = *std::move(path);
}

void ReadSecretInto(Reading& reading, const TreeNode& node, Secret& into) {
  const auto path = ReadPath(reading, node);
  if (!path) return;
  into = Secret::File(*path);
  if (reading.check_files) reading.Check(node, into.Read().status());
}

// clusters[].tls

constexpr Field<TlsConfig> kTlsFields[] = {
    {"ca_file", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       ReadPathInto(reading, node, tls.ca_file);
       if (reading.check_files && !tls.ca_file.empty()) {
         reading.Check(node, CheckCertificateFile(tls.ca_file));
       }
     }},
    {"cert_file", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       ReadPathInto(reading, node, tls.cert_file);
     }},
    {"key_file", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       ReadPathInto(reading, node, tls.key_file);
     }},
    {"server_name", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       ReadTextInto(reading, node, tls.server_name);
     }},
};

void ReadTls(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  TlsConfig& tls = cluster.tls;
  ReadMapping(reading, node, kTlsFields, tls);
  const TreeNode* cert = node.Find("cert_file");
  const TreeNode* key = node.Find("key_file");
  if (cert == nullptr && key == nullptr) return;
  if (key == nullptr) {
    reading.problems.Add(cert->at, PathOf(node, "key_file"), "is required with cert_file");
  } else if (cert == nullptr) {
    reading.problems.Add(key->at, PathOf(node, "cert_file"), "is required with key_file");
  } else if (reading.check_files && !tls.cert_file.empty() && !tls.key_file.empty()) {
    reading.Check(*cert, CheckKeyPair(tls.cert_file, tls.key_file));
  }
}

// clusters[].auth

constexpr Field<AuthConfig> kAuthFields[] = {
    {"username", true,
     [](Reading& reading, const TreeNode& node, AuthConfig& auth) {
       ReadTextInto(reading, node, auth.username);
     }},
    {"password_file", true,
     [](Reading& reading, const TreeNode& node, AuthConfig& auth) {
       ReadSecretInto(reading, node, auth.password);
     }},
};

void ReadAuth(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  cluster.auth = AuthConfig{{}, Secret::Literal({})};
  ReadMapping(reading, node, kAuthFields, *cluster.auth);
}

// clusters[].backup

constexpr Field<BackupConfig> kBackupFields[] = {
    {"directory", true,
     [](Reading& reading, const TreeNode& node, BackupConfig& backup) {
       ReadPathInto(reading, node, backup.directory);
     }},
    {"objective", false,
     [](Reading& reading, const TreeNode& node, BackupConfig& backup) {
       backup.objective = ReadSeconds(reading, node);
       if (backup.objective == Seconds(0)) reading.Fail(node, "must be greater than zero");
     }},
};

void ReadBackup(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  ReadMapping(reading, node, kBackupFields, cluster.backup.emplace());
}

// clusters[]

void ReadName(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  const auto name = ReadText(reading, node);
  if (!name) return;
  if (name->size() > kNameBytesMax) {
    reading.Fail(node, "is longer than " + std::to_string(kNameBytesMax) + " characters");
  } else if (!HasOnly(*name, "_.:-") || !HasOnly(name->substr(0, 1), "_")) {
    reading.Fail(node, Quoted(*name) +
                           " is no name; use letters, digits, _ . : and -, starting with a letter, "
                           "a digit or _");
  } else {
    cluster.name = *name;
  }
}

void ReadEndpoints(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  if (!Expect(reading, node, Kind::kList)) return;
  std::map<std::string, std::size_t> first_with;  // target -> index
  for (const TreeNode& child : node.children) {
    const auto url = ReadText(reading, child);
    if (!url) continue;
    const Result<Endpoint> endpoint = ParseEndpoint(*url);
    if (!reading.Check(child, endpoint.status())) continue;
    const auto [first, is_new] = first_with.emplace(endpoint->target, child.index);
    if (!is_new) {
      reading.Fail(child, "same endpoint as " + PathOf(node.children[first->second]));
      continue;
    }
    cluster.endpoints.push_back(*endpoint);
  }
}

void ReadQuota(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  cluster.quota_backend_bytes = ReadBytes(reading, node);
  if (cluster.quota_backend_bytes == 0) {
    reading.Fail(node, "must be greater than zero; leave the key out if the quota is unknown");
  }
}

constexpr Field<ClusterConfig> kClusterFields[] = {
    {"name", true, ReadName},      {"endpoints", true, ReadEndpoints},
    {"tls", false, ReadTls},       {"auth", false, ReadAuth},
    {"backup", false, ReadBackup}, {"quota_backend_bytes", false, ReadQuota},
};

void ReadCluster(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  ReadMapping(reading, node, kClusterFields, cluster);
  const TreeNode* tls = node.Find("tls");
  if (tls == nullptr || cluster.endpoints.empty()) return;
  const auto is_tls = [](const Endpoint& endpoint) { return endpoint.tls; };
  if (std::none_of(cluster.endpoints.begin(), cluster.endpoints.end(), is_tls)) {
    reading.problems.Add(tls->key_at, PathOf(*tls),
                         "would be ignored, for no endpoint is https:// or unixs://");
  }
}

void ReadClusters(Reading& reading, const TreeNode& node, Config& config) {
  if (!Expect(reading, node, Kind::kList)) return;
  std::map<std::string, const TreeNode*> named;
  std::map<std::filesystem::path, const TreeNode*> stored;
  for (const TreeNode& child : node.children) {
    ClusterConfig& cluster = config.clusters.emplace_back();
    ReadCluster(reading, child, cluster);
    if (!cluster.name.empty()) {
      const auto [first, is_new] = named.emplace(cluster.name, &child);
      if (!is_new) {
        reading.Fail(*child.Find("name"),
                     Quoted(cluster.name) + " is already the name of " + PathOf(*first->second));
      }
    }
    if (cluster.backup && !cluster.backup->directory.empty()) {
      const TreeNode& directory = *child.Find("backup")->Find("directory");
      const auto [first, is_new] = stored.emplace(cluster.backup->directory, &child);
      if (!is_new) {
        reading.Fail(directory, "is already the directory of " + PathOf(*first->second) +
                                    "; each cluster needs its own");
      }
    }
  }
}

// scrape

constexpr Field<ScrapeConfig> kScrapeFields[] = {
    {"timeout", false,
     [](Reading& reading, const TreeNode& node, ScrapeConfig& scrape) {
       const auto timeout = ReadDuration(reading, node);
       if (timeout == Milliseconds(0)) {
         reading.Fail(node, "must be greater than zero");
       } else if (timeout) {
         scrape.timeout = *timeout;
       }
     }},
    {"timeout_offset", false,
     [](Reading& reading, const TreeNode& node, ScrapeConfig& scrape) {
       if (const auto offset = ReadDuration(reading, node)) scrape.timeout_offset = *offset;
     }},
};

void ReadScrape(Reading& reading, const TreeNode& node, Config& config) {
  ReadMapping(reading, node, kScrapeFields, config.scrape);
  if (config.scrape.timeout_offset < config.scrape.timeout) return;
  const TreeNode* offset = node.Find("timeout_offset");
  const TreeNode* timeout = node.Find("timeout");
  const TreeNode* culprit = offset != nullptr ? offset : timeout;
  reading.Fail(culprit == nullptr ? node : *culprit,
               "timeout_offset (" + FormatDuration(config.scrape.timeout_offset) +
                   ") must be smaller than timeout (" + FormatDuration(config.scrape.timeout) +
                   ")");
}

// webhook.rules[]

void ReadMatch(Reading& reading, const TreeNode& node, WebhookRule& rule) {
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    const auto text = ReadText(reading, child);
    if (!text) continue;
    const Result<Matcher> matcher = Matcher::Parse(*text);
    if (reading.Check(child, matcher.status())) rule.match.push_back(*matcher);
  }
}

void ReadAction(Reading& reading, const TreeNode& node, WebhookRule& rule) {
  const auto text = ReadText(reading, node);
  if (!text) return;
  if (*text == "snapshot") {
    rule.action = RuleAction::kSnapshot;
  } else {
    reading.Fail(node, Quoted(*text) + " is no action; known: snapshot");
  }
}

constexpr Field<WebhookRule> kRuleFields[] = {
    {"match", true, ReadMatch},
    {"action", false, ReadAction},
    {"cooldown", false,
     [](Reading& reading, const TreeNode& node, WebhookRule& rule) {
       if (const auto cooldown = ReadSeconds(reading, node)) rule.cooldown = *cooldown;
     }},
};

// webhook

void ReadToken(Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
  ReadSecretInto(reading, node, webhook.bearer_token);
}

void ReadClusterLabel(Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
  const auto label = ReadText(reading, node);
  if (!label) return;
  if (HasOnly(*label, "_") && kDigits.find(label->front()) == std::string_view::npos) {
    webhook.cluster_label = *label;
  } else {
    reading.Fail(node, Quoted(*label) +
                           " is no label name; use letters, digits and _, starting "
                           "with a letter or _");
  }
}

void ReadRules(Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    ReadMapping(reading, child, kRuleFields, webhook.rules.emplace_back());
  }
}

constexpr Field<WebhookConfig> kWebhookFields[] = {
    {"bearer_token_file", true, ReadToken},
    {"cluster_label", false, ReadClusterLabel},
    {"rules", true, ReadRules},
};

void ReadWebhook(Reading& reading, const TreeNode& node, Config& config) {
  config.webhook = WebhookConfig{.bearer_token = Secret::Literal({}), .rules = {}};
  ReadMapping(reading, node, kWebhookFields, *config.webhook);
}

// top level

constexpr Field<Config> kTopFields[] = {
    {"clusters", true, ReadClusters},
    {"scrape", false, ReadScrape},
    {"webhook", false, ReadWebhook},
};

Config ReadConfig(Reading& reading, std::string_view text) {
  Config config;
  const std::unique_ptr<const TreeNode> root = ReadYaml(text, reading.problems);
  if (root == nullptr) return config;
  ReadMapping(reading, *root, kTopFields, config);
  const TreeNode* webhook = root->Find("webhook");
  const bool stores =
      std::any_of(config.clusters.begin(), config.clusters.end(),
                  [](const ClusterConfig& each) { return each.backup.has_value(); });
  if (webhook != nullptr && !config.clusters.empty() && !stores) {
    reading.problems.Add(webhook->key_at, PathOf(*webhook),
                         "could not store a snapshot, for no cluster has a backup directory");
  }
  return config;
}

template <typename T, std::size_t kSize>
void Append(std::vector<std::string>& keys, std::string_view prefix,
            const Field<T> (&fields)[kSize]) {
  for (const Field<T>& field : fields) {
    keys.push_back(std::string(prefix) + std::string(field.key));
  }
}

}  // namespace

Reading Loader::MakeReading(bool check_files) const {
  std::error_code ignored;  // leaves an empty, hence relative, directory if there is no current one
  return {std::filesystem::absolute(file_, ignored).parent_path(), check_files, {}};
}

Result<ValidConfig> Loader::Load() const {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, PosixFiles().ReadAll(file_, kFileBytesMax));
  Reading reading = MakeReading(true);
  Config config = ReadConfig(reading, text);
  WARDEN_RETURN_IF_ERROR(reading.problems.ToStatus(file_.string()));
  return ValidConfig(std::move(config));
}

Status Loader::CheckText(std::string_view text) const {
  Reading reading = MakeReading(false);
  ReadConfig(reading, text);
  return reading.problems.ToStatus(file_.string());
}

std::vector<std::string> KnownKeys() {
  std::vector<std::string> keys;
  Append(keys, "", kTopFields);
  Append(keys, "clusters[].", kClusterFields);
  Append(keys, "clusters[].tls.", kTlsFields);
  Append(keys, "clusters[].auth.", kAuthFields);
  Append(keys, "clusters[].backup.", kBackupFields);
  Append(keys, "scrape.", kScrapeFields);
  Append(keys, "webhook.", kWebhookFields);
  Append(keys, "webhook.rules[].", kRuleFields);
  return keys;
}

Result<ValidConfig> Load(const std::filesystem::path& file) {
  return Loader(file).Load();
}

}  // namespace warden::config
