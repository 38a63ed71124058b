#include "exporter/collector/observer.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "exporter/etcd/membership.h"

namespace warden::collector {
namespace {

void CountFailures(const etcd::ClusterView& view, const std::string& cluster,
                   metrics::Instruments& instruments) {
  for (const etcd::EndpointView& endpoint : view.endpoints) {
    const std::string& url = endpoint.endpoint.url;
    if (endpoint.status.error) {
      instruments.RpcFailed(cluster, url, metrics::Rpc::kStatus, endpoint.status.error->reason);
    }
    if (endpoint.member_list && endpoint.member_list->error) {
      instruments.RpcFailed(cluster, url, metrics::Rpc::kMemberList,
                            endpoint.member_list->error->reason);
    }
  }
}

bool MostBelongTo(const etcd::ClusterView& view, std::uint64_t cluster_id) {
  const auto count =
      std::count_if(view.endpoints.begin(), view.endpoints.end(), [&](const auto& endpoint) {
        return endpoint.status.ok() && endpoint.status.value->cluster_id == cluster_id;
      });
  return 2 * static_cast<std::size_t>(count) > view.endpoints.size();
}

// Counts the failures of the fan-out once, however many scrapes wait for it.
class CountedObservation final : public etcd::Observation {
 public:
  CountedObservation(std::shared_ptr<etcd::Observation> inner, std::string cluster,
                     metrics::Instruments& instruments)
      : inner_(std::move(inner)), cluster_(std::move(cluster)), instruments_(instruments) {}

  const etcd::ClusterView& Wait() override {
    const etcd::ClusterView& view = inner_->Wait();
    std::call_once(counted_, [&] { CountFailures(view, cluster_, instruments_); });
    return view;
  }
  bool done() const override { return inner_->done(); }
  SteadyTime deadline() const override { return inner_->deadline(); }

 private:
  const std::shared_ptr<etcd::Observation> inner_;
  const std::string cluster_;
  metrics::Instruments& instruments_;
  std::once_flag counted_;
};

}  // namespace

ClusterObserver::ClusterObserver(std::string name, etcd::Cluster& cluster,
                                 metrics::Instruments& instruments)
    : name_(std::move(name)), cluster_(cluster), instruments_(instruments) {}

Observed ClusterObserver::Observe(const Deadline& deadline) {
  // Outlives the lock: what is not joined may end here.
  std::shared_ptr<etcd::Observation> running;
  // The lock spans the start, which does not block, so that scrapes arriving together start only
  // one.
  MutexLock lock(mutex_);
  running = in_flight_.lock();
  if (running != nullptr && !running->done() && running->deadline() <= deadline.at) {
    instruments_.ScrapeCoalesced(name_);
    return {.observation = std::move(running), .shared = true};
  }
  auto started =
      std::make_shared<CountedObservation>(cluster_.Observe(deadline), name_, instruments_);
  in_flight_ = started;
  return {.observation = std::move(started), .shared = false};
}

void ClusterObserver::Remember(const etcd::ClusterView& view) {
  std::optional<etcd::MemberList> members = etcd::AgreedMembers(view);
  if (!members) return;
  const std::uint64_t cluster_id = *etcd::MainClusterId(view);
  MutexLock lock(mutex_);
  // One stray endpoint must not replace a cluster that is down; most of them mean that it was
  // rebuilt.
  const bool stray = known_ && known_->cluster_id != cluster_id && !MostBelongTo(view, cluster_id);
  if (stray) return;
  known_ = KnownMembers{
      .cluster_id = cluster_id, .members = *std::move(members), .fetched = view.started};
}

std::optional<KnownMembers> ClusterObserver::Known() const {
  MutexLock lock(mutex_);
  return known_;
}

}  // namespace warden::collector
