// The highest revision that a cluster was seen at, by this process.
#pragma once

#include <cstdint>
#include <optional>

#include "exporter/base/clock.h"
#include "exporter/base/mutex.h"
#include "exporter/etcd/view.h"

namespace warden::collector {

// Thread-safe.
class HighestRevision {
 public:
  struct Seen {
    std::uint64_t cluster_id = 0;
    std::int64_t revision = 0;
    WallTime at{};
  };

  // Of the view's members, those of this cluster count. Another cluster than before begins anew.
  void Note(const etcd::ClusterView& view, std::uint64_t cluster_id) WARDEN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (const etcd::EndpointView& endpoint : view.endpoints) {
      const auto& status = endpoint.status.value;
      if (!status || status->cluster_id != cluster_id) continue;
      const bool is_higher =
          !seen_ || seen_->cluster_id != cluster_id || status->revision >= seen_->revision;
      if (is_higher) {
        seen_ = Seen{.cluster_id = cluster_id, .revision = status->revision, .at = view.started};
      }
    }
  }
  std::optional<Seen> Get() const WARDEN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return seen_;
  }

 private:
  mutable Mutex mutex_;
  std::optional<Seen> seen_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::collector
