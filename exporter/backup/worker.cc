#include "exporter/backup/worker.h"

#include <algorithm>
#include <utility>

#include "exporter/base/text.h"

namespace warden::backup {
namespace {

// A warden whose etcd is gone takes its backup this much later.
constexpr Seconds kClaimTimeout{10};
// For so long another warden may be at it; then it hangs, for all that can be told from here.
constexpr std::chrono::minutes kHeldMax{15};
// Between two log lines about a trouble that lasts.
constexpr std::chrono::minutes kComplaintPause{10};
constexpr Seconds kMarkInterval{30};  // between two notes of the highest revision

void LogDamage(const Listing& listing, const Files::Path& directory, Logger& log) {
  for (const Stranger& stranger : listing.strangers) {
    if (!stranger.damaged) continue;
    log.Log(LogLevel::kError, "a backup in the catalogue is damaged",
            {{"file", (directory / stranger.name).string()}, {"reason", stranger.reason}});
  }
}

// What wardens share of a job: nullopt for what was asked of this one alone.
std::optional<std::string> WorkName(const std::string& cluster, const Trigger& trigger) {
  switch (trigger.kind) {
    case metrics::Trigger::kSchedule:
      return cluster + "/schedule/" + trigger.schedule + "/" + trigger.tick;
    case metrics::Trigger::kWebhook:
      return cluster + "/alert/" + trigger.fingerprint + "/" + trigger.starts_at;
    case metrics::Trigger::kManual:
      break;
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::Open(std::string cluster_name, Files::Path directory,
                                             Settings settings, const WorkerTools& tools) {
  Files& files = tools.files;
  WARDEN_ASSIGN_OR_RETURN(Catalogue catalogue,
                          Catalogue::Open(files, std::move(directory), tools.log));
  const Files::Path& path = catalogue.directory();
  WARDEN_ASSIGN_OR_RETURN(JobStore jobs, JobStore::Open(files, path / kJobsName));
  WARDEN_ASSIGN_OR_RETURN(JobStore requests, JobStore::Open(files, path / kRequestsName));
  WARDEN_ASSIGN_OR_RETURN(const Listing listing, catalogue.List());
  LogDamage(listing, path, tools.log);
  std::unique_ptr<Worker> worker(new Worker(  // NOLINT: private
      std::move(cluster_name), std::move(catalogue), std::move(jobs), std::move(requests),
      std::move(settings), tools));
  WARDEN_RETURN_IF_ERROR(worker->queue_.TakeUp(listing));
  ScheduleStates schedules =
      LoadSchedules(files, worker->catalogue_.directory() / kSchedulesName, tools.log);
  MergeSchedules(schedules, worker->queue_.History(), tools.clock.Now());
  MutexLock lock(worker->mutex_);
  worker->schedules_ = std::move(schedules);
  return worker;
}

Worker::Worker(std::string cluster_name, Catalogue catalogue, JobStore jobs, JobStore requests,
               Settings settings, const WorkerTools& tools)
    : cluster_name_(std::move(cluster_name)),
      tools_(tools),
      catalogue_(std::move(catalogue)),
      queue_(cluster_name_, std::move(jobs), tools_.clock, tools_.log),
      requests_(std::move(requests)),
      engine_(cluster_name_, catalogue_, tools_),
      settings_(std::move(settings)) {}

void Worker::Start(const std::stop_token& stop) {
  thread_ = std::jthread([this](const std::stop_token& own) { Run(own); });
  intake_ = std::jthread([this](const std::stop_token& own) { TakeIn(own); });
  on_stop_.emplace(stop, [this] { RequestStop(); });
}

void Worker::Use(Settings settings) {
  // The old ones are let go outside the lock: that ends calls in flight.
  {
    MutexLock lock(mutex_);
    std::swap(settings_, settings);
    changed_.NotifyAll();
  }
}

Settings Worker::settings() const {
  MutexLock lock(mutex_);
  return settings_;
}

void Worker::Retire() {
  queue_.Close();
  RequestStop();
  if (thread_.joinable()) thread_.join();
  if (intake_.joinable()) intake_.join();
}

Worker::~Worker() {
  on_stop_.reset();
  RequestStop();
}

void Worker::RequestStop() {
  thread_.request_stop();
  intake_.request_stop();
  queue_.Wake();
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.NotifyAll();
}

void Worker::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::optional<Job> job = queue_.Next();
    if (!job || stop.stop_requested()) continue;
    CarryOut(*job, stop);
    queue_.ForgetOldJobs();
  }
}

// Beside the jobs, so that one that takes long keeps nobody waiting for an answer.
void Worker::MarkRevision() {
  const Settings now = settings();
  if (!now.highest_revision) return;
  const std::optional<RevisionMark> mark = now.highest_revision();
  if (!mark || mark == marked_) return;
  // A restore adds what may have been written since, so that it does not have to be every one.
  const bool is_recent = marked_ && marked_->cluster_id == mark->cluster_id &&
                         mark->at >= marked_->at && mark->at - marked_->at < kMarkInterval;
  if (is_recent) return;
  const Status saved = SaveRevisionMark(tools_.files, directory(), *mark);
  if (!saved.ok()) Complain("cannot write down the highest revision seen", saved);
  marked_ = mark;
}

void Worker::TakeIn(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    CollectRequests();
    QueueDueRuns();
    MarkRevision();
    const SteadyTime until = std::chrono::steady_clock::now() + tools_.poll;
    MutexLock lock(mutex_);
    if (!stopping_) changed_.WaitUntil(mutex_, until);
  }
}

void Worker::CarryOut(Job& job, const std::stop_token& stop) {
  job.state = JobState::kRunning;
  job.started = tools_.clock.Now();
  queue_.Update(job);
  engine_.Prepare(job);
  const std::shared_ptr<etcd::WorkLock> lock = settings().lock;
  etcd::Claim claim;
  const bool shared = lock && WorkName(cluster_name_, job.trigger);
  if (!shared || Claim(job, *lock, claim, stop)) {
    engine_.CarryOut(
        job, [this] { return settings(); }, stop);
    if (shared) EndClaim(job, *lock, claim, stop);
  }
  // Shut down, not failed: the job on disk still says running, so the next start takes it up.
  if (job.ended()) queue_.Update(job);
}

bool Worker::Claim(Job& job, etcd::WorkLock& lock, etcd::Claim& claim,
                   const std::stop_token& stop) {
  const std::string work = *WorkName(cluster_name_, job.trigger);
  const SteadyTime patience = tools_.clock.Steady() + kHeldMax;
  while (!stop.stop_requested()) {
    claim = lock.TryClaim(work, {.at = tools_.clock.Steady() + kClaimTimeout, .stop = stop});
    switch (claim.verdict) {
      case etcd::ClaimVerdict::kOurs:
        return true;
      case etcd::ClaimVerdict::kUnavailable:
        // Two backups are better than none.
        job.notes.push_back("taken without the lock in etcd: " + claim.reason);
        return true;
      case etcd::ClaimVerdict::kDone:
        job.state = JobState::kSkipped;
        job.finished = tools_.clock.Now();
        job.error = "another warden, " + claim.holder + ", has done it";
        return false;
      case etcd::ClaimVerdict::kHeld:
        if (tools_.clock.Steady() >= patience) {
          job.notes.push_back("taken though another warden, " + claim.holder + ", is at it");
          return true;
        }
        Pause(tools_.poll, stop);
    }
  }
  return false;
}

void Worker::EndClaim(const Job& job, etcd::WorkLock& lock, etcd::Claim& claim,
                      const std::stop_token& stop) {
  if (claim.verdict == etcd::ClaimVerdict::kHeld) return;
  const Deadline deadline{.at = tools_.clock.Steady() + kClaimTimeout, .stop = stop};
  const bool done = job.state == JobState::kSucceeded || job.state == JobState::kSkipped;
  const Status ended =
      done ? lock.Done(claim, Join(job.backup_ids, ","), deadline) : lock.GiveUp(claim, deadline);
  const bool expected = claim.verdict == etcd::ClaimVerdict::kUnavailable;
  if (ended.ok() || expected || stop.stop_requested()) return;
  tools_.log.Log(LogLevel::kWarn, "cannot tell the other wardens how a job ended",
                 {{"etcd_cluster", cluster_name_}, {"job", job.id}, {"error", ended}});
}

void Worker::CollectRequests() {
  const Files::Path directory = catalogue_.directory() / kRequestsName;
  const auto entries = tools_.files.List(directory);
  if (!entries.ok()) return Complain("cannot look for requests", entries.error());
  std::set<std::string> names;
  for (const DirectoryEntry& entry : *entries) names.insert(entry.name);
  if (names == known_requests_) return;
  const auto jobs = requests_.Load(tools_.log);
  if (!jobs.ok()) return Complain("cannot read the requests", jobs.error());
  for (const Job& job : *jobs) {
    const Status queued = queue_.Enqueue(job.id, {.trigger = job.trigger, .order = job.order});
    // One that finds no place stays and is looked at again.
    if (!queued.ok()) return Complain("cannot queue a request", queued);
    names.erase(job.id + ".json");
    if (const Status removed = requests_.Remove(job.id); !removed.ok()) {
      Complain("cannot remove a request that is queued", removed);
    }
  }
  known_requests_ = std::move(names);
}

void Worker::QueueDueRuns() {
  const Settings settings = this->settings();
  bool changed = false;
  for (const config::ScheduleConfig& schedule : settings.config.schedules) {
    const WallTime now = tools_.clock.Now();
    const ScheduleState before = StateOf(schedule.name);
    ScheduleState state = Settle(schedule, before, now);
    const auto due = FindDue(schedule, cluster_name_, state, now);
    if (due && QueueRun(schedule, *due)) {
      tools_.instruments.RunsSkipped(cluster_name_, due->missed);
      state.last_tick = due->tick;
    }
    if (state == before) continue;
    MutexLock lock(mutex_);
    schedules_[schedule.name] = state;
    changed = true;
  }
  if (!changed) return;
  ScheduleStates states;
  {
    MutexLock lock(mutex_);
    states = schedules_;
  }
  const Files::Path file = catalogue_.directory() / kSchedulesName;
  if (const Status saved = SaveSchedules(tools_.files, file, states); !saved.ok()) {
    Complain("cannot store when the schedules ran", saved);
  }
}

bool Worker::QueueRun(const config::ScheduleConfig& schedule, const DueRun& due) {
  for (const Job& job : queue_.History()) {
    if (job.ended() || job.trigger.schedule != schedule.name) continue;
    // Never two of a kind in the queue; the one that waits serves for both.
    tools_.instruments.RunsSkipped(cluster_name_, 1);
    return true;
  }
  const Status queued = queue_.Enqueue(
      NewId(tools_.clock), {.trigger = {.kind = metrics::Trigger::kSchedule,
                                        .schedule = schedule.name,
                                        .tick = FormatTime(due.tick)},
                            .order = {.backup_class = schedule.backup_class,
                                      .skip_if_unchanged = schedule.skip_if_unchanged}});
  if (!queued.ok()) Complain("cannot queue the run of a schedule", queued);
  return queued.ok();
}

ScheduleState Worker::StateOf(const std::string& schedule) const {
  MutexLock lock(mutex_);
  const auto found = schedules_.find(schedule);
  return found == schedules_.end() ? ScheduleState() : found->second;
}

std::optional<WallTime> Worker::NextRun() const {
  const WallTime now = tools_.clock.Now();
  std::optional<WallTime> first;
  for (const config::ScheduleConfig& schedule : settings().config.schedules) {
    const ScheduleState state = Settle(schedule, StateOf(schedule.name), now);
    const auto next = backup::NextRun(schedule, cluster_name_, state, now);
    if (next) first = std::min(first.value_or(*next), *next);
  }
  return first;
}

void Worker::Complain(const std::string& what, const Status& status) {
  // By its kind: the message names files that are new each time.
  const SteadyTime now = tools_.clock.Steady();
  const auto [last, is_new] = complaints_.try_emplace(what, now);
  if (!is_new && now - last->second < kComplaintPause) return;
  last->second = now;
  tools_.log.Log(LogLevel::kError, what, {{"etcd_cluster", cluster_name_}, {"error", status}});
}

}  // namespace warden::backup
