// The drills that a cluster's configuration asks for, on a thread of their own.
//
//   drills/schedule.json   when the schedule last ran, beside the receipts
//
// A drill that is due starts when no other drill of this process or this cluster runs and there is
// a verified backup; until then it stays due. It counts as run from its start, so that one that
// brings the process down is not tried again at the next start; one that is stopped from outside is
// still to come.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "exporter/backup/schedule.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/mutex.h"
#include "exporter/config/backup_config.h"
#include "exporter/restore/drill.h"

namespace warden::restore {

// One drill at a time over all clusters of a process, for a drill may use what memory and disk it
// needs. Thread-safe; outlives its permits.
class DrillTurn {
 public:
  struct Leave {
    void operator()(std::atomic<bool>* taken) const { *taken = false; }
  };
  using Permit = std::unique_ptr<std::atomic<bool>, Leave>;

  // Never waits; null: another one has the turn.
  Permit TryTake() { return taken_.exchange(true) ? nullptr : Permit(&taken_); }

 private:
  std::atomic<bool> taken_ = false;
};

// What drills need; all outlive them.
struct DrillWorkerTools {
  Files& files;
  const Clock& clock;
  Logger& log;
  DrillTurn& turn;
  // RunDrill and FindEtcdPrograms; others in tests only.
  std::function<Result<DrillReceipt>(const DrillRequest&, const std::stop_token&)> run;
  std::function<EtcdPrograms(const std::vector<std::filesystem::path>&, const Deadline&)> find;
  Milliseconds poll{5'000};             // between two looks at the schedule
  Milliseconds trouble_pause{600'000};  // after a drill that could not even begin
};

// Thread-safe, but for Start and Stop.
class DrillWorker {
 public:
  // `backup.drill` is there.
  DrillWorker(std::string cluster, config::BackupConfig backup, DrillWorkerTools tools);
  // As Stop.
  ~DrillWorker();
  DrillWorker(const DrillWorker&) = delete;
  DrillWorker& operator=(const DrillWorker&) = delete;

  // Reads when the last drill was and starts the thread, if there is a schedule. Call it once.
  // `stop` ends a drill in flight at once.
  void Start(const std::stop_token& stop);
  // Ends it likewise and waits for the thread. Harmless a second time.
  void Stop();

  // Whether it does what these ask for.
  bool Serves(const std::string& cluster, const config::BackupConfig& backup) const {
    return cluster_ == cluster && backup_ == backup;
  }
  bool running() const { return running_; }
  // nullopt: there is no schedule, or it fires no more.
  std::optional<WallTime> NextRun() const WARDEN_EXCLUDES(mutex_);
  // Between two drills: as configured, or what lies between the next two times of a cron
  // expression.
  std::optional<Seconds> Interval() const;

 private:
  void Run(const std::stop_token& stop);
  void SayWhatThereIs(const std::stop_token& stop);
  // Runs a drill if one is due and nothing stands in its way. A failure will not pass by itself.
  Status Look(const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  Status Drill(const backup::DueRun& due, const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  bool HasBackup();
  void Report(const DrillReceipt& receipt) const;
  Status Save(const backup::ScheduleState& state) const;
  void Remember(const backup::ScheduleState& state) WARDEN_EXCLUDES(mutex_);
  backup::ScheduleState state() const WARDEN_EXCLUDES(mutex_);
  void Wait(Nanoseconds longest, const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  void RequestStop() WARDEN_EXCLUDES(mutex_);

  const std::string cluster_;
  const config::BackupConfig backup_;
  const DrillWorkerTools tools_;
  const DrillStore store_;
  std::atomic<bool> running_ = false;
  bool said_waiting_ = false;  // of the thread

  mutable Mutex mutex_;
  CondVar changed_;
  backup::ScheduleState state_ WARDEN_GUARDED_BY(mutex_);
  // Last: they use all of the above.
  std::jthread thread_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace warden::restore
