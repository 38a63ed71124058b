#include "exporter/backup/queue.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

namespace warden::backup {

Status CheckTrusted(const Manifest& manifest) {
  if (manifest.quarantined.empty()) return {};
  return Status(Code::kDataLoss,
                "backup " + manifest.id + " is quarantined: " + manifest.quarantined);
}

void SettleBy(Job& job, const Manifest& backup) {
  job.state = JobState::kSucceeded;
  if (const Status trusted = CheckTrusted(backup); !trusted.ok()) {
    job.state = JobState::kFailed;
    job.stage = metrics::FailureStageName(metrics::FailureStage::kVerify);
    job.error = trusted.message();
  }
  job.started = backup.started;
  job.finished = backup.created;
  job.backup_ids = {backup.id};
}

std::string NewId(const Clock& clock) {
  std::random_device random;
  return MakeId(clock.Now(), random());
}

Status JobQueue::TakeUp(const Listing& listing) {
  WARDEN_ASSIGN_OR_RETURN(std::vector<Job> jobs, store_.Load(log_));
  for (Job& job : jobs) {
    if (job.ended()) continue;
    // A queued job may have its backup too: its later states could not be stored then. One that was
    // to take several takes them all again: whoever asked for every member wants them all.
    const auto done = std::ranges::find_if(
        listing.backups, [&](const Manifest& backup) { return backup.job_id == job.id; });
    const bool several = job.order.action == config::RuleAction::kSnapshotAllMembers;
    if (done != listing.backups.end() && !several) {
      SettleBy(job, *done);
      // Stored, since the backup that proves it will not be kept for ever.
      WARDEN_RETURN_IF_ERROR(store_.Save(job));
    } else {
      job.state = JobState::kQueued;
      job.started.reset();
    }
  }
  MutexLock lock(mutex_);
  for (Job& job : jobs) entries_.push_back({.job = std::move(job), .confirmed = true});
  return {};
}

Result<Job> JobQueue::Add(std::string id, JobRequest request) {
  Job job{.id = std::move(id),
          .cluster = cluster_name_,
          .trigger = std::move(request.trigger),
          .order = std::move(request.order),
          .created = clock_.Now()};
  MutexLock lock(mutex_);
  if (closed_) return ClosedError();
  if (const std::size_t queued = Queued(); queued >= kQueueMax) {
    return Status(Code::kResourceExhausted, "the queue of cluster " + cluster_name_ + " is full: " +
                                                std::to_string(queued) + " jobs are waiting");
  }
  entries_.push_back({.job = job, .confirmed = false});
  return job;
}

Result<std::string> JobQueue::Reserve(JobRequest request) {
  WARDEN_ASSIGN_OR_RETURN(const Job job, Add(NewId(clock_), std::move(request)));
  return job.id;
}

Status JobQueue::Enqueue(const std::string& job_id, JobRequest request) {
  if (Find(job_id)) return {};
  WARDEN_RETURN_IF_ERROR(Add(job_id, std::move(request)).status());
  return Confirm(job_id);
}

Status JobQueue::Confirm(const std::string& job_id) {
  const std::optional<Job> job = Find(job_id);
  if (!job) return Status(Code::kNotFound, "no job " + job_id);
  Status stored = CheckNotClosed();
  if (stored.ok()) stored = store_.Save(*job);
  if (stored.ok()) stored = Admit(job_id);
  if (stored.ok()) return {};
  // The file may be there, and only its directory not synced; the next start must not run it.
  store_.Remove(job_id).ok();
  MutexLock lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.job.id == job_id; });
  return std::move(stored).WithContext("store the request for a backup of cluster " +
                                       cluster_name_);
}

Status JobQueue::Admit(const std::string& job_id) {
  MutexLock lock(mutex_);
  // Closed while the job was stored: nobody would run it.
  if (closed_) return ClosedError();
  FindEntry(job_id)->confirmed = true;
  changed_.NotifyAll();
  return {};
}

std::optional<Job> JobQueue::Next() {
  MutexLock lock(mutex_);
  while (!std::exchange(woken_, false)) {
    for (Entry& entry : entries_) {
      if (entry.confirmed && entry.job.state == JobState::kQueued) return entry.job;
    }
    changed_.Wait(mutex_);
  }
  return std::nullopt;
}

void JobQueue::Wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyAll();
}

void JobQueue::Update(const Job& job) {
  {
    MutexLock lock(mutex_);
    FindEntry(job.id)->job = job;
  }
  if (const Status saved = store_.Save(job); !saved.ok()) {
    // The backup itself does not depend on it; at worst the job runs again after a restart.
    log_.Log(LogLevel::kWarn, "cannot store the state of a job",
             {{"job", job.id}, {"error", saved}});
  }
}

void JobQueue::ForgetOldJobs() {
  std::vector<std::string> forgotten;
  {
    MutexLock lock(mutex_);
    // For each kind by itself: a busy schedule must not make the alerts' jobs forgotten, by which
    // duplicates are told.
    std::map<metrics::Trigger, std::size_t> kept;
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      const Job& job = entry->job;
      if (++kept[job.trigger.kind] > kJobsKept && job.ended()) forgotten.push_back(job.id);
    }
    std::erase_if(entries_, [&](const Entry& entry) {
      return std::ranges::find(forgotten, entry.job.id) != forgotten.end();
    });
  }
  for (const std::string& id : forgotten) {
    if (const Status removed = store_.Remove(id); !removed.ok()) {
      log_.Log(LogLevel::kWarn, "cannot remove an old job", {{"error", removed}});
    }
  }
}

void JobQueue::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
}

std::vector<Job> JobQueue::History() const {
  MutexLock lock(mutex_);
  std::vector<Job> jobs;
  for (const Entry& entry : entries_) jobs.push_back(entry.job);
  return jobs;
}

std::optional<Job> JobQueue::Find(std::string_view job_id) const {
  MutexLock lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.job.id == job_id) return entry.job;
  }
  return std::nullopt;
}

std::size_t JobQueue::Queued() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      entries_, [](const Entry& entry) { return entry.job.state == JobState::kQueued; }));
}

std::size_t JobQueue::Depth() const {
  MutexLock lock(mutex_);
  return Queued();
}

bool JobQueue::InProgress() const {
  MutexLock lock(mutex_);
  return std::ranges::any_of(
      entries_, [](const Entry& entry) { return entry.job.state == JobState::kRunning; });
}

Status JobQueue::CheckNotClosed() const {
  MutexLock lock(mutex_);
  return closed_ ? ClosedError() : Status();
}

Status JobQueue::ClosedError() const {
  return Status(Code::kUnavailable,
                "backups of cluster " + cluster_name_ + " are configured no more");
}

JobQueue::Entry* JobQueue::FindEntry(std::string_view job_id) {
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.job.id == job_id; });
  return found == entries_.end() ? nullptr : &*found;
}

}  // namespace warden::backup
