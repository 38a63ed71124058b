#include <map>

#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr int kMembersMax = 1000;
constexpr Seconds kHashIntervalMin{60};

void ReadClusterTls(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  ReadTls(reading, node, cluster.tls);
}

// clusters[].auth: one user for everything, or one for each purpose.

struct ClusterAuth {
  AuthConfig both{{}, Secret::Literal({})};
  std::optional<AuthConfig> monitor;
  std::optional<AuthConfig> backup;
};

constexpr Field<ClusterAuth> kClusterAuthFields[] = {
    {"username", false,
     [](Reading& reading, const TreeNode& node, ClusterAuth& auth) {
       ReadTextInto(reading, node, auth.both.username);
     }},
    {"password_file", false,
     [](Reading& reading, const TreeNode& node, ClusterAuth& auth) {
       ReadSecretInto(reading, node, auth.both.password);
     }},
    {"monitor", false,
     [](Reading& reading, const TreeNode& node, ClusterAuth& auth) {
       auth.monitor = ReadAuth(reading, node);
     }},
    {"backup", false,
     [](Reading& reading, const TreeNode& node, ClusterAuth& auth) {
       auth.backup = ReadAuth(reading, node);
     }},
};

void ReadClusterAuth(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  ClusterAuth auth;
  ReadMapping(reading, node, kClusterAuthFields, auth);
  if (node.kind != Kind::kMapping) return;
  const bool has_username = node.Find("username") != nullptr;
  const bool has_password = node.Find("password_file") != nullptr;
  if (auth.monitor || auth.backup) {
    if (has_username || has_password) {
      reading.Fail(node,
                   "mixes one user with several; write {username, password_file} for one user, or "
                   "monitor: {username, password_file} and backup: {username, password_file}");
    }
    cluster.auth = std::move(auth.monitor);
    cluster.backup_auth = std::move(auth.backup);
    return;
  }
  if (!has_username) {
    reading.problems.Add(node.at, PathOf(node, "username"), "is required");
  }
  if (!has_password) {
    reading.problems.Add(node.at, PathOf(node, "password_file"), "is required");
  }
  cluster.auth = std::move(auth.both);
}

// clusters[].hashkv

constexpr Field<HashKvConfig> kHashKvFields[] = {
    {"interval", false,
     [](Reading& reading, const TreeNode& node, HashKvConfig& hashkv) {
       const auto interval = ReadSeconds(reading, node);
       if (!interval) return;
       if (*interval < kHashIntervalMin) {
         reading.Fail(node, "must be 1m or more, since each check holds up every member's writes");
       }
       hashkv.interval = *interval;
     }},
};

void ReadHashKv(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  ReadMapping(reading, node, kHashKvFields, cluster.hashkv.emplace());
}

// clusters[]

void ReadClusterName(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  if (auto name = ReadName(reading, node)) cluster.name = *std::move(name);
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
    {"name", true, ReadClusterName},
    {"endpoints", true, ReadEndpoints},
    {"discover", false,
     [](Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
       cluster.discover = ReadFlag(reading, node).value_or(false);
     }},
    {"expected_members", false,
     [](Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
       cluster.expected_members = ReadNumber(reading, node, 1, kMembersMax);
     }},
    {"tls", false, ReadClusterTls},
    {"auth", false, ReadClusterAuth},
    {"hashkv", false, ReadHashKv},
    {"backup", false, ReadBackup},
    {"quota_backend_bytes", false, ReadQuota},
};

void ReadCluster(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  ReadMapping(reading, node, kClusterFields, cluster);
  const TreeNode* tls = node.Find("tls");
  // A discovered URL may be https:// where no configured one is.
  if (tls == nullptr || cluster.endpoints.empty() || cluster.discover) return;
  const auto is_tls = [](const Endpoint& endpoint) { return endpoint.tls; };
  if (std::none_of(cluster.endpoints.begin(), cluster.endpoints.end(), is_tls)) {
    reading.problems.Add(tls->key_at, PathOf(*tls),
                         "would be ignored, for no endpoint is https:// or unixs://");
  }
}

// Whether the path is the directory, or below it.
bool IsInside(const std::filesystem::path& path, const std::filesystem::path& directory) {
  const auto [end, ignored] =
      std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return !directory.empty() && end == directory.end();
}

// Copies of two clusters, or two kinds of copies, in one directory could not be told apart.
void CheckRemotes(Reading& reading, const TreeNode& backup, const std::filesystem::path& directory,
                  const std::vector<DestinationConfig>& destinations,
                  std::map<std::string, const TreeNode*>& copied) {
  const TreeNode* list = backup.Find("destinations");
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    const TreeNode* remote = list->children[i].Find("remote");
    if (remote == nullptr || destinations[i].remote.empty()) continue;
    if (IsInside(destinations[i].remote, directory) ||
        IsInside(directory, destinations[i].remote)) {
      reading.Fail(*remote,
                   "and the backup directory are one inside the other; copies need a place "
                   "of their own");
      continue;
    }
    const auto [first, is_new] = copied.emplace(destinations[i].remote, remote);
    if (!is_new) {
      reading.Fail(*remote, "is already " + PathOf(*first->second) +
                                "; each cluster and destination needs a place of its own");
    }
  }
}

}  // namespace

void ReadClusters(Reading& reading, const TreeNode& node, Config& config) {
  if (!Expect(reading, node, Kind::kList)) return;
  std::map<std::string, const TreeNode*> named;
  std::map<std::filesystem::path, const TreeNode*> stored;
  std::map<std::string, const TreeNode*> copied;
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
    if (cluster.backup)
      CheckRemotes(reading, *child.Find("backup"), cluster.backup->directory,
                   cluster.backup->destinations, copied);
  }
}

void AppendClusterKeys(std::vector<std::string>& keys) {
  AppendKeys(keys, "clusters[].", kClusterFields);
  AppendTlsKeys(keys, "clusters[].tls.");
  AppendKeys(keys, "clusters[].auth.", kClusterAuthFields);
  AppendAuthKeys(keys, "clusters[].auth.monitor.");
  AppendAuthKeys(keys, "clusters[].auth.backup.");
  AppendKeys(keys, "clusters[].hashkv.", kHashKvFields);
  AppendBackupKeys(keys, "clusters[].backup.");
}

}  // namespace warden::config
