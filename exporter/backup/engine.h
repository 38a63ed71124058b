// One job from start to end: what it holds, takes, keeps and lets go.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/jobs.h"
#include "exporter/backup/revision_marks.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/config/backup_config.h"
#include "exporter/etcd/cluster.h"
#include "exporter/etcd/lock.h"
#include "exporter/metrics/instruments.h"
#include "exporter/snapshot/take.h"

namespace warden::backup {

// What jobs need; all outlive them.
struct WorkerTools {
  Files& files;
  const Clock& clock;
  Logger& log;
  metrics::Instruments& instruments;
  Milliseconds retry_pause{10'000};  // the first; each further one is twice as long
  Milliseconds poll{1'000};          // between two looks at the schedules and the requests
};

// Where backups come from and what becomes of them; a reload may change it.
struct Settings {
  std::shared_ptr<etcd::Cluster> cluster;
  config::BackupConfig config;
  // Why nothing that the cluster holds is to be trusted now, or "". May be empty.
  std::function<std::string()> distrust;
  std::shared_ptr<etcd::WorkLock> lock;  // null: this warden is alone
  std::function<void()> on_kept;         // told of every new backup; may be empty
  // The highest revision that the cluster was seen at; may be empty.
  std::function<std::optional<RevisionMark>()> highest_revision;
};

// Tries of one job as long as no member can be reached: with the pauses some five minutes.
inline constexpr int kTriesMax = 6;

// Used by one thread.
class Engine {
 public:
  // The catalogue and the tools outlive it.
  Engine(std::string cluster_name, Catalogue& catalogue, const WorkerTools& tools);

  // What is to be done whoever carries the job out: the pin, since the newest backup of before the
  // alert may be here or at another warden.
  void Prepare(Job& job);
  // Carries the job out and fills in how it ended; its state stays kRunning if `stop` was requested
  // before it could end. `settings` is asked anew at every try.
  void CarryOut(Job& job, const std::function<Settings()>& settings, const std::stop_token& stop);

 private:
  using Failure = std::optional<snapshot::TakeError>;
  struct Taking;

  void Perform(Job& job, const std::function<Settings()>& settings, const std::stop_token& stop);
  void End(Job& job, Failure failure);
  // Tries again, with growing pauses, while no member can be reached: the alert that asked for the
  // backup often comes with the outage.
  Failure TakeWithPatience(Job& job, const std::function<Settings()>& settings,
                           const std::stop_token& stop);
  Failure Take(Job& job, const Settings& settings, const std::stop_token& stop);
  Failure TakeOne(Taking& taking);
  Failure TakeAll(Taking& taking);
  Failure Keep(Taking& taking, const std::string& id, const snapshot::Taken& taken);
  // Whether the newest backup holds all that the cluster has now.
  bool IsUnchanged(const Taking& taking, const Manifest& newest) const;
  // Holds the newest verified backup of before the alert.
  Failure PinBefore(Job& job);
  void ApplyRetention(Job& job, const config::BackupConfig& config);
  bool ClockWasSet();
  void Note(Job& job, std::string note) const;

  const std::string cluster_name_;
  Catalogue& catalogue_;
  const WorkerTools tools_;
  Nanoseconds wall_over_steady_;  // to tell when the wall clock was set
};

}  // namespace warden::backup
