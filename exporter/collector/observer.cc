#include "exporter/collector/observer.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "exporter/etcd/membership.h"

namespace warden::collector {
namespace {

// Counts the failed calls to the endpoints that there are, and those of no others any more.
void CountFailures(const etcd::ClusterView& view, const std::string& cluster,
                   metrics::Instruments& instruments) {
  std::set<std::string_view> endpoints;
  for (const etcd::EndpointView& endpoint : view.endpoints) {
    const std::string& url = endpoint.endpoint.url;
    endpoints.insert(url);
    if (endpoint.status.error) {
      instruments.RpcFailed(cluster, url, metrics::Rpc::kStatus, endpoint.status.error->reason);
    }
    if (endpoint.member_list && endpoint.member_list->error) {
      instruments.RpcFailed(cluster, url, metrics::Rpc::kMemberList,
                            endpoint.member_list->error->reason);
    }
  }
  instruments.KeepEndpoints(cluster, endpoints);
}

// Counts the fan-out while it runs, and its failures once, however many scrapes wait for it.
class CountedObservation final : public etcd::Observation {
 public:
  CountedObservation(std::shared_ptr<etcd::Observation> inner, std::string cluster,
                     metrics::Instruments& instruments)
      : inner_(std::move(inner)), cluster_(std::move(cluster)), instruments_(instruments) {
    instruments_.FanOutStarted();
  }
  // Nobody may have waited for it.
  ~CountedObservation() override {
    std::call_once(counted_, [&] { instruments_.FanOutEnded(); });
  }
  CountedObservation(const CountedObservation&) = delete;
  CountedObservation& operator=(const CountedObservation&) = delete;

  const etcd::ClusterView& Wait() override {
    const etcd::ClusterView& view = inner_->Wait();
    std::call_once(counted_, [&] {
      instruments_.FanOutEnded();
      CountFailures(view, cluster_, instruments_);
    });
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
                                 metrics::Instruments& instruments, bool discover)
    : name_(std::move(name)), cluster_(cluster), instruments_(instruments), discover_(discover) {}

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
  {
    MutexLock lock(mutex_);
    // Scrapes may end in another order than they began.
    if (known_ && view.began < known_->began) return;
    const auto remembered = known_ ? std::optional(known_->cluster_id) : std::nullopt;
    if (const auto main = etcd::MainClusterId(view, remembered)) highest_->Note(view, *main);
    std::optional<etcd::MemberList> members = etcd::AgreedMembers(view, remembered);
    if (!members) return;
    known_ = KnownMembers{.cluster_id = *etcd::MainClusterId(view, remembered),
                          .members = *std::move(members),
                          .fetched = view.started,
                          .began = view.began};
  }
  Dial();
}

void ClusterObserver::Dial() {
  if (!discover_) return;
  for (auto list = NextToDial(false); list; list = NextToDial(true)) cluster_.Discover(*list);
}

std::optional<etcd::MemberList> ClusterObserver::NextToDial(bool again) {
  MutexLock lock(mutex_);
  // One thread at a time, so that the newest list is also the last: that thread looks again.
  if (dialling_ && !again) return std::nullopt;
  dialling_ = known_ && dialled_ != known_->members;
  if (!dialling_) return std::nullopt;
  dialled_ = known_->members;
  return dialled_;
}

std::optional<KnownMembers> ClusterObserver::Known() const {
  MutexLock lock(mutex_);
  return known_;
}

void ClusterObserver::Inherit(const ClusterObserver& predecessor) {
  std::optional<KnownMembers> known = predecessor.Known();
  {
    MutexLock lock(mutex_);
    known_ = std::move(known);
  }
  Dial();
}

}  // namespace warden::collector
