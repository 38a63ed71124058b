#include "exporter/etcd/cluster.h"

#include <grpcpp/grpcpp.h>

#include <thread>
#include <utility>

#include "exporter/base/mutex.h"
#include "exporter/etcd/calls.h"
#include "exporter/etcd/errors.h"
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
    MutexLock lock(mutex_);
    std::erase_if(in_flight_, [](const auto& earlier) { return earlier->drained(); });
    in_flight_.push_back(fan_out);
    return fan_out;
  }

  Status Snapshot(const config::Endpoint& endpoint, Milliseconds idle_timeout,
                  const Deadline& deadline, const SnapshotSink& sink) override {
    return StreamSnapshot(*connections_, endpoint, idle_timeout, deadline, sink);
  }

  std::vector<EndpointHealth> CheckHealth(const Deadline& deadline) override {
    std::vector<EndpointHealth> answers(connections_->members.size());
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      readers.emplace_back([this, i, &answers, &deadline] {
        answers[i] = ReadHealthKey(*connections_->members[i], deadline);
      });
    }
    readers.clear();
    return answers;
  }

 private:
  EndpointHealth ReadHealthKey(Connection& member, const Deadline& deadline) {
    const SteadyTime started = connections_->clock.Steady();
    EndpointHealth health{.endpoint = member.endpoint, .error = {}, .duration = {}};
    for (bool may_authenticate = true;; may_authenticate = false) {
      const Token token = connections_->tokens.Current();
      const grpc::Status status = Range(member, token, deadline);
      health.duration = connections_->clock.Steady() - started;
      health.error.reset();
      if (status.ok()) return health;
      health.error = Classify(status, member.endpoint.tls);
      if (health.error->reason == Reason::kPermissionDenied) health.error.reset();
      if (!health.error || health.error->reason != Reason::kUnauthenticated || !may_authenticate) {
        return health;
      }
      const TokenCache::Advice advice =
          connections_->tokens.RefusedWaiting(token.generation, deadline.at);
      if (advice == TokenCache::Advice::kGiveUp) return health;
      if (advice == TokenCache::Advice::kAuthenticate) {
        const Status fetched = Authenticate(*connections_, member, deadline);
        if (!fetched.ok()) {
          health.error->message = fetched.message();
          return health;
        }
      }
    }
  }

  grpc::Status Range(Connection& member, const Token& token, const Deadline& deadline) {
    grpc::ClientContext context;
    Prepare(context, deadline.at - connections_->clock.Steady(), token.text);
    const std::stop_callback cancel(deadline.stop, [&context] { context.TryCancel(); });
    etcdserverpb::RangeRequest request;
    request.set_key("health");
    etcdserverpb::RangeResponse response;
    return member.kv->Range(&context, request, &response);
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
