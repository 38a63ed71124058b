#include "exporter/etcd/cluster.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "exporter/base/mutex.h"
#include "exporter/etcd/calls.h"
#include "exporter/etcd/convert.h"
#include "exporter/etcd/fan_out.h"
#include "exporter/etcd/snapshot_stream.h"

namespace warden::etcd {
namespace {

class GrpcCluster final : public Cluster {
 public:
  GrpcCluster(const ClusterOptions& options, const Clock& clock)
      : connections_(std::make_shared<Connections>(options, clock)) {}

  ~GrpcCluster() override {
    for (const auto& fan_out : in_flight_) {
      fan_out->Cancel();
      fan_out->Drain();
    }
  }

  std::shared_ptr<Observation> Observe(const Deadline& deadline) override {
    auto fan_out = FanOut::Start(connections_, deadline);
    // Outlives the lock: with the last fan-out that used it a forgotten connection is closed.
    std::vector<std::shared_ptr<FanOut>> drained;
    MutexLock lock(mutex_);
    const auto in_flight = std::partition(in_flight_.begin(), in_flight_.end(),
                                          [](const auto& earlier) { return !earlier->drained(); });
    drained.assign(in_flight, in_flight_.end());
    in_flight_.erase(in_flight, in_flight_.end());
    in_flight_.push_back(fan_out);
    return fan_out;
  }

  std::optional<RpcError> Snapshot(const config::Endpoint& endpoint, Milliseconds idle_timeout,
                                   const Deadline& deadline, const SnapshotSink& sink) override {
    return StreamSnapshot(*connections_, endpoint, idle_timeout, deadline, sink);
  }

  std::vector<EndpointHealth> CheckHealth(const Deadline& deadline) override {
    const ConnectionList members = connections_->All();
    std::vector<EndpointHealth> answers(members.size());
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      readers.emplace_back([this, i, &members, &answers, &deadline] {
        answers[i] = ReadHealthKey(*members[i], deadline);
      });
    }
    readers.clear();
    return answers;
  }

  RpcOutcome<KvHash> HashKv(const config::Endpoint& endpoint, std::int64_t revision,
                            const Deadline& deadline) override {
    const SteadyTime started = connections_->clock().Steady();
    const std::shared_ptr<Connection> member = connections_->FindOrDial(endpoint);
    etcdserverpb::HashKVRequest request;
    request.set_revision(revision);
    etcdserverpb::HashKVResponse response;
    RpcOutcome<KvHash> outcome;
    outcome.error = CallAs(*connections_, connections_->backup_tokens(), *member, deadline,
                           [&](grpc::ClientContext& context) {
                             return member->maintenance->HashKV(&context, request, &response);
                           });
    if (!outcome.error) outcome.value = ToKvHash(response, revision);
    outcome.finished = connections_->clock().Steady();
    outcome.duration = outcome.finished - started;
    return outcome;
  }

  void Discover(const MemberList& members) override { connections_->Discover(members); }
  ChannelStates CountChannels() const override { return connections_->CountChannels(); }

 private:
  EndpointHealth ReadHealthKey(Connection& member, const Deadline& deadline) {
    const SteadyTime started = connections_->clock().Steady();
    etcdserverpb::RangeRequest request;
    request.set_key("health");
    EndpointHealth health{.endpoint = member.endpoint, .error = {}, .duration = {}};
    health.error = CallAs(*connections_, connections_->tokens(), member, deadline,
                          [&](grpc::ClientContext& context) {
                            etcdserverpb::RangeResponse response;
                            return member.kv->Range(&context, request, &response);
                          });
    // Rights are looked at behind the quorum.
    if (health.error && health.error->reason == Reason::kPermissionDenied) health.error.reset();
    health.duration = connections_->clock().Steady() - started;
    return health;
  }

  const std::shared_ptr<Connections> connections_;
  Mutex mutex_;
  // Kept until gRPC is done with them, even if nobody waits any more.
  std::vector<std::shared_ptr<FanOut>> in_flight_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Cluster> MakeCluster(const ClusterOptions& options, const Clock& clock) {
  return std::make_unique<GrpcCluster>(options, clock);
}

std::string GrpcVersion() {
  return grpc::Version();
}

}  // namespace warden::etcd
