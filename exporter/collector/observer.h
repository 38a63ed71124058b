// One cluster as scrapes see it: concurrent scrapes share a fan-out, and the member list that the
// cluster last agreed on is kept through an outage.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "exporter/base/mutex.h"
#include "exporter/collector/highest_revision.h"
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
  // With `discover` the cluster is told to dial the members of each new list that is remembered.
  ClusterObserver(std::string name, etcd::Cluster& cluster, metrics::Instruments& instruments,
                  bool discover);

  // Joins the fan-out in flight if it ends by `deadline`, else starts one, which then ends at
  // `deadline` or when its stop is requested. Returns at once. The first Wait counts the fan-out's
  // failed calls, and forgets those of endpoints that are not in its view.
  Observed Observe(const Deadline& deadline);

  // Keeps the view's agreed member list, if it has one and began no earlier than the view of the
  // list remembered. Of another cluster than the one remembered it counts only if most configured
  // endpoints belong to that: the cluster was rebuilt then.
  void Remember(const etcd::ClusterView& view);
  std::optional<KnownMembers> Known() const;
  // Of all views that were remembered; outlives the observer.
  std::shared_ptr<const HighestRevision> highest_revision() const { return highest_; }
  // Starts with what another observer of the same cluster remembers.
  void Inherit(const ClusterObserver& predecessor);

 private:
  // Has the members dialled that are remembered, unless they are already.
  void Dial() WARDEN_EXCLUDES(mutex_);
  // The list to dial next, if there is one; `again` by the thread that had the one before.
  std::optional<etcd::MemberList> NextToDial(bool again) WARDEN_EXCLUDES(mutex_);

  const std::string name_;
  etcd::Cluster& cluster_;
  metrics::Instruments& instruments_;
  const bool discover_;
  std::shared_ptr<HighestRevision> highest_ = std::make_shared<HighestRevision>();

  mutable Mutex mutex_;
  // The newest fan-out, as long as somebody holds it.
  std::weak_ptr<etcd::Observation> in_flight_ WARDEN_GUARDED_BY(mutex_);
  std::optional<KnownMembers> known_ WARDEN_GUARDED_BY(mutex_);
  // The list that `cluster_` was told to dial.
  std::optional<etcd::MemberList> dialled_ WARDEN_GUARDED_BY(mutex_);
  bool dialling_ WARDEN_GUARDED_BY(mutex_) = false;  // a thread is telling it right now
};

}  // namespace warden::collector
