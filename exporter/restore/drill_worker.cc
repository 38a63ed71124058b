#include "exporter/restore/drill_worker.h"

#include <algorithm>
#include <utility>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/schedule_store.h"
#include "exporter/base/text.h"

namespace warden::restore {
namespace {

constexpr std::string_view kStateName = "schedule.json";
// For all programs to say their versions.
constexpr Seconds kFindTimeout{30};

}  // namespace

DrillWorker::DrillWorker(std::string cluster, config::BackupConfig backup, DrillWorkerTools tools)
    : cluster_(std::move(cluster)),
      backup_(std::move(backup)),
      tools_(std::move(tools)),
      store_(tools_.files, backup_.directory) {}

DrillWorker::~DrillWorker() {
  Stop();
}

void DrillWorker::Start(const std::stop_token& stop) {
  if (!backup_.drill->schedule) return;
  const backup::ScheduleStates states =
      backup::LoadSchedules(tools_.files, store_.directory() / kStateName, tools_.log);
  if (const auto found = states.find(backup_.drill->schedule->name); found != states.end()) {
    MutexLock lock(mutex_);
    state_ = found->second;
  }
  thread_ = std::jthread([this](const std::stop_token& own) { Run(own); });
  on_stop_.emplace(stop, [this] { RequestStop(); });
}

void DrillWorker::Stop() {
  on_stop_.reset();
  RequestStop();
  if (thread_.joinable()) thread_.join();
}

void DrillWorker::RequestStop() {
  thread_.request_stop();
  MutexLock lock(mutex_);
  changed_.NotifyAll();
}

void DrillWorker::Run(const std::stop_token& stop) {
  SayWhatThereIs(stop);
  while (!stop.stop_requested()) {
    const Status look = Look(stop);
    if (!look.ok()) {
      tools_.log.Log(LogLevel::kError, "cannot drill",
                     {{"etcd_cluster", cluster_},
                      {"next_try_in", Nanoseconds(tools_.trouble_pause)},
                      {"error", look}});
    }
    Wait(look.ok() ? tools_.poll : tools_.trouble_pause, stop);
  }
}

void DrillWorker::SayWhatThereIs(const std::stop_token& stop) {
  const EtcdPrograms programs =
      tools_.find(backup_.drill->etcd, {.at = tools_.clock.Steady() + kFindTimeout, .stop = stop});
  if (stop.stop_requested()) return;
  std::vector<std::string> versions;
  versions.reserve(programs.found.size());
  for (const EtcdProgram& program : programs.found) versions.push_back(program.version);
  const std::string complaints = ToSingleLine(Join(programs.complaints, "; "), 2048);
  if (versions.empty()) {
    tools_.log.Log(
        LogLevel::kInfo,
        "there is no etcd to start in drills: they will only look at the files, and fail",
        {{"etcd_cluster", cluster_}, {"reason", complaints}});
    return;
  }
  tools_.log.Log(LogLevel::kInfo, "drills are scheduled",
                 {{"etcd_cluster", cluster_},
                  {"next", FormatTime(NextRun().value_or(tools_.clock.Now()))},
                  {"etcd_versions", Join(versions, ",")}});
  if (complaints.empty()) return;
  tools_.log.Log(LogLevel::kWarn, "not every etcd for drills can be used",
                 {{"etcd_cluster", cluster_}, {"reason", complaints}});
}

Status DrillWorker::Look(const std::stop_token& stop) {
  const config::ScheduleConfig& schedule = *backup_.drill->schedule;
  const WallTime now = tools_.clock.Now();
  const backup::ScheduleState before = state();
  const backup::ScheduleState settled = backup::Settle(schedule, before, now);
  if (settled != before) {
    WARDEN_RETURN_IF_ERROR(Save(settled));
    Remember(settled);
  }
  const auto due = backup::FindDue(schedule, cluster_, settled, now);
  if (!due || stop.stop_requested()) return {};
  const DrillTurn::Permit turn = tools_.turn.TryTake();
  if (!turn || !HasBackup()) return {};
  // Let go at once, for the drill takes it: it is there so that waiting for a long drill of the
  // command line costs nothing.
  const Status lock = store_.Lock().status();
  if (lock.code() == Code::kFailedPrecondition) return {};
  WARDEN_RETURN_IF_ERROR(lock);
  return Drill(*due, stop);
}

// A fresh installation has no backup yet, which is no failure of a drill.
bool DrillWorker::HasBackup() {
  const auto listing = backup::ListBackups(tools_.files, backup_.directory);
  const bool has =
      listing.ok() && std::ranges::any_of(listing->backups, &backup::Manifest::verified);
  if (!has && !std::exchange(said_waiting_, true)) {
    const std::string why = listing.ok() ? "there is none" : listing.error().message();
    tools_.log.Log(LogLevel::kInfo, "a drill is due and waits for a verified backup",
                   {{"etcd_cluster", cluster_}, {"reason", why}});
  }
  if (has) said_waiting_ = false;
  return has;
}

Status DrillWorker::Drill(const backup::DueRun& due, const std::stop_token& stop) {
  const backup::ScheduleState before = state();
  // Else the next start would drill again, and a disk that takes no state takes no receipt either.
  WARDEN_RETURN_IF_ERROR(Save({.last_tick = due.tick}));
  Remember({.last_tick = due.tick});
  running_ = true;
  const Result<DrillReceipt> receipt = tools_.run({.cluster = cluster_,
                                                   .backup = backup_,
                                                   .drill = *backup_.drill,
                                                   .trigger = metrics::Trigger::kSchedule},
                                                  stop);
  running_ = false;
  if (receipt.ok()) {
    Report(*receipt);
    return {};
  }
  // It did not take place.
  Remember(before);
  if (const Status saved = Save(before); !saved.ok()) {
    tools_.log.Log(LogLevel::kWarn, "cannot store that a drill is still to come",
                   {{"etcd_cluster", cluster_}, {"error", saved}});
  }
  // Stopped, or another process was faster.
  if (stop.stop_requested() || receipt.error().code() == Code::kFailedPrecondition) return {};
  return receipt.error();
}

void DrillWorker::Report(const DrillReceipt& receipt) const {
  if (receipt.succeeded) {
    tools_.log.Log(LogLevel::kInfo, "drill succeeded",
                   {{"etcd_cluster", cluster_},
                    {"drill", receipt.id},
                    {"backup", receipt.backup_id},
                    {"source", receipt.Source()},
                    {"etcd_version", receipt.etcd_version},
                    {"time_to_restore", receipt.restore_duration.value_or(Nanoseconds(0))}});
    return;
  }
  tools_.log.Log(LogLevel::kError, "drill failed",
                 {{"etcd_cluster", cluster_},
                  {"drill", receipt.id},
                  {"backup", receipt.backup_id},
                  {"source", receipt.Source()},
                  {"step", receipt.failed_step},
                  {"damaged", receipt.damaged ? "true" : "false"},
                  {"error", receipt.error}});
}

Status DrillWorker::Save(const backup::ScheduleState& state) const {
  WARDEN_RETURN_IF_ERROR(tools_.files.MakeDirectories(store_.directory()));
  return backup::SaveSchedules(tools_.files, store_.directory() / kStateName,
                               {{backup_.drill->schedule->name, state}});
}

void DrillWorker::Remember(const backup::ScheduleState& state) {
  MutexLock lock(mutex_);
  state_ = state;
}

backup::ScheduleState DrillWorker::state() const {
  MutexLock lock(mutex_);
  return state_;
}

void DrillWorker::Wait(Nanoseconds longest, const std::stop_token& stop) {
  const SteadyTime until =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<SteadyTime::duration>(longest);
  MutexLock lock(mutex_);
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
    changed_.WaitUntil(mutex_, until);
  }
}

std::optional<WallTime> DrillWorker::NextRun() const {
  if (!backup_.drill->schedule) return std::nullopt;
  return backup::NextRun(*backup_.drill->schedule, cluster_, state(), tools_.clock.Now());
}

std::optional<Seconds> DrillWorker::Interval() const {
  const auto& schedule = backup_.drill->schedule;
  if (!schedule) return std::nullopt;
  if (!schedule->cron) return schedule->every;
  const auto first = schedule->cron->Next(tools_.clock.Now(), schedule->time_zone);
  if (!first) return std::nullopt;
  const auto second = schedule->cron->Next(*first, schedule->time_zone);
  if (!second) return std::nullopt;
  return std::chrono::floor<Seconds>(*second - *first);
}

}  // namespace warden::restore
