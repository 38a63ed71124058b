#include "exporter/cli/connection.h"

#include <algorithm>

#include "exporter/base/text.h"

namespace warden::cli {

Result<const config::ClusterConfig*> ChooseCluster(const config::Config& config,
                                                   const std::string& name) {
  if (name.empty() && config.clusters.size() == 1) return &config.clusters.front();
  if (const config::ClusterConfig* cluster = config.FindCluster(name)) return cluster;
  std::vector<std::string> names;
  for (const config::ClusterConfig& cluster : config.clusters) names.push_back(cluster.name);
  return Status(Code::kInvalidArgument,
                (name.empty() ? "--cluster is needed" : "--cluster " + name + ": no such cluster") +
                    "; the file has " + Join(names, ", "));
}

void ConnectionFlags::Declare(CLI::App& app, const std::string& default_timeout) {
  app_ = &app;
  timeout_ = default_timeout;
  by_hand_.push_back(
      app.add_option("--endpoints", endpoints_, "Endpoints of the cluster, separated by commas")
          ->delimiter(',')
          ->envname("ETCDCTL_ENDPOINTS"));
  const auto add = [&](const char* name, std::string& value, const char* help,
                       const char* variable) {
    by_hand_.push_back(app.add_option(name, value, help)->envname(variable));
  };
  add("--cacert", ca_cert_, "CA that signed the servers' certificates", "ETCDCTL_CACERT");
  add("--cert", cert_, "Client certificate", "ETCDCTL_CERT");
  add("--key", key_, "Key of the client certificate", "ETCDCTL_KEY");
  add("--user", user_, "User, as name:password or with --password", "ETCDCTL_USER");
  add("--password", password_, "Password of --user", "ETCDCTL_PASSWORD");
  app.add_option("--command-timeout", timeout_, "How long the command may take, such as 30s or 5m")
      ->capture_default_str();
  app.add_option("--config.file", config_file_, "Take the cluster from this configuration file");
  app.add_option("--cluster", cluster_, "Name of the cluster in --config.file, if it has several");
}

Result<ConnectionFlags::Target> ConnectionFlags::Resolve(const Clock& clock) const {
  WARDEN_ASSIGN_OR_RETURN(etcd::ClusterOptions options, Options());
  WARDEN_ASSIGN_OR_RETURN(Deadline deadline, MakeDeadline(clock));
  return Target{.options = std::move(options), .deadline = std::move(deadline)};
}

Result<etcd::ClusterOptions> ConnectionFlags::Options() const {
  if (config_file_.empty()) {
    if (!cluster_.empty()) return Status(Code::kInvalidArgument, "--cluster needs --config.file");
    return FromFlags();
  }
  // The parse order holds what was written on the command line, and not the environment.
  for (const CLI::Option* option : app_->parse_order()) {
    if (std::find(by_hand_.begin(), by_hand_.end(), option) == by_hand_.end()) continue;
    return Status(Code::kInvalidArgument,
                  option->get_name() + " contradicts --config.file, which says what to dial");
  }
  return FromFile();
}

Result<Deadline> ConnectionFlags::MakeDeadline(const Clock& clock) const {
  Result<Milliseconds> timeout = ParseDuration(timeout_);
  if (!timeout.ok()) return std::move(timeout).WithContext("--command-timeout").error();
  if (timeout->count() == 0) {
    return Status(Code::kInvalidArgument, "--command-timeout: must be more than 0");
  }
  return Deadline{.at = clock.Steady() + *timeout, .stop = {}};
}

Result<etcd::ClusterOptions> ConnectionFlags::FromFile() const {
  WARDEN_ASSIGN_OR_RETURN(const config::ValidConfig file, config::Load(config_file_));
  WARDEN_ASSIGN_OR_RETURN(const config::ClusterConfig* cluster, ChooseCluster(*file, cluster_));
  return etcd::ClusterOptions{.endpoints = cluster->endpoints,
                              .tls = cluster->tls,
                              .auth = cluster->auth,
                              .backup_auth = cluster->backup_auth};
}

Result<etcd::ClusterOptions> ConnectionFlags::FromFlags() const {
  etcd::ClusterOptions options;
  options.tls = {.ca_file = ca_cert_, .cert_file = cert_, .key_file = key_, .server_name = {}};
  WARDEN_RETURN_IF_ERROR(config::CheckTls(options.tls));
  // As etcdctl does: an endpoint without a scheme is dialled with TLS if TLS files are given.
  const bool prefer_tls = !ca_cert_.empty() || !cert_.empty();
  const std::vector<std::string> urls =
      endpoints_.empty() ? std::vector<std::string>{"127.0.0.1:2379"} : endpoints_;
  for (const std::string& url : urls) {
    const bool bare = url.find("://") == std::string::npos;
    Result<config::Endpoint> endpoint =
        config::ParseEndpoint(bare && prefer_tls ? "https://" + url : url);
    if (!endpoint.ok()) return std::move(endpoint).WithContext("--endpoints").error();
    options.endpoints.push_back(*std::move(endpoint));
  }
  if (user_.empty()) return options;
  const std::size_t colon = user_.find(':');
  const std::string password = colon == std::string::npos ? password_ : user_.substr(colon + 1);
  if (password.empty()) {
    return Status(Code::kInvalidArgument,
                  "--user: no password; write name:password or add --password");
  }
  options.auth =
      config::AuthConfig{.username = user_.substr(0, colon), .password = Secret::Literal(password)};
  return options;
}

}  // namespace warden::cli
