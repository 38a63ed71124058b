// The connections of one cluster: to the configured endpoints, which stay, and to the discovered
// ones, which come and go.
#pragma once

#include <grpcpp/client_context.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/base/mutex.h"
#include "exporter/etcd/auth_evidence.h"
#include "exporter/etcd/certificate.h"
#include "exporter/etcd/channel.h"
#include "exporter/etcd/cluster.h"
#include "exporter/etcd/memory.h"
#include "exporter/etcd/tokens.h"
#include "exporter/proto/etcd.grpc.pb.h"

namespace warden::etcd {

// One endpoint's channel with the stubs over it. Never destroyed by a gRPC thread, which gRPC does
// not survive.
struct Connection {
  Connection(config::Endpoint dialled, std::shared_ptr<grpc::Channel> over, bool found = false);

  // Keeps of its answers what the next fan-out wants to know; `main` is the cluster of the view.
  void Remember(const EndpointView& view, std::optional<std::uint64_t> main);

  const config::Endpoint endpoint;
  const bool discovered;
  const std::shared_ptr<grpc::Channel> channel;
  const std::unique_ptr<etcdserverpb::Maintenance::Stub> maintenance;
  const std::unique_ptr<etcdserverpb::Cluster::Stub> cluster;
  const std::unique_ptr<etcdserverpb::KV::Stub> kv;
  const std::unique_ptr<etcdserverpb::Auth::Stub> auth;
  CertificateCache certificate;
  std::atomic<Seen> seen = Seen::kNoVoter;
  std::atomic<std::uint64_t> cluster_id = 0;  // as last answered; 0: never
  // Its name did not resolve. libgrpc's pauses between two look-ups grow to two minutes, and its
  // way to cut them short cancels the next one: such a connection is replaced before its next use.
  std::atomic<bool> unresolved = false;
};
using ConnectionList = std::vector<std::shared_ptr<Connection>>;

// Shared by a cluster and its fan-outs in flight, with what they all need. Thread-safe.
class Connections {
 public:
  Connections(const ClusterOptions& options, const Clock& clock);

  // Those of this moment: the configured ones in their order, then the discovered ones by URL. Who
  // holds the list holds its connections, even those that are forgotten or replaced meanwhile.
  ConnectionList All() WARDEN_EXCLUDES(mutex_);
  // The one to the endpoint, or a new one that nobody else uses.
  std::shared_ptr<Connection> FindOrDial(const config::Endpoint& endpoint) WARDEN_EXCLUDES(mutex_);
  // A connection of its own.
  std::shared_ptr<Connection> Dial(const config::Endpoint& endpoint, bool found = false) const;

  // Draws from a view what lies beyond it: tokens that are of no use any more are dropped, and the
  // view is told whether etcd asks for users. `sent` is the token that its calls began with.
  void LearnFrom(ClusterView& view, const Token& sent, const AuthEvidence& evidence);

  // See Cluster.
  void Discover(const MemberList& members) WARDEN_EXCLUDES(mutex_);
  ChannelStates CountChannels() const WARDEN_EXCLUDES(mutex_);

  const Clock& clock() const { return clock_; }
  // Of the user that observes, and of the one that takes snapshots and hashes; they may be one.
  TokenCache& tokens() { return tokens_; }
  TokenCache& backup_tokens() { return backup_tokens_ ? *backup_tokens_ : tokens_; }
  ClusterMemory& memory() { return memory_; }
  // Whether calls to the endpoint carry a client certificate, which may name a user.
  bool ShowsCertificate(const config::Endpoint& endpoint) const {
    return endpoint.tls && has_certificate_;
  }

 private:
  const Clock& clock_;
  const Dialer dialer_;
  const bool has_certificate_;
  TokenCache tokens_;
  std::optional<TokenCache> backup_tokens_;
  ClusterMemory memory_;
  const std::vector<config::Endpoint> configured_;
  mutable Mutex mutex_;
  ConnectionList members_ WARDEN_GUARDED_BY(mutex_);  // the configured ones first
};

}  // namespace warden::etcd
