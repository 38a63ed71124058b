// The backups of one cluster: a bounded queue of jobs and the one thread that carries them out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/jobs.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/mutex.h"
#include "exporter/etcd/cluster.h"
#include "exporter/metrics/instruments.h"
#include "exporter/snapshot/take.h"

namespace warden::backup {

// What a worker needs; all outlive it.
struct WorkerTools {
  Files& files;
  const Clock& clock;
  Logger& log;
  metrics::Instruments& instruments;
  Milliseconds retry_pause{10'000};  // the first; each further one is twice as long
};

// Where backups come from, and who is asked to attest them; a reload may change both.
struct BackupSource {
  std::shared_ptr<etcd::Cluster> cluster;
  config::AttestPolicy attest = config::AttestPolicy::kFollowers;
};

// Jobs that may wait; another one is refused.
inline constexpr std::size_t kQueueMax = 16;
// Tries of one job as long as no member can be reached: with the pauses some five minutes.
inline constexpr int kTriesMax = 6;

// A request enters in two steps, so that the decision about it is taken under the caller's lock and
// the write to disk is not: Reserve puts the job where History shows it, Confirm makes it durable
// and lets it run. Thread-safe.
class Worker {
 public:
  // Opens the catalogue and the jobs in `directory` and takes up what a crash left undone: a job
  // that was queued or running is queued, unless its backup made it into the catalogue. Nothing
  // runs yet.
  static Result<std::unique_ptr<Worker>> Open(std::string cluster_name, Files::Path directory,
                                              BackupSource source, const WorkerTools& tools);
  // Starts the thread; call it once. `stop` cancels the running job, which the next start takes up.
  void Start(const std::stop_token& stop);
  // Takes the next backup, or the next try of the running job, from there; a stream in flight goes
  // on over the connections it began with.
  void UseSource(BackupSource source) WARDEN_EXCLUDES(mutex_);
  // For a cluster that is configured no more: cancels likewise and waits for the thread. Jobs are
  // refused from now on; those on disk stay there.
  void Retire() WARDEN_EXCLUDES(mutex_);
  // Cancels likewise and waits for the thread.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // kResourceExhausted when the queue is full, kUnavailable after Retire.
  Result<std::string> Reserve(Trigger trigger) WARDEN_EXCLUDES(mutex_);
  // On failure, such as kUnavailable after Retire, the job is gone as if it had never been.
  Status Confirm(const std::string& job_id) WARDEN_EXCLUDES(mutex_);

  // All known jobs, oldest first.
  std::vector<Job> History() const WARDEN_EXCLUDES(mutex_);
  std::optional<Job> Find(std::string_view job_id) const WARDEN_EXCLUDES(mutex_);
  std::size_t QueueDepth() const WARDEN_EXCLUDES(mutex_);
  bool InProgress() const WARDEN_EXCLUDES(mutex_);

  const std::string& cluster_name() const { return cluster_name_; }
  const Files::Path& directory() const { return catalogue_.directory(); }
  Result<Listing> List() const { return catalogue_.List(); }

 private:
  struct Entry {
    Job job;
    bool confirmed = false;
  };

  Worker(std::string cluster_name, Catalogue catalogue, JobStore store, BackupSource source,
         const WorkerTools& tools);
  Status TakeUp(std::vector<Job> jobs) WARDEN_EXCLUDES(mutex_);
  void RequestStop() WARDEN_EXCLUDES(mutex_);
  void Run(const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  std::optional<Job> Next(const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  // One job from start to finish; it tells how it went.
  void CarryOut(Job& job, const std::stop_token& stop);
  // Tries again, with growing pauses, while no member can be reached: the alert that asked for the
  // backup often comes with the outage.
  std::optional<snapshot::TakeError> TakeBackupWithPatience(Job& job, const std::stop_token& stop);
  std::optional<snapshot::TakeError> TakeBackup(Job& job, const std::stop_token& stop);
  std::optional<snapshot::TakeError> Keep(Manifest manifest, Job& job);
  void Pause(Milliseconds pause, const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  // Shows and stores the job's new state.
  void Update(const Job& job) WARDEN_EXCLUDES(mutex_);
  void ForgetOldJobs() WARDEN_EXCLUDES(mutex_);
  Entry* FindEntry(std::string_view job_id) WARDEN_REQUIRES(mutex_);
  BackupSource source() const WARDEN_EXCLUDES(mutex_);
  // Lets a stored job run.
  Status Admit(const std::string& job_id) WARDEN_EXCLUDES(mutex_);
  Status CheckNotRetired() const WARDEN_EXCLUDES(mutex_);
  Status RetiredError() const;
  std::string NewId() const;

  const std::string cluster_name_;
  const WorkerTools tools_;
  Catalogue catalogue_;
  const JobStore store_;

  mutable Mutex mutex_;
  CondVar changed_;
  BackupSource source_ WARDEN_GUARDED_BY(mutex_);
  std::vector<Entry> entries_ WARDEN_GUARDED_BY(mutex_);
  bool retired_ WARDEN_GUARDED_BY(mutex_) = false;
  // Last: they use all of the above.
  std::jthread thread_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace warden::backup
