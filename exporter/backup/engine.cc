#include "exporter/backup/engine.h"

#include <algorithm>
#include <utility>

#include "exporter/backup/changes.h"
#include "exporter/backup/prune.h"
#include "exporter/backup/queue.h"
#include "exporter/base/text.h"

namespace warden::backup {
namespace {

using Stage = metrics::FailureStage;

constexpr Seconds kObserveTimeout{5};
// Of a clock that is disciplined, and not set.
constexpr Seconds kClockStepMax{60};
// Of one job; the log has the rest.
constexpr std::size_t kNotesMax = 20;

std::optional<std::string> AlarmOf(const etcd::MemberStatus& status) {
  for (const etcd::Alarm& alarm : status.alarms) {
    if (alarm.type == etcd::AlarmType::kCorrupt) {
      return "the alarm CORRUPT is raised for member " + FormatId(alarm.member_id);
    }
  }
  return std::nullopt;
}

Nanoseconds WallOverSteady(const Clock& clock) {
  return clock.Now().time_since_epoch() - clock.Steady().time_since_epoch();
}

std::string DescribeAlert(const Trigger& trigger) {
  return "alert " + (trigger.alertname.empty() ? trigger.fingerprint : trigger.alertname);
}

}  // namespace

// One try: what every step of it needs.
struct Engine::Taking {
  Job& job;
  const Settings& settings;
  snapshot::Tools tools;
  Deadline deadline;
};

Engine::Engine(std::string cluster_name, Catalogue& catalogue, const WorkerTools& tools)
    : cluster_name_(std::move(cluster_name)),
      catalogue_(catalogue),
      tools_(tools),
      wall_over_steady_(WallOverSteady(tools.clock)) {}

void Engine::CarryOut(Job& job, const std::function<Settings()>& settings,
                      const std::stop_token& stop) {
  tools_.instruments.BackupAttempted(cluster_name_, job.trigger.kind);
  Failure failure = TakeWithPatience(job, settings, stop);
  // Shut down, not failed: the job on disk still says running, so the next start takes it up.
  if (failure && stop.stop_requested()) return;
  End(job, std::move(failure));
  if (job.state == JobState::kSucceeded) ApplyRetention(job, settings().config);
}

void Engine::Prepare(Job& job) {
  if (job.order.action != config::RuleAction::kPinBefore) return;
  // What could not be pinned is no reason to take nothing.
  if (const Failure failure = PinBefore(job)) Note(job, failure->status.message());
}

void Engine::End(Job& job, Failure failure) {
  job.finished = tools_.clock.Now();
  if (job.state == JobState::kSkipped) {
    tools_.log.Log(LogLevel::kInfo, "backup skipped",
                   {{"etcd_cluster", cluster_name_}, {"job", job.id}, {"reason", job.error}});
    return;
  }
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
    return;
  }
  job.state = JobState::kSucceeded;
  tools_.instruments.BackupSucceeded(cluster_name_);
  tools_.log.Log(LogLevel::kInfo, "backup taken",
                 {{"etcd_cluster", cluster_name_},
                  {"job", job.id},
                  {"backup", Join(job.backup_ids, ",")},
                  {"trigger", metrics::TriggerName(job.trigger.kind)},
                  {"duration", *job.finished - *job.started}});
}

Engine::Failure Engine::TakeWithPatience(Job& job, const std::function<Settings()>& settings,
                                         const std::stop_token& stop) {
  Milliseconds pause = tools_.retry_pause;
  for (int tries = 1;; ++tries, pause *= 2) {
    Failure failure = Take(job, settings(), stop);
    const bool again =
        failure && failure->stage == Stage::kConnect && tries < kTriesMax && !stop.stop_requested();
    if (!again) return failure;
    tools_.log.Log(LogLevel::kWarn, "no member can be reached for a backup, trying again",
                   {{"etcd_cluster", cluster_name_},
                    {"job", job.id},
                    {"pause", pause},
                    {"error", failure->status}});
    Pause(pause, stop);
  }
}

Engine::Failure Engine::Take(Job& job, const Settings& settings, const std::stop_token& stop) {
  const Result<Listing> listing = catalogue_.List();
  if (!listing.ok()) return snapshot::TakeError{Stage::kWrite, listing.error()};
  Taking taking{.job = job,
                .settings = settings,
                .tools = {.cluster = *settings.cluster,
                          .files = tools_.files,
                          .clock = tools_.clock,
                          .log = tools_.log,
                          .attest = settings.config.attest},
                .deadline = {.at = SteadyTime::max(), .stop = stop}};
  if (const Manifest* newest = listing->NewestGood()) {
    taking.tools.cluster_id = newest->cluster_id;
    taking.tools.newest_revision = newest->revision;
    if (job.order.skip_if_unchanged && IsUnchanged(taking, *newest)) {
      job.state = JobState::kSkipped;
      job.backup_ids = {newest->id};
      job.error = "nothing has changed since backup " + newest->id;
      return std::nullopt;
    }
  }
  const bool all = job.order.action == config::RuleAction::kSnapshotAllMembers;
  return all ? TakeAll(taking) : TakeOne(taking);
}

bool Engine::IsUnchanged(const Taking& taking, const Manifest& newest) const {
  const auto observation = taking.tools.cluster.Observe(
      {.at = tools_.clock.Steady() + kObserveTimeout, .stop = taking.deadline.stop});
  bool any = false;
  for (const etcd::EndpointView& endpoint : observation->Wait().endpoints) {
    const auto& status = endpoint.status.value;
    // Whoever is cut off does not know what has changed elsewhere.
    if (!status || status->leader_id == 0) return false;
    any = true;
    // The raft index besides, since users, roles, leases and members have no revision.
    if (status->cluster_id != newest.cluster_id || status->revision > newest.revision ||
        status->raft_index > newest.raft_index_before) {
      return false;
    }
  }
  return any && newest.revision.has_value();
}

Engine::Failure Engine::TakeOne(Taking& taking) {
  const std::string id = NewId(tools_.clock);
  const snapshot::TakeOutcome outcome =
      snapshot::Take(taking.tools, catalogue_.PartialPath(id), taking.deadline);
  if (!outcome.taken) return outcome.error;
  return Keep(taking, id, *outcome.taken);
}

Engine::Failure Engine::TakeAll(Taking& taking) {
  const Result<std::vector<snapshot::Source>> sources =
      snapshot::FindSources(taking.tools, taking.deadline);
  if (!sources.ok()) {
    const bool foreign = sources.error().code() == Code::kFailedPrecondition;
    return snapshot::TakeError{foreign ? Stage::kVerify : Stage::kConnect, sources.error()};
  }
  Failure first;
  bool any = false;
  for (const snapshot::Source& source : *sources) {
    const std::string id = NewId(tools_.clock);
    const snapshot::TakeOutcome outcome =
        snapshot::TakeFrom(taking.tools, source, catalogue_.PartialPath(id), taking.deadline);
    Failure failure;
    if (outcome.taken) {
      failure = Keep(taking, id, *outcome.taken);
    } else {
      failure = outcome.error;
    }
    any = any || !failure;
    if (!failure) continue;
    // Shut down in the middle: the next start takes them all again.
    if (taking.deadline.stop.stop_requested()) return failure;
    Note(taking.job, source.endpoint.url + ": " + failure->status.message());
    if (!first) first = std::move(failure);
  }
  return any ? std::nullopt : first;
}

Engine::Failure Engine::Keep(Taking& taking, const std::string& id, const snapshot::Taken& taken) {
  tools_.instruments.StageFinished(cluster_name_, metrics::TimedStage::kStream, taken.duration);
  tools_.instruments.StageFinished(cluster_name_, metrics::TimedStage::kVerify,
                                   taken.verify_duration);
  const Order& order = taking.job.order;
  Manifest manifest = DescribeTaken(taken);
  manifest.id = id;
  manifest.job_id = taking.job.id;
  manifest.cluster_name = cluster_name_;
  manifest.file = SnapshotName(id);
  manifest.created = tools_.clock.Now();
  manifest.trigger = taking.job.trigger;
  manifest.backup_class = order.backup_class;
  for (const std::string& note : taking.job.notes) manifest.notes.push_back(note);
  if (order.hold > Seconds(0)) {
    manifest.holds.push_back({.by = std::string(metrics::TriggerName(manifest.trigger.kind)),
                              .since = manifest.created,
                              .until = manifest.created + order.hold,
                              .reason = manifest.trigger.alertname});
  }
  if (manifest.quarantined.empty()) {
    const std::string doubt = taking.settings.distrust ? taking.settings.distrust() : "";
    manifest.quarantined = AlarmOf(taken.source.status).value_or(doubt);
  }
  if (Status committed = catalogue_.Commit(manifest); !committed.ok()) {
    return snapshot::TakeError{Stage::kWrite, std::move(committed)};
  }
  taking.job.backup_ids.push_back(id);
  if (taking.settings.on_kept) taking.settings.on_kept();
  // Kept, since it may be all there is of that member one day; but the job has failed.
  if (Status trusted = CheckTrusted(manifest); !trusted.ok()) {
    return snapshot::TakeError{Stage::kVerify, std::move(trusted)};
  }
  return std::nullopt;
}

Engine::Failure Engine::PinBefore(Job& job) {
  const Result<WallTime> starts_at = ParseTime(job.trigger.starts_at);
  const WallTime before = starts_at.ok() ? *starts_at : job.created;
  const Result<Listing> listing = catalogue_.List();
  if (!listing.ok()) return snapshot::TakeError{Stage::kWrite, listing.error()};
  const auto found = std::ranges::find_if(listing->backups, [&](const Manifest& backup) {
    return backup.verified() && backup.created < before;
  });
  if (found == listing->backups.end()) {
    Note(job, "there is no verified backup of before " + FormatTime(before) + " to pin");
    return std::nullopt;
  }
  Hold hold{.by = DescribeAlert(job.trigger),
            .since = tools_.clock.Now(),
            .until = {},
            .reason = "the newest of before " + FormatTime(before)};
  if (job.order.hold > Seconds(0)) hold.until = hold.since + job.order.hold;
  const auto pinned =
      ChangeManifest(tools_.files, catalogue_.directory(), found->id, [&](Manifest& manifest) {
        // A job that is taken up again after a crash has pinned it already.
        std::erase_if(manifest.holds, [&](const Hold& held) {
          return held.by == hold.by && held.reason == hold.reason;
        });
        manifest.holds.push_back(hold);
      });
  if (!pinned.ok()) {
    return snapshot::TakeError{Stage::kWrite,
                               pinned.error().WithContext("pin backup " + found->id)};
  }
  Note(job, "pinned backup " + found->id + ", " + hold.reason);
  return std::nullopt;
}

bool Engine::ClockWasSet() {
  const Nanoseconds before = std::exchange(wall_over_steady_, WallOverSteady(tools_.clock));
  return std::chrono::abs(wall_over_steady_ - before) > kClockStepMax;
}

void Engine::ApplyRetention(Job& job, const config::BackupConfig& config) {
  const bool clock_was_set = ClockWasSet();
  if (!config.retention) return;
  if (clock_was_set) {
    Note(job, "the clock was set since the last backup: nothing is deleted this time");
    return;
  }
  const SteadyTime start = tools_.clock.Steady();
  const Result<Pruned> pruned =
      Prune(tools_.files, catalogue_.directory(), *config.retention, tools_.clock.Now());
  tools_.instruments.StageFinished(cluster_name_, metrics::TimedStage::kPrune,
                                   tools_.clock.Steady() - start);
  const Status failure = pruned.ok() ? pruned->failure : pruned.error();
  if (!failure.ok()) {
    tools_.instruments.BackupFailed(cluster_name_, Stage::kPrune);
    Note(job, "retention: " + failure.message());
  }
  if (!pruned.ok() || pruned->deleted.empty()) return;
  tools_.log.Log(LogLevel::kInfo, "deleted backups that no rule keeps",
                 {{"etcd_cluster", cluster_name_}, {"backups", Join(pruned->deleted, ",")}});
}

void Engine::Note(Job& job, std::string note) const {
  note = ToSingleLine(note, 2048);
  tools_.log.Log(LogLevel::kWarn, note, {{"etcd_cluster", cluster_name_}, {"job", job.id}});
  if (job.notes.size() < kNotesMax) job.notes.push_back(std::move(note));
}

}  // namespace warden::backup
