#include "exporter/app/targets.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "exporter/base/text.h"

namespace warden::app {
namespace {

// "host:port" in its two parts; an IPv6 address without its brackets.
struct HostPort {
  std::string host;
  std::string port;
};

Result<HostPort> SplitTarget(const std::string& target) {
  // A scheme would contradict the module, which says whether to use TLS.
  if (target.find("://") != std::string::npos) {
    return Status(Code::kInvalidArgument,
                  "target: write host:port without a scheme; the module says whether to use TLS");
  }
  WARDEN_RETURN_IF_ERROR(config::ParseEndpoint(target).status().WithContext("target"));
  const std::size_t colon = target.rfind(':');
  HostPort parts{.host = target.substr(0, colon), .port = target.substr(colon + 1)};
  if (parts.host.starts_with('[')) parts.host = parts.host.substr(1, parts.host.size() - 2);
  return parts;
}

std::string Bracketed(const IpAddress& address) {
  const std::string text = FormatIpAddress(address);
  return text.find(':') == std::string::npos ? text : "[" + text + "]";
}

}  // namespace

Target::Target(const config::ClusterConfig& config, const Env& env)
    : runtime(config,
              etcd::MakeCluster({.endpoints = config.endpoints,
                                 .tls = config.tls,
                                 .auth = config.auth,
                                 .backup_auth = {},
                                 .on_token_refresh = {}},
                                env.clock),
              env, instruments, nullptr, nullptr) {}

Targets::Targets(config::ProbeConfig config, Resolver& resolver, const Env& env)
    : config_(std::move(config)), resolver_(resolver), env_(env) {}

Result<const config::ProbeModule*> Targets::FindModule(const std::string& name) const {
  const auto found =
      std::find_if(config_.modules.begin(), config_.modules.end(),
                   [&](const config::ProbeModule& module) { return module.name == name; });
  if (found != config_.modules.end()) return &*found;
  std::vector<std::string> names;
  for (const config::ProbeModule& module : config_.modules) names.push_back(module.name);
  return Status(Code::kInvalidArgument,
                (name.empty() ? "module is needed with target"
                              : "no module \"" + ToSingleLine(name, 64) + "\"") +
                    "; the configuration has " + Join(names, ", "));
}

Status Targets::NotAllowed(const std::string& target, std::string_view reason) const {
  env_.log.Log(LogLevel::kDebug, "target not allowed", {{"target", target}, {"reason", reason}});
  return {Code::kPermissionDenied,
          "target " + target + ": probe.allowed_targets does not allow it"};
}

Result<IpAddress> Targets::LookUp(const std::string& target, const std::string& host,
                                  SteadyTime deadline) const {
  const config::AllowedTargets& allowed = config_.allowed_targets;
  if (!allowed.HasNetworks())
    return NotAllowed(target, "the name is not listed, and no network is");
  const auto addresses = resolver_.Resolve(host, deadline);
  if (!addresses.ok() && addresses.error().code() != Code::kNotFound) {
    env_.log.Log(LogLevel::kDebug, "target could not be looked up",
                 {{"target", target}, {"error", addresses.error()}});
    return Status(addresses.error().code(),
                  "target " + target + ": its name could not be looked up now; try again");
  }
  if (!addresses.ok()) return NotAllowed(target, addresses.error().message());
  // All of them: a name that also stands for other addresses is not wholly the operator's.
  for (const IpAddress& address : *addresses) {
    if (allowed.AllowsAddress(address)) continue;
    return NotAllowed(
        target, "neither the name nor its address " + FormatIpAddress(address) + " is listed");
  }
  return addresses->front();
}

Result<config::ClusterConfig> Targets::Resolve(const std::string& target,
                                               const config::ProbeModule& module,
                                               SteadyTime deadline) const {
  WARDEN_ASSIGN_OR_RETURN(const HostPort parts, SplitTarget(target));
  config::ClusterConfig config{.name = target,
                               .endpoints = {},
                               .tls = module.tls,
                               .auth = module.auth,
                               .backup_auth = {},
                               .discover = false,
                               .expected_members = {},
                               .hashkv = {},
                               .backup = {},
                               .quota_backend_bytes = {}};
  std::string dialled = target;
  const Result<IpAddress> literal = ParseIpAddress(parts.host);
  if (literal.ok()) {
    if (!config_.allowed_targets.AllowsAddress(*literal)) {
      return NotAllowed(target, "no such address is listed");
    }
  } else if (!config_.allowed_targets.AllowsName(parts.host)) {
    WARDEN_ASSIGN_OR_RETURN(const IpAddress address, LookUp(target, parts.host, deadline));
    dialled = Bracketed(address) + ":" + parts.port;
    // The certificate is still that of the name.
    if (config.tls.server_name.empty()) config.tls.server_name = parts.host;
  }
  const std::string scheme = module.use_tls ? "https://" : "http://";
  WARDEN_ASSIGN_OR_RETURN(config::Endpoint endpoint, config::ParseEndpoint(scheme + dialled));
  endpoint.url = scheme + target;
  config.endpoints.push_back(std::move(endpoint));
  return config;
}

Result<std::shared_ptr<Target>> Targets::Find(const std::string& target, const std::string& module,
                                              SteadyTime deadline) {
  WARDEN_ASSIGN_OR_RETURN(const config::ProbeModule* const found, FindModule(module));
  WARDEN_ASSIGN_OR_RETURN(const config::ClusterConfig config, Resolve(target, *found, deadline));
  const auto key = std::pair(found->name, target + " " + config.endpoints.front().target);
  const SteadyTime now = env_.clock.Steady();
  // Outlives the lock: the end of a connection waits for the calls on it.
  std::vector<std::shared_ptr<Target>> dropped;
  {
    MutexLock lock(mutex_);
    if (const auto known = entries_.find(key); known != entries_.end()) {
      known->second.last_used = now;
      return known->second.target;
    }
  }
  std::shared_ptr<Target> dialled = std::make_shared<Target>(config, env_);
  MutexLock lock(mutex_);
  const auto [entry, is_new] = entries_.try_emplace(key, Entry{dialled, now});
  if (!is_new) dropped.push_back(std::move(dialled));  // another request was faster
  std::shared_ptr<Target> result = entry->second.target;
  for (auto each = entries_.begin(); each != entries_.end();) {
    if (now - each->second.last_used <= kIdleMax) {
      ++each;
      continue;
    }
    dropped.push_back(std::move(each->second.target));
    each = entries_.erase(each);
  }
  if (entries_.size() > kTargetsMax) {
    const auto oldest = std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; });
    dropped.push_back(std::move(oldest->second.target));
    entries_.erase(oldest);
  }
  return result;
}

}  // namespace warden::app
