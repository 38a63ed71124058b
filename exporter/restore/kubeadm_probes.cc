#include "exporter/restore/kubeadm_probes.h"

#include <charconv>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "exporter/base/environment.h"
#include "exporter/base/process.h"
#include "exporter/base/tcp_probe.h"
#include "exporter/base/text.h"
#include "exporter/config/endpoint.h"
#include "exporter/etcd/cluster.h"

namespace warden::restore {
namespace {

constexpr Seconds kConnectMax{2};
constexpr Seconds kHealthMax{3};
constexpr Seconds kClusterMax{1};
constexpr Seconds kCrictlMax{10};
constexpr std::size_t kCrictlBytesMax = 64 * 1024;

struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};

// Of gRPC's name for an address: "dns:///host:2379", "ipv4:10.0.0.1:2379", "ipv6:[::1]:2379".
Result<HostAndPort> ParseAddress(const std::string& address) {
  WARDEN_ASSIGN_OR_RETURN(const config::Endpoint endpoint, config::ParseEndpoint(address));
  std::string_view target = endpoint.target;
  if (target.starts_with("unix:")) {
    return Status(Code::kUnimplemented, address + ": whether a socket is in use is not known here");
  }
  target.remove_prefix(target.find(':') + 1);
  if (target.starts_with("///")) target.remove_prefix(3);
  const std::size_t colon = target.rfind(':');
  std::string_view host = target.substr(0, colon);
  const std::string_view digits = target.substr(colon + 1);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  HostAndPort parsed{.host = std::string(host), .port = 0};
  std::from_chars(digits.data(), digits.data() + digits.size(), parsed.port);
  return parsed;
}

class MachineProbes final : public NodeProbes {
 public:
  MachineProbes(const config::TlsConfig& tls, const std::string& crictl, const Clock& clock)
      : tls_(tls), crictl_(crictl), clock_(clock), resolver_(clock) {}

  Result<bool> Listens(const std::string& address, const std::stop_token& stop) override {
    WARDEN_ASSIGN_OR_RETURN(const HostAndPort where, ParseAddress(address));
    return AcceptsTcp(resolver_, where.host, where.port, Until(kConnectMax, stop));
  }

  Result<std::optional<std::vector<std::string>>> Containers(const std::string& name,
                                                             const std::stop_token& stop) override {
    const auto program = crictl_.empty() ? std::nullopt : FindProgram(crictl_);
    if (!program) return std::optional<std::vector<std::string>>();
    std::string output;
    // The name is a pattern: "etcd" would be "etcd-warden", too.
    const Command command{.argv = {program->string(), "ps", "--name", "^" + name + "$", "--quiet"},
                          .environment = {},
                          .source = nullptr,
                          .sink = [&](std::span<const std::byte> bytes) -> Status {
                            output.append(reinterpret_cast<const char*>(bytes.data()),
                                          bytes.size());
                            if (output.size() <= kCrictlBytesMax) return {};
                            return Status(Code::kResourceExhausted, "crictl says too much");
                          }};
    WARDEN_ASSIGN_OR_RETURN(const Ended ended, RunProgram(command, Until(kCrictlMax, stop)));
    WARDEN_RETURN_IF_ERROR(ended.ToStatus());
    std::vector<std::string> ids;
    for (const std::string_view line : Split(output, '\n')) {
      if (!Trim(line).empty()) ids.emplace_back(Trim(line));
    }
    return std::optional(std::move(ids));
  }

  Status CanCheckHealth(const std::string& client_url) override {
    WARDEN_ASSIGN_OR_RETURN(const config::Endpoint endpoint, config::ParseEndpoint(client_url));
    return endpoint.tls ? config::CheckTls(tls_) : Status();
  }

  Status CheckHealth(const std::string& client_url, const std::stop_token& stop) override {
    WARDEN_ASSIGN_OR_RETURN(etcd::Cluster * cluster, ClusterOf(client_url));
    for (const etcd::EndpointHealth& health : cluster->CheckHealth(Until(kHealthMax, stop))) {
      if (health.error) return etcd::ToStatus(*health.error);
    }
    return {};
  }

  Result<std::uint64_t> ClusterAt(const std::string& client_url,
                                  const std::stop_token& stop) override {
    WARDEN_ASSIGN_OR_RETURN(etcd::Cluster * cluster, ClusterOf(client_url));
    const auto observation = cluster->Observe(Until(kClusterMax, stop));
    const etcd::EndpointView& endpoint = observation->Wait().endpoints.front();
    if (endpoint.status.error) return etcd::ToStatus(*endpoint.status.error);
    return endpoint.status.value->cluster_id;
  }

  void Wait(Milliseconds pause, const std::stop_token& stop) override { Pause(pause, stop); }

 private:
  Deadline Until(Nanoseconds most, const std::stop_token& stop) const {
    return {.at = clock_.Steady() + std::chrono::duration_cast<SteadyTime::duration>(most),
            .stop = stop};
  }

  // Each is kept: a connection that is refused is tried again in the background.
  Result<etcd::Cluster*> ClusterOf(const std::string& client_url) {
    std::unique_ptr<etcd::Cluster>& cluster = clusters_[client_url];
    if (cluster == nullptr) {
      WARDEN_ASSIGN_OR_RETURN(config::Endpoint endpoint, config::ParseEndpoint(client_url));
      etcd::ClusterOptions options;
      if (endpoint.tls) options.tls = tls_;
      options.endpoints.push_back(std::move(endpoint));
      cluster = etcd::MakeCluster(options, clock_);
    }
    return cluster.get();
  }

  const config::TlsConfig tls_;
  const std::string crictl_;
  const Clock& clock_;
  SystemResolver resolver_;
  std::map<std::string, std::unique_ptr<etcd::Cluster>> clusters_;
};

}  // namespace

std::unique_ptr<NodeProbes> MakeNodeProbes(const config::TlsConfig& tls, const std::string& crictl,
                                           const Clock& clock) {
  return std::make_unique<MachineProbes>(tls, crictl, clock);
}

}  // namespace warden::restore
