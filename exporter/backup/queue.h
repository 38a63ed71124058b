// The jobs of one cluster: those that wait, the one that runs, and those that have ended.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/jobs.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/mutex.h"

namespace warden::backup {

// Jobs that may wait; another one is refused.
inline constexpr std::size_t kQueueMax = 16;

// What to ask for.
struct JobRequest {
  Trigger trigger;
  Order order;
};

// A request enters in two steps, so that the decision about it is taken under the caller's lock and
// the write to disk is not: Reserve puts the job where History shows it, Confirm makes it durable
// and lets it run. Thread-safe.
class JobQueue {
 public:
  JobQueue(std::string cluster_name, JobStore store, const Clock& clock, Logger& log)
      : cluster_name_(std::move(cluster_name)),
        store_(std::move(store)),
        clock_(clock),
        log_(log) {}

  // Takes up what a crash left undone: a job that was queued or running is queued, unless its
  // backup made it into the catalogue. Call it once, first.
  Status TakeUp(const Listing& listing) WARDEN_EXCLUDES(mutex_);

  // kResourceExhausted when the queue is full, kUnavailable after Close.
  Result<std::string> Reserve(JobRequest request) WARDEN_EXCLUDES(mutex_);
  // On failure, such as kUnavailable after Close, the job is gone as if it had never been.
  Status Confirm(const std::string& job_id) WARDEN_EXCLUDES(mutex_);
  // Both at once, under an id that the caller has chosen; a job of that id that is already known is
  // left as it is.
  Status Enqueue(const std::string& job_id, JobRequest request) WARDEN_EXCLUDES(mutex_);

  // The next to run, once there is one; nullopt when woken.
  std::optional<Job> Next() WARDEN_EXCLUDES(mutex_);
  // Ends a Next that waits, and the one after.
  void Wake() WARDEN_EXCLUDES(mutex_);
  // Shows and stores the job's new state.
  void Update(const Job& job) WARDEN_EXCLUDES(mutex_);
  // Of those that have ended, keeps the newest kJobsKept of each kind of trigger.
  void ForgetOldJobs() WARDEN_EXCLUDES(mutex_);
  // Jobs are refused from now on; those on disk stay there.
  void Close() WARDEN_EXCLUDES(mutex_);

  // All known jobs, oldest first.
  std::vector<Job> History() const WARDEN_EXCLUDES(mutex_);
  std::optional<Job> Find(std::string_view job_id) const WARDEN_EXCLUDES(mutex_);
  std::size_t Depth() const WARDEN_EXCLUDES(mutex_);
  bool InProgress() const WARDEN_EXCLUDES(mutex_);

 private:
  struct Entry {
    Job job;
    bool confirmed = false;
  };

  Result<Job> Add(std::string id, JobRequest request) WARDEN_EXCLUDES(mutex_);
  Entry* FindEntry(std::string_view job_id) WARDEN_REQUIRES(mutex_);
  std::size_t Queued() const WARDEN_REQUIRES(mutex_);
  // Lets a stored job run.
  Status Admit(const std::string& job_id) WARDEN_EXCLUDES(mutex_);
  Status CheckNotClosed() const WARDEN_EXCLUDES(mutex_);
  Status ClosedError() const;

  const std::string cluster_name_;
  const JobStore store_;
  const Clock& clock_;
  Logger& log_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Entry> entries_ WARDEN_GUARDED_BY(mutex_);
  bool woken_ WARDEN_GUARDED_BY(mutex_) = false;
  bool closed_ WARDEN_GUARDED_BY(mutex_) = false;
};

// The job's state as its backup in the catalogue proves it; its id is among the backup's facts.
void SettleBy(Job& job, const Manifest& backup);

// kDataLoss if the backup is in quarantine.
Status CheckTrusted(const Manifest& manifest);

// A new id of a job or a backup.
std::string NewId(const Clock& clock);

}  // namespace warden::backup
