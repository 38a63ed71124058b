// Maintenance.Snapshot as a sequence of chunks, on one thread and one connection.
#pragma once

#include "exporter/etcd/calls.h"
#include "exporter/etcd/cluster.h"

namespace warden::etcd {

// The contract of Cluster::Snapshot. The token is refreshed once if it is refused.
std::optional<RpcError> StreamSnapshot(Connections& connections, const config::Endpoint& endpoint,
                                       Milliseconds idle_timeout, const Deadline& deadline,
                                       const SnapshotSink& sink);

}  // namespace warden::etcd
