#include "exporter/app/discovery.h"

#include <optional>
#include <vector>

#include "exporter/app/scrape.h"
#include "exporter/base/json.h"
#include "exporter/base/text.h"
#include "exporter/config/endpoint.h"
#include "exporter/etcd/membership.h"

namespace warden::app {
namespace {

constexpr std::string_view kSeparator = "://";

http::Response ListResponse(const Json& list) {
  return {.code = 200, .content_type = "application/json", .body = DumpJson(list) + "\n"};
}

// A client URL in its parts: "https", "10.0.0.1", "2379"; the host as it is written, brackets
// included.
struct ClientUrl {
  std::string scheme;
  std::string host;
  std::string port;
};

std::optional<ClientUrl> SplitClientUrl(const std::string& url) {
  const std::size_t separator = url.find(kSeparator);
  const auto endpoint = config::ParseEndpoint(url);
  if (separator == std::string::npos || !endpoint.ok() || !url.starts_with("http")) {
    return std::nullopt;
  }
  const std::size_t host = separator + kSeparator.size();
  const std::size_t colon = url.rfind(':');
  return ClientUrl{.scheme = url.substr(0, separator),
                   .host = url.substr(host, colon - host),
                   .port = url.substr(colon + 1)};
}

std::string_view RoleOf(const etcd::Member& member, const etcd::EndpointView* answer) {
  if (member.is_learner) return "learner";
  if (answer == nullptr) return "unknown";
  const etcd::MemberStatus& status = *answer->status.value;
  return status.leader_id == status.member_id ? "leader" : "follower";
}

Result<NativeOptions> ReadNativeOptions(const http::Request& request) {
  NativeOptions options{.scheme = http::QueryValue(request, "scheme"),
                        .port = http::QueryValue(request, "port")};
  if (!options.scheme.empty() && options.scheme != "http" && options.scheme != "https") {
    return Status(Code::kInvalidArgument, "scheme must be http or https");
  }
  const std::string probe = "http://localhost:" + options.port;
  if (!options.port.empty() && !config::ParseEndpoint(probe).ok()) {
    return Status(Code::kInvalidArgument, "port must be a number from 1 to 65535");
  }
  return options;
}

}  // namespace

Json NativeTargets(const std::string& cluster, const collector::KnownMembers& known,
                   const etcd::ClusterView& view, const NativeOptions& options) {
  const auto answers = etcd::StatusByMember(view, known.cluster_id);
  Json list = Json::array();
  for (const etcd::Member& member : known.members) {
    if (member.client_urls.empty()) continue;  // never started
    const auto url = SplitClientUrl(member.client_urls.front());
    if (!url) continue;
    const auto answer = answers.find(member.id);
    const etcd::EndpointView* status = answer == answers.end() ? nullptr : answer->second;
    const std::string& port = options.port.empty() ? url->port : options.port;
    list.push_back({{"targets", Json::array({url->host + ":" + port})},
                    {"labels",
                     {{"__scheme__", options.scheme.empty() ? url->scheme : options.scheme},
                      {"__meta_etcd_cluster", cluster},
                      {"__meta_etcd_cluster_id", FormatId(known.cluster_id)},
                      {"__meta_etcd_member_id", FormatId(member.id)},
                      {"__meta_etcd_member_name", member.name},
                      {"__meta_etcd_member_role", RoleOf(member, status)},
                      {"__meta_etcd_member_version", status ? status->status.value->version : ""},
                      {"__meta_etcd_client_url", member.client_urls.front()}}}});
  }
  return list;
}

http::Response DiscoverProbes(const Runtime& runtime, const PublicAddress& address,
                              const http::Request& request) {
  std::string host = address.host;
  if (const auto header = request.headers.find("host");
      host.empty() && header != request.headers.end()) {
    host = header->second;
  }
  if (!LooksLikeAddress(host)) {
    return http::ErrorResponse(400, "no usable Host header; start with --web.external-url");
  }
  Json list = Json::array();
  for (const config::ClusterConfig& cluster : runtime.config()->clusters) {
    // Probes of one address differ in nothing else, and each needs series of its own.
    Json labels = {{"instance", cluster.name},
                   {"__metrics_path__", address.external_path + "/probe"},
                   {"__param_cluster", cluster.name},
                   {"__meta_etcd_cluster", cluster.name}};
    if (!address.scheme.empty()) labels["__scheme__"] = address.scheme;
    list.push_back({{"targets", Json::array({host})}, {"labels", std::move(labels)}});
  }
  return ListResponse(list);
}

http::Response DiscoverMembers(Runtime& runtime, const http::Request& request) {
  const auto options = ReadNativeOptions(request);
  if (!options.ok()) return http::ErrorResponse(400, options.error().message());
  const std::string only = http::QueryValue(request, "cluster");
  if (!only.empty() && runtime.FindCluster(only) == nullptr) {
    return http::ErrorResponse(400, "unknown cluster; GET /sd lists them");
  }
  const Admission::Permit permit = runtime.Admit();
  if (!permit) return BusyResponse();
  const Deadline deadline{.at = runtime.env().clock.Steady() + runtime.config()->scrape.timeout,
                          .stop = runtime.stop_token()};
  std::vector<std::pair<ClusterRuntime*, collector::Observed>> asked;
  for (const auto& cluster : runtime.clusters()) {
    if (!only.empty() && cluster->config.name != only) continue;
    asked.emplace_back(cluster.get(), cluster->observer->Observe(deadline));
  }
  Json list = Json::array();
  std::vector<std::string> unknown;
  for (const auto& [cluster, observed] : asked) {
    const etcd::ClusterView& view = observed.observation->Wait();
    cluster->observer->Remember(view);
    const auto known = cluster->observer->Known();
    if (!known) {
      unknown.push_back(cluster->config.name);
      continue;
    }
    for (Json& target : NativeTargets(cluster->config.name, *known, view, *options)) {
      list.push_back(std::move(target));
    }
  }
  // A list without them would make Prometheus drop their targets.
  if (!unknown.empty()) {
    return http::ErrorResponse(503, "no member list is known yet of " + Join(unknown, ", ") +
                                        ": none of its etcds has answered so far; "
                                        "cluster=NAME lists another cluster alone");
  }
  return ListResponse(list);
}

}  // namespace warden::app
