// What every call to etcd shares: its context and the connections it goes over.
#pragma once

#include <grpc/support/time.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <vector>

#include "exporter/etcd/channel.h"
#include "exporter/etcd/cluster.h"
#include "exporter/etcd/tokens.h"
#include "exporter/proto/etcd.grpc.pb.h"

namespace warden::etcd {

// One endpoint's channel with the stubs over it.
struct Connection {
  Connection(config::Endpoint dialled, const std::shared_ptr<grpc::Channel>& channel)
      : endpoint(std::move(dialled)),
        maintenance(etcdserverpb::Maintenance::NewStub(channel)),
        cluster(etcdserverpb::Cluster::NewStub(channel)),
        kv(etcdserverpb::KV::NewStub(channel)),
        auth(etcdserverpb::Auth::NewStub(channel)) {}

  const config::Endpoint endpoint;
  const std::unique_ptr<etcdserverpb::Maintenance::Stub> maintenance;
  const std::unique_ptr<etcdserverpb::Cluster::Stub> cluster;
  const std::unique_ptr<etcdserverpb::KV::Stub> kv;
  const std::unique_ptr<etcdserverpb::Auth::Stub> auth;
};

// All connections of one cluster; shared by the cluster and its fan-outs in flight.
struct Connections {
  Connections(const ClusterOptions& options, const Clock& clock_in)
      : clock(clock_in),
        dialer(options.tls),
        tokens(options.auth, clock_in, options.on_token_refresh) {
    for (const config::Endpoint& endpoint : options.endpoints) {
      members.push_back(std::make_unique<Connection>(endpoint, dialer.Dial(endpoint)));
    }
  }

  const Clock& clock;
  const Dialer dialer;
  TokenCache tokens;
  std::vector<std::unique_ptr<Connection>> members;
};

// The moment `delay` from now by gRPC's steady clock, so that a step of the wall clock moves no
// deadline.
gpr_timespec TimeAfter(Nanoseconds delay);

// Deadline and token; never waits for a connection that was refused.
void Prepare(grpc::ClientContext& context, Nanoseconds remaining, const std::string& token);

// Fetches and stores a token over `connection`, after TokenCache::Refused advised it. Blocks up to
// the deadline.
Status Authenticate(Connections& connections, Connection& connection, const Deadline& deadline);

// The request with the password read afresh from its file; the message names the file on failure.
Result<etcdserverpb::AuthenticateRequest> MakeAuthenticateRequest(const config::AuthConfig& auth);

}  // namespace warden::etcd
