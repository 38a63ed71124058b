#include "exporter/etcd/discovery.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace warden::etcd {
namespace {

bool IsUnspecified(const config::Endpoint& endpoint) {
  constexpr std::array<std::string_view, 3> kUnspecified = {
      "ipv4:0.0.0.0:", "ipv6:[::]:", "ipv6:[::ffff:0.0.0.0]:"};
  return std::any_of(kUnspecified.begin(), kUnspecified.end(), [&](std::string_view address) {
    return endpoint.target.starts_with(address);
  });
}

bool NeedTls(const std::vector<config::Endpoint>& configured) {
  return !configured.empty() &&
         std::all_of(configured.begin(), configured.end(),
                     [](const config::Endpoint& endpoint) { return endpoint.tls; });
}

}  // namespace

std::vector<config::Endpoint> DiscoveredEndpoints(const MemberList& members,
                                                  const std::vector<config::Endpoint>& configured) {
  std::set<std::string> urls;
  for (const Member& member : members) {
    if (!member.name.empty()) urls.insert(member.client_urls.begin(), member.client_urls.end());
  }
  const bool need_tls = NeedTls(configured);
  std::set<std::string> targets;
  for (const config::Endpoint& endpoint : configured) targets.insert(endpoint.target);
  std::vector<config::Endpoint> discovered;
  for (const std::string& url : urls) {
    if (discovered.size() == kDiscoveredMax) break;
    const Result<config::Endpoint> endpoint = config::ParseEndpoint(url);
    if (!endpoint.ok() || IsUnspecified(*endpoint)) continue;
    if (need_tls && !endpoint->tls) continue;
    if (targets.insert(endpoint->target).second) discovered.push_back(*endpoint);
  }
  return discovered;
}

}  // namespace warden::etcd
