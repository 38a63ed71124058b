// Everything that one configuration asks for, built and owned: the clusters with their connections,
// the backup workers, the instruments.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "exporter/backup/worker.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/mutex.h"
#include "exporter/collector/observer.h"
#include "exporter/config/config.h"
#include "exporter/etcd/cluster.h"
#include "exporter/metrics/instruments.h"

namespace warden::app {

// The machine's part of the runtime; all outlive it.
struct Env {
  Files& files;
  const Clock& clock;
  Logger& log;
};

struct ClusterRuntime {
  const config::ClusterConfig& config;
  // Members are destroyed from the bottom up: the worker ends before what it uses.
  std::unique_ptr<etcd::Cluster> cluster;
  std::unique_ptr<collector::ClusterObserver> observer;
  std::unique_ptr<backup::Worker> worker;  // null without a backup section
};

// Thread-safe. Nothing of it waits for etcd but an observation.
class Runtime {
 public:
  // Opens the backup directories; nothing runs yet. No etcd is waited for: one that cannot be
  // reached is a fact to report, not an error. The failure names what cannot be used.
  static Result<std::unique_ptr<Runtime>> Build(config::ValidConfig config, const Env& env);

  // Starts what was requested before and is requested from now on; call it once.
  void StartWorkers();

  const config::Config& config() const { return *config_; }
  const Env& env() const { return env_; }
  metrics::Instruments& instruments() { return instruments_; }
  std::vector<ClusterRuntime>& clusters() { return clusters_; }
  const std::vector<ClusterRuntime>& clusters() const { return clusters_; }

  // Requested once at shutdown; cancels scrapes and snapshots in flight.
  std::stop_token stop_token() const { return stop_.get_token(); }
  void RequestStop() { stop_.request_stop(); }

  // Decisions about alerts are taken one notification at a time.
  Mutex& decision_mutex() { return decision_mutex_; }

  // The job of that id, whichever cluster it belongs to.
  std::optional<backup::Job> FindJob(std::string_view id) const;

 private:
  Runtime(config::ValidConfig config, const Env& env) : config_(std::move(config)), env_(env) {}
  Status Add(const config::ClusterConfig& cluster);

  const config::ValidConfig config_;
  const Env env_;
  metrics::Instruments instruments_;
  std::stop_source stop_;
  Mutex decision_mutex_;
  std::vector<ClusterRuntime> clusters_;
};

}  // namespace warden::app
