// One cluster as scrapes see it: concurrent scrapes share a fan-out, and the member list that the
// cluster last agreed on is kept through an outage.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "exporter/base/mutex.h"
#include "exporter/collector/subject.h"
#include "exporter/etcd/cluster.h"
#include "exporter/metrics/instruments.h"

namespace warden::collector {

struct Observed {
  std::shared_ptr<etcd::Observation> observation;
  bool shared = false;  // joined, not started
};

// Thread-safe. `cluster` and `instruments` outlive the observer and every observation it handed
// out.
class ClusterObserver {
 public:
  ClusterObserver(std::string name, etcd::Cluster& cluster, metrics::Instruments& instruments);

  // Joins the fan-out in flight if it ends by `deadline`, else starts one, which then ends at
  // `deadline` or when its stop is requested. Returns at once. The first Wait counts the fan-out's
  // failed calls.
  Observed Observe(const Deadline& deadline);

  // Keeps the view's agreed member list, if it has one, unless it is that of another cluster than
  // the one remembered and fewer than half of the endpoints belong to it.
  void Remember(const etcd::ClusterView& view);
  std::optional<KnownMembers> Known() const;

 private:
  const std::string name_;
  etcd::Cluster& cluster_;
  metrics::Instruments& instruments_;

  mutable Mutex mutex_;
  // The newest fan-out, as long as somebody holds it.
  std::weak_ptr<etcd::Observation> in_flight_ WARDEN_GUARDED_BY(mutex_);
  std::optional<KnownMembers> known_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::collector
