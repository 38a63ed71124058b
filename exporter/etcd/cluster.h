// One etcd cluster over gRPC. Nothing here writes to etcd: no call but Authenticate (made only when
// a credential was refused) costs a raft entry.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/config/config.h"
#include "exporter/etcd/view.h"

namespace warden::etcd {

// A fan-out in flight. Thread-safe; any number of threads may wait.
class Observation {
 public:
  virtual ~Observation() = default;
  // Returns at the fan-out's deadline at the latest, then always the same view.
  virtual const ClusterView& Wait() = 0;
  virtual bool done() const = 0;
  virtual SteadyTime deadline() const = 0;
};

// One message of a snapshot stream, as etcd sent it; the bytes live until the sink returns.
struct SnapshotChunk {
  std::uint64_t remaining_bytes = 0;
  std::string_view blob;
  std::string_view version;  // storage version, 3.6+
};
using SnapshotSink = std::function<Status(const SnapshotChunk&)>;

struct EndpointHealth {
  config::Endpoint endpoint;
  std::optional<RpcError> error;  // nullopt: a linearizable read went through
  Nanoseconds duration{};
};

// One member's hash over its keys up to a revision.
struct KvHash {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::uint32_t hash = 0;
  // Up to here the member has compacted; hashes of different ones cannot be compared. -1: never.
  std::int64_t compact_revision = -1;
  // That was hashed: as answered since 3.6, else as asked, where 0 is the newest:
  // `current_revision` or one shortly before it.
  std::int64_t revision = 0;
  std::int64_t current_revision = 0;  // of the member when it answered
};

// Channels by their state, for exporter_grpc_channels.
using ChannelStates = std::map<std::string_view, int>;  // "idle", "connecting", "ready", ...

// Thread-safe. Destroying it ends what is in flight.
class Cluster {
 public:
  virtual ~Cluster() = default;

  // Asks every endpoint for Status, and those that are no learners for MemberList, all at once: in
  // one round trip those that were none the last time, the others in two. One
  // member's failure is data in the view, not an error. Returns at once.
  virtual std::shared_ptr<Observation> Observe(const Deadline& deadline) = 0;

  // Streams one member's database into `sink`, on a connection of its own, until the server closes
  // the stream: nullopt. Fails if the server does, if `sink` does (its failure is returned as
  // kOther and the stream cancelled), if nothing arrives for `idle_timeout`, or at the deadline.
  // What the bytes mean is the sink's affair. Made as the backup user.
  virtual std::optional<RpcError> Snapshot(const config::Endpoint& endpoint,
                                           Milliseconds idle_timeout, const Deadline& deadline,
                                           const SnapshotSink& sink) = 0;

  // etcdctl's `endpoint health`: a linearizable read of the key "health" through every endpoint at
  // once; a refusal for lack of rights proves health as well.
  virtual std::vector<EndpointHealth> CheckHealth(const Deadline& deadline) = 0;

  // One member's hash at `revision`, which must not be compacted; blocks. The member's writes wait
  // while it computes. Made as the backup user.
  virtual RpcOutcome<KvHash> HashKv(const config::Endpoint& endpoint, std::int64_t revision,
                                    const Deadline& deadline) = 0;

  // From the next Observe on, dials every client URL of these members besides the configured
  // endpoints and forgets those discovered earlier that are not among them. A URL that cannot be
  // dialled (no port, 0.0.0.0) is left out, and one in clear text where all configured are TLS.
  virtual void Discover(const MemberList& members) = 0;

  // Every state that a channel in use can have has an entry.
  virtual ChannelStates CountChannels() const = 0;
};

struct ClusterOptions {
  std::vector<config::Endpoint> endpoints;
  config::TlsConfig tls;
  std::optional<config::AuthConfig> auth;
  std::optional<config::AuthConfig> backup_auth;  // for Snapshot and HashKv; nullopt: `auth`
  std::function<void()> on_token_refresh;  // told of every Authenticate that is sent; may be empty
};

// Connects lazily. `clock` outlives the cluster.
std::unique_ptr<Cluster> MakeCluster(const ClusterOptions& options, const Clock& clock);

// Of the library in use, for the build information.
std::string GrpcVersion();

}  // namespace warden::etcd
