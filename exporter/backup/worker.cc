#include "exporter/backup/worker.h"

#include <algorithm>
#include <random>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/snapshot/take.h"

namespace warden::backup {
namespace {

void LogDamage(const Listing& listing, const Files::Path& directory, Logger& log) {
  for (const Stranger& stranger : listing.strangers) {
    if (!stranger.damaged) continue;
    log.Log(LogLevel::kError, "a backup in the catalogue is damaged",
            {{"file", (directory / stranger.name).string()}, {"reason", stranger.reason}});
  }
}

Status CheckTrusted(const Manifest& manifest) {
  if (manifest.quarantined.empty()) return {};
  return Status(Code::kDataLoss,
                "backup " + manifest.id + " is quarantined: " + manifest.quarantined);
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::Open(std::string cluster_name, Files::Path directory,
                                             BackupSource source, const WorkerTools& tools) {
  WARDEN_ASSIGN_OR_RETURN(Catalogue catalogue,
                          Catalogue::Open(tools.files, std::move(directory), tools.log));
  WARDEN_ASSIGN_OR_RETURN(JobStore store,
                          JobStore::Open(tools.files, catalogue.directory() / "jobs"));
  WARDEN_ASSIGN_OR_RETURN(std::vector<Job> jobs, store.Load(tools.log));
  std::unique_ptr<Worker> worker(new Worker(  // NOLINT: private
      std::move(cluster_name), std::move(catalogue), std::move(store), std::move(source), tools));
  WARDEN_RETURN_IF_ERROR(worker->TakeUp(std::move(jobs)));
  return worker;
}

void Worker::Start(const std::stop_token& stop) {
  thread_ = std::jthread([this](const std::stop_token& own) { Run(own); });
  on_stop_.emplace(stop, [this] { RequestStop(); });
}

Worker::Worker(std::string cluster_name, Catalogue catalogue, JobStore store, BackupSource source,
               const WorkerTools& tools)
    : cluster_name_(std::move(cluster_name)),
      tools_(tools),
      catalogue_(std::move(catalogue)),
      store_(std::move(store)),
      source_(std::move(source)) {}

void Worker::UseSource(BackupSource source) {
  // The old one is let go outside the lock: it ends calls in flight.
  MutexLock lock(mutex_);
  std::swap(source_, source);
}

BackupSource Worker::source() const {
  MutexLock lock(mutex_);
  return source_;
}

void Worker::Retire() {
  {
    MutexLock lock(mutex_);
    retired_ = true;
  }
  RequestStop();
  if (thread_.joinable()) thread_.join();
}

Worker::~Worker() {
  on_stop_.reset();
  RequestStop();
}

void Worker::RequestStop() {
  thread_.request_stop();
  // Taking the lock orders the request before the wait of a thread that is about to sleep.
  MutexLock lock(mutex_);
  changed_.NotifyAll();
}

Status Worker::TakeUp(std::vector<Job> jobs) {
  WARDEN_ASSIGN_OR_RETURN(const Listing listing, catalogue_.List());
  LogDamage(listing, catalogue_.directory(), tools_.log);
  for (Job& job : jobs) {
    if (job.ended()) continue;
    // A queued job may have its backup too: its later states could not be stored then.
    const auto done = std::find_if(listing.backups.begin(), listing.backups.end(),
                                   [&](const Manifest& m) { return m.job_id == job.id; });
    if (done != listing.backups.end()) {
      job.state = JobState::kSucceeded;
      if (const Status trusted = CheckTrusted(*done); !trusted.ok()) {
        job.state = JobState::kFailed;
        job.stage = metrics::FailureStageName(metrics::FailureStage::kVerify);
        job.error = trusted.message();
      }
      job.started = done->started;
      job.finished = done->created;
      job.backup_id = done->id;
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

Result<std::string> Worker::Reserve(Trigger trigger) {
  Job job{.id = NewId(),
          .cluster = cluster_name_,
          .trigger = std::move(trigger),
          .created = tools_.clock.Now()};
  WARDEN_RETURN_IF_ERROR(CheckNotRetired());
  MutexLock lock(mutex_);
  const auto queued = std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return entry.job.state == JobState::kQueued;
  });
  if (static_cast<std::size_t>(queued) >= kQueueMax) {
    return Status(Code::kResourceExhausted, "the queue of cluster " + cluster_name_ + " is full: " +
                                                std::to_string(queued) + " jobs are waiting");
  }
  entries_.push_back({.job = job, .confirmed = false});
  return job.id;
}

Status Worker::Confirm(const std::string& job_id) {
  const std::optional<Job> job = Find(job_id);
  if (!job) return Status(Code::kNotFound, "no job " + job_id);
  Status stored = CheckNotRetired();
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

Status Worker::Admit(const std::string& job_id) {
  MutexLock lock(mutex_);
  // Retired while the job was stored: nobody would run it.
  if (retired_) return RetiredError();
  FindEntry(job_id)->confirmed = true;
  changed_.NotifyAll();
  return {};
}

std::vector<Job> Worker::History() const {
  MutexLock lock(mutex_);
  std::vector<Job> jobs;
  for (const Entry& entry : entries_) jobs.push_back(entry.job);
  return jobs;
}

std::optional<Job> Worker::Find(std::string_view job_id) const {
  MutexLock lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.job.id == job_id) return entry.job;
  }
  return std::nullopt;
}

std::size_t Worker::QueueDepth() const {
  MutexLock lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return entry.job.state == JobState::kQueued; }));
}

bool Worker::InProgress() const {
  MutexLock lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.job.state == JobState::kRunning; });
}

void Worker::Run(const std::stop_token& stop) {
  while (std::optional<Job> job = Next(stop)) {
    CarryOut(*job, stop);
    ForgetOldJobs();
  }
}

std::optional<Job> Worker::Next(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    for (Entry& entry : entries_) {
      if (entry.confirmed && entry.job.state == JobState::kQueued) return entry.job;
    }
    changed_.Wait(mutex_);
  }
  return std::nullopt;
}

void Worker::CarryOut(Job& job, const std::stop_token& stop) {
  job.state = JobState::kRunning;
  job.started = tools_.clock.Now();
  Update(job);
  tools_.instruments.BackupAttempted(cluster_name_, job.trigger.kind);
  const std::optional<snapshot::TakeError> failure = TakeBackupWithPatience(job, stop);
  // Shut down, not failed: the job on disk still says running, so the next start takes it up.
  if (failure && stop.stop_requested()) return;
  job.finished = tools_.clock.Now();
  if (failure) {
    job.state = JobState::kFailed;
    job.stage = metrics::FailureStageName(failure->stage);
    job.error =
        ToSingleLine("back up cluster " + cluster_name_ + ": " + failure->status.message(), 2048);
    tools_.instruments.BackupFailed(cluster_name_, failure->stage);
    tools_.log.Log(LogLevel::kError, "backup failed",
                   {{"etcd_cluster", cluster_name_},
                    {"job", job.id},
                    {"stage", job.stage},
                    {"error", job.error}});
  } else {
    job.state = JobState::kSucceeded;
    tools_.instruments.BackupSucceeded(cluster_name_);
    tools_.log.Log(LogLevel::kInfo, "backup taken",
                   {{"etcd_cluster", cluster_name_},
                    {"job", job.id},
                    {"backup", job.backup_id},
                    {"trigger", metrics::TriggerName(job.trigger.kind)},
                    {"duration", *job.finished - *job.started}});
  }
  Update(job);
}

std::optional<snapshot::TakeError> Worker::TakeBackupWithPatience(Job& job,
                                                                  const std::stop_token& stop) {
  Milliseconds pause = tools_.retry_pause;
  for (int tries = 1;; ++tries, pause *= 2) {
    std::optional<snapshot::TakeError> failure = TakeBackup(job, stop);
    const bool again = failure && failure->stage == metrics::FailureStage::kConnect &&
                       tries < kTriesMax && !stop.stop_requested();
    if (!again) return failure;
    tools_.log.Log(LogLevel::kWarn, "no member can be reached for a backup, trying again",
                   {{"etcd_cluster", cluster_name_},
                    {"job", job.id},
                    {"pause", pause},
                    {"error", failure->status}});
    Pause(pause, stop);
  }
}

void Worker::Pause(Milliseconds pause, const std::stop_token& stop) {
  const SteadyTime until = tools_.clock.Steady() + pause;
  MutexLock lock(mutex_);
  while (!stop.stop_requested() && tools_.clock.Steady() < until) {
    changed_.WaitUntil(mutex_, until);
  }
}

std::optional<snapshot::TakeError> Worker::TakeBackup(Job& job, const std::stop_token& stop) {
  const std::string id = NewId();
  const Result<Listing> listing = catalogue_.List();
  if (!listing.ok()) {
    return snapshot::TakeError{metrics::FailureStage::kWrite, listing.error()};
  }
  const BackupSource source = this->source();
  snapshot::Tools tools{.cluster = *source.cluster,
                        .files = tools_.files,
                        .clock = tools_.clock,
                        .log = tools_.log,
                        .attest = source.attest};
  if (const Manifest* newest = listing->NewestGood()) {
    tools.cluster_id = newest->cluster_id;
    tools.newest_revision = newest->revision;
  }
  const snapshot::TakeOutcome outcome = snapshot::Take(
      tools, catalogue_.PartialPath(id), Deadline{.at = SteadyTime::max(), .stop = stop});
  if (!outcome.taken) return outcome.error;
  tools_.instruments.StageFinished(cluster_name_, metrics::TimedStage::kStream,
                                   outcome.taken->duration);
  tools_.instruments.StageFinished(cluster_name_, metrics::TimedStage::kVerify,
                                   outcome.taken->verify_duration);
  Manifest manifest = DescribeTaken(*outcome.taken);
  manifest.id = id;
  manifest.job_id = job.id;
  manifest.cluster_name = cluster_name_;
  manifest.file = SnapshotName(id);
  manifest.created = tools_.clock.Now();
  manifest.trigger = job.trigger;
  return Keep(std::move(manifest), job);
}

std::optional<snapshot::TakeError> Worker::Keep(Manifest manifest, Job& job) {
  if (Status committed = catalogue_.Commit(manifest); !committed.ok()) {
    return snapshot::TakeError{metrics::FailureStage::kWrite, std::move(committed)};
  }
  job.backup_id = manifest.id;
  // Kept, since it may be all there is of that member one day; but the job has failed.
  if (Status trusted = CheckTrusted(manifest); !trusted.ok()) {
    return snapshot::TakeError{metrics::FailureStage::kVerify, std::move(trusted)};
  }
  return std::nullopt;
}

void Worker::Update(const Job& job) {
  {
    MutexLock lock(mutex_);
    FindEntry(job.id)->job = job;
  }
  if (const Status saved = store_.Save(job); !saved.ok()) {
    // The backup itself does not depend on it; at worst the job runs again after a restart.
    tools_.log.Log(LogLevel::kWarn, "cannot store the state of a job",
                   {{"job", job.id}, {"error", saved}});
  }
}

void Worker::ForgetOldJobs() {
  std::vector<std::string> forgotten;
  {
    MutexLock lock(mutex_);
    while (entries_.size() > kJobsKept && entries_.front().job.ended()) {
      forgotten.push_back(entries_.front().job.id);
      entries_.erase(entries_.begin());
    }
  }
  for (const std::string& id : forgotten) {
    if (const Status removed = store_.Remove(id); !removed.ok()) {
      tools_.log.Log(LogLevel::kWarn, "cannot remove an old job", {{"error", removed}});
    }
  }
}

Status Worker::CheckNotRetired() const {
  MutexLock lock(mutex_);
  return retired_ ? RetiredError() : Status();
}

Status Worker::RetiredError() const {
  return Status(Code::kUnavailable,
                "backups of cluster " + cluster_name_ + " are configured no more");
}

Worker::Entry* Worker::FindEntry(std::string_view job_id) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.job.id == job_id; });
  return found == entries_.end() ? nullptr : &*found;
}

std::string Worker::NewId() const {
  std::random_device random;
  return MakeId(tools_.clock.Now(), random());
}

}  // namespace warden::backup
