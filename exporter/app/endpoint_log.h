// Tells the log when an endpoint of a cluster stops answering and when it answers again, instead of
// the same failure at every scrape.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "exporter/app/common.h"
#include "exporter/base/clock.h"
#include "exporter/base/mutex.h"
#include "exporter/etcd/view.h"

namespace warden::app {

// Thread-safe.
class EndpointLog {
 public:
  // Lines about one endpoint are at least this far apart: one that flaps fills no disk.
  static constexpr Seconds kPause{60};

  explicit EndpointLog(std::string cluster) : cluster_(std::move(cluster)) {}

  // Compares with what was last said; the first view counts against "all answer". An endpoint that
  // the view lacks is forgotten.
  void Note(const etcd::ClusterView& view, const Env& env) WARDEN_EXCLUDES(mutex_);

 private:
  struct Said {
    bool failing = false;
    SteadyTime next{};  // no line before
  };
  // Whether the log is to be told so, which is then taken for said.
  bool IsNews(const std::string& url, bool failing, SteadyTime now) WARDEN_REQUIRES(mutex_);

  const std::string cluster_;
  Mutex mutex_;
  std::map<std::string, Said> said_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::app
