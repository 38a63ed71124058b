#include "exporter/etcd/connections.h"

#include <algorithm>
#include <utility>

#include "exporter/etcd/discovery.h"
#include "exporter/etcd/membership.h"

namespace warden::etcd {
namespace {

std::string_view StateName(grpc_connectivity_state state) {
  switch (state) {
    case GRPC_CHANNEL_IDLE:
      return "idle";
    case GRPC_CHANNEL_CONNECTING:
      return "connecting";
    case GRPC_CHANNEL_READY:
      return "ready";
    case GRPC_CHANNEL_TRANSIENT_FAILURE:
    case GRPC_CHANNEL_SHUTDOWN:  // only once it is destroyed
      break;
  }
  return "transient_failure";
}

bool IsStranger(const EndpointView& endpoint, std::optional<std::uint64_t> main) {
  const auto identity = IdentityOf(endpoint);
  return identity && identity->cluster_id != main;
}

// Nobody takes the token for that of a user and nobody answers: the look of one from before a
// restore. Who does not know the token is no proof that it is good.
bool HangsOnToken(const ClusterView& view, std::optional<std::uint64_t> main) {
  bool hangs = false;
  for (const EndpointView& endpoint : view.endpoints) {
    if (IsStranger(endpoint, main)) continue;
    if (endpoint.status.ok()) return false;
    const Reason reason = endpoint.status.error->reason;
    if (reason == Reason::kPermissionDenied) return false;
    hangs = hangs || reason == Reason::kTimeout;
  }
  return hangs;
}

bool MostRefuse(const ClusterView& view) {
  std::ptrdiff_t configured = 0;
  std::ptrdiff_t refusing = 0;
  for (const EndpointView& endpoint : view.endpoints) {
    if (endpoint.discovered) continue;
    ++configured;
    if (!endpoint.status.ok() && IsAnswered(endpoint.status)) ++refusing;
  }
  return 2 * refusing > configured;
}

template <typename List>
auto Find(const List& connections, const config::Endpoint& endpoint) {
  return std::find_if(connections.begin(), connections.end(),
                      [&](const auto& connection) { return connection->endpoint == endpoint; });
}

}  // namespace

Connection::Connection(config::Endpoint dialled, std::shared_ptr<grpc::Channel> over, bool found)
    : endpoint(std::move(dialled)),
      discovered(found),
      channel(std::move(over)),
      maintenance(etcdserverpb::Maintenance::NewStub(channel)),
      cluster(etcdserverpb::Cluster::NewStub(channel)),
      kv(etcdserverpb::KV::NewStub(channel)),
      auth(etcdserverpb::Auth::NewStub(channel)) {}

void Connection::Remember(const EndpointView& view, std::optional<std::uint64_t> main) {
  if (const auto identity = IdentityOf(view)) cluster_id = identity->cluster_id;
  const Seen now = SeenIn(view.status);
  // Nothing is proven by a stranger.
  seen = IsStranger(view, main) ? std::min(now, Seen::kVoter) : now;
}

Connections::Connections(const ClusterOptions& options, const Clock& clock)
    : clock_(clock),
      dialer_(options.tls),
      has_certificate_(!options.tls.cert_file.empty()),
      tokens_(options.auth, clock, options.on_token_refresh),
      configured_(options.endpoints) {
  if (options.backup_auth) {
    backup_tokens_.emplace(options.backup_auth, clock, options.on_token_refresh);
  }
  for (const config::Endpoint& endpoint : configured_) members_.push_back(Dial(endpoint));
}

ConnectionList Connections::All() {
  ConnectionList replaced;  // outlives the lock, so that nothing is closed under it
  MutexLock lock(mutex_);
  for (auto& member : members_) {
    if (!member->unresolved) continue;
    replaced.push_back(member);
    member = Dial(member->endpoint, member->discovered);
  }
  return members_;
}

std::shared_ptr<Connection> Connections::FindOrDial(const config::Endpoint& endpoint) {
  const ConnectionList all = All();
  const auto known = Find(all, endpoint);
  return known != all.end() ? *known : Dial(endpoint);
}

std::shared_ptr<Connection> Connections::Dial(const config::Endpoint& endpoint, bool found) const {
  return std::make_shared<Connection>(endpoint, dialer_.Dial(endpoint), found);
}

void Connections::LearnFrom(ClusterView& view, const Token& sent, const AuthEvidence& evidence) {
  const std::optional<std::uint64_t> main = MainClusterId(view, memory_.cluster_id());
  const bool is_there =
      std::any_of(view.endpoints.begin(), view.endpoints.end(), [&](const EndpointView& endpoint) {
        return IdentityOf(endpoint) && !IsStranger(endpoint, main);
      });
  const bool is_other = is_there && memory_.SawCluster(*main);
  if (!is_there && MostRefuse(view)) memory_.DoubtCluster();
  if (is_other && backup_tokens_) backup_tokens_->Drop(backup_tokens_->Current().generation);
  if (is_other || HangsOnToken(view, main)) {
    const bool dropped = tokens_.Drop(sent.generation);
    if (is_other && dropped) memory_.ForgetAuthentication();
  }
  if (const auto enabled = evidence.Verdict(view, main)) memory_.SawAuthentication(*enabled);
  view.auth_enabled = memory_.auth_enabled();
}

void Connections::Discover(const MemberList& members) {
  const std::vector<config::Endpoint> endpoints = DiscoveredEndpoints(members, configured_);
  ConnectionList before;  // outlives the lock, so that nothing is closed under it
  MutexLock lock(mutex_);
  before = members_;
  members_.resize(configured_.size());
  for (const config::Endpoint& endpoint : endpoints) {
    const auto known = Find(before, endpoint);
    members_.push_back(known != before.end() ? *known : Dial(endpoint, true));
  }
}

ChannelStates Connections::CountChannels() const {
  ChannelStates states;
  for (const auto state : {GRPC_CHANNEL_IDLE, GRPC_CHANNEL_CONNECTING, GRPC_CHANNEL_READY,
                           GRPC_CHANNEL_TRANSIENT_FAILURE}) {
    states.emplace(StateName(state), 0);
  }
  ConnectionList members;
  {
    MutexLock lock(mutex_);
    members = members_;
  }
  for (const auto& member : members) ++states[StateName(member->channel->GetState(false))];
  return states;
}

}  // namespace warden::etcd
