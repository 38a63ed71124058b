// The backups of one cluster: its queue, the thread that fills it from schedules and requests, and
// the one that carries the jobs out.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/engine.h"
#include "exporter/backup/jobs.h"
#include "exporter/backup/queue.h"
#include "exporter/backup/schedule_store.h"
#include "exporter/base/mutex.h"

namespace warden::backup {

// Thread-safe.
class Worker {
 public:
  // Opens the catalogue and the jobs in `directory` and takes up what a crash left undone: a job
  // that was queued or running is queued, unless its backup made it into the catalogue. Nothing
  // runs yet.
  static Result<std::unique_ptr<Worker>> Open(std::string cluster_name, Files::Path directory,
                                              Settings settings, const WorkerTools& tools);
  // Starts the threads; call it once. `stop` cancels the running job, which the next start takes
  // up.
  void Start(const std::stop_token& stop);
  // Holds from the next job, or the next try of the running one; a stream in flight goes on over
  // the connections it began with.
  void Use(Settings settings) WARDEN_EXCLUDES(mutex_);
  // For a cluster that is configured no more: cancels likewise and waits for the threads. Jobs are
  // refused from now on; those on disk stay there.
  void Retire();
  // Cancels likewise and waits for the threads.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // As those of JobQueue.
  Result<std::string> Reserve(JobRequest request) { return queue_.Reserve(std::move(request)); }
  Status Confirm(const std::string& job_id) { return queue_.Confirm(job_id); }
  std::vector<Job> History() const { return queue_.History(); }
  std::optional<Job> Find(std::string_view job_id) const { return queue_.Find(job_id); }
  std::size_t QueueDepth() const { return queue_.Depth(); }
  bool InProgress() const { return queue_.InProgress(); }

  // When the first of the schedules fires next; nullopt without a schedule.
  std::optional<WallTime> NextRun() const WARDEN_EXCLUDES(mutex_);

  const std::string& cluster_name() const { return cluster_name_; }
  const Files::Path& directory() const { return catalogue_.directory(); }
  Result<Listing> List() const { return catalogue_.List(); }

 private:
  Worker(std::string cluster_name, Catalogue catalogue, JobStore jobs, JobStore requests,
         Settings settings, const WorkerTools& tools);
  void RequestStop() WARDEN_EXCLUDES(mutex_);
  void Run(const std::stop_token& stop);
  void TakeIn(const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  void CarryOut(Job& job, const std::stop_token& stop);
  // Jobs that the command line asks for.
  void CollectRequests();
  void QueueDueRuns();
  // False if the run is not queued and is to be looked at again.
  bool QueueRun(const config::ScheduleConfig& schedule, const DueRun& due);
  // Whether the job is this warden's; waits for another one that is at it. Else it says why not.
  bool Claim(Job& job, etcd::WorkLock& lock, etcd::Claim& claim, const std::stop_token& stop);
  void EndClaim(const Job& job, etcd::WorkLock& lock, etcd::Claim& claim,
                const std::stop_token& stop);
  // Writes down, now and then, how far the cluster has come.
  void MarkRevision();
  // Logs a trouble that lasts now and then.
  void Complain(const std::string& what, const Status& status);
  Settings settings() const WARDEN_EXCLUDES(mutex_);
  ScheduleState StateOf(const std::string& schedule) const WARDEN_EXCLUDES(mutex_);

  const std::string cluster_name_;
  const WorkerTools tools_;
  Catalogue catalogue_;
  JobQueue queue_;
  const JobStore requests_;
  Engine engine_;                                 // of the thread that carries out
  std::set<std::string> known_requests_;          // of the other: those that cannot be read, too
  std::map<std::string, SteadyTime> complaints_;  // of the other: when each was last logged
  std::optional<RevisionMark> marked_;            // of the other: what was written last

  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ WARDEN_GUARDED_BY(mutex_) = false;
  Settings settings_ WARDEN_GUARDED_BY(mutex_);
  ScheduleStates schedules_ WARDEN_GUARDED_BY(mutex_);
  // Last: they use all of the above.
  std::jthread thread_;
  std::jthread intake_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace warden::backup
