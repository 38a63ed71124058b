#include <memory>
#include <ostream>
#include <string>

#include "exporter/backup/worker.h"
#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/output.h"

namespace warden::cli {
namespace {

constexpr Milliseconds kLook{100};
// A daemon looks for requests every second; one that has not within this time does not run.
constexpr Seconds kPickUpMax{15};

struct Flags {
  BackupFlags target;
  FormatFlag format;
  std::string backup_class{config::kManualClass};
  std::string hold = "0";
  std::string timeout = "1h";
  bool all_members = false;
};

Result<backup::JobRequest> MakeRequest(const Flags& flags) {
  WARDEN_ASSIGN_OR_RETURN(const Milliseconds hold, ParseDuration(flags.hold));
  backup::Order order{.action = flags.all_members ? config::RuleAction::kSnapshotAllMembers
                                                  : config::RuleAction::kSnapshot,
                      .backup_class = flags.backup_class,
                      .hold = std::chrono::ceil<Seconds>(hold)};
  if (order.hold > config::kHoldMax) return Status(Code::kInvalidArgument, "--hold: at most 10y");
  if (order.backup_class.empty() || !HasOnly(order.backup_class, "_.:-")) {
    return Status(Code::kInvalidArgument, "--class: use letters, digits, _ . : and -");
  }
  return backup::JobRequest{.trigger = {.kind = metrics::Trigger::kManual},
                            .order = std::move(order)};
}

// Nobody else holds the catalogue: the job is carried out here.
Result<backup::Job> TakeHere(backup::Worker& worker, backup::JobRequest request, SteadyTime end) {
  worker.Start({});
  WARDEN_ASSIGN_OR_RETURN(const std::string id, worker.Reserve(std::move(request)));
  WARDEN_RETURN_IF_ERROR(worker.Confirm(id));
  while (std::chrono::steady_clock::now() < end) {
    const std::optional<backup::Job> job = worker.Find(id);
    if (job && job->ended()) return *job;
    Pause(kLook, {});
  }
  return Status(Code::kDeadlineExceeded, "job " + id +
                                             " did not end within --command-timeout; the "
                                             "next start takes it up");
}

// A daemon holds the catalogue: it finds the request there, and its job is what it answers.
Result<backup::Job> AskDaemon(BackupTools& tools, const Files::Path& directory,
                              backup::JobRequest request, SteadyTime end) {
  backup::Job job{.id = backup::NewId(tools.clock()),
                  .trigger = std::move(request.trigger),
                  .order = std::move(request.order),
                  .created = tools.clock().Now()};
  WARDEN_ASSIGN_OR_RETURN(const backup::JobStore requests,
                          backup::JobStore::Open(tools.files(), directory / backup::kRequestsName));
  WARDEN_RETURN_IF_ERROR(requests.Save(job));
  const Files::Path answer = directory / backup::kJobsName / (job.id + ".json");
  const SteadyTime picked_up = std::chrono::steady_clock::now() + kPickUpMax;
  bool known = false;
  while (std::chrono::steady_clock::now() < end) {
    if (const auto text = tools.files().ReadAll(answer, 64UL * 1024); text.ok()) {
      known = true;
      WARDEN_ASSIGN_OR_RETURN(const backup::Job now, backup::ParseJob(*text));
      if (now.ended()) return now;
    } else if (!known && std::chrono::steady_clock::now() >= picked_up &&
               requests.Remove(job.id).ok()) {
      return Status(Code::kUnavailable,
                    "another process holds " + directory.string() +
                        " and does not take the request; is its queue full, or is it stopped?");
    }
    Pause(kLook, {});
  }
  return Status(Code::kDeadlineExceeded,
                "job " + job.id + " did not end within --command-timeout; it goes on");
}

Result<backup::Job> Take(const Flags& flags, BackupTools& tools, const BackupTarget& target) {
  WARDEN_ASSIGN_OR_RETURN(const Milliseconds timeout, ParseDuration(flags.timeout));
  const SteadyTime end = std::chrono::steady_clock::now() + timeout;
  WARDEN_ASSIGN_OR_RETURN(backup::JobRequest request, MakeRequest(flags));
  const config::ClusterConfig& cluster = *target.cluster;
  backup::Settings settings{.cluster = etcd::MakeCluster({.endpoints = cluster.endpoints,
                                                          .tls = cluster.tls,
                                                          .auth = cluster.auth,
                                                          .backup_auth = cluster.backup_auth,
                                                          .on_token_refresh = {}},
                                                         tools.clock()),
                            .config = target.backup()};
  // This process is here for one backup, not for the schedules.
  settings.config.schedules.clear();
  const auto worker = backup::Worker::Open(
      cluster.name, target.backup().directory, std::move(settings),
      {tools.files(), tools.clock(), tools.log(), tools.instruments(), Milliseconds(1000)});
  if (worker.ok()) return TakeHere(**worker, std::move(request), end);
  if (worker.error().code() != Code::kFailedPrecondition) return worker.error();
  return AskDaemon(tools, target.backup().directory, std::move(request), end);
}

int RunBackupTake(Console& console, const Flags& flags) {
  BackupTools tools(console);
  const auto target = LoadTarget(flags.target);
  if (!target.ok()) return Fail(console, kUsage, target.error());
  const Result<backup::Job> job = Take(flags, tools, *target);
  if (!job.ok()) {
    const bool usage = job.error().code() == Code::kInvalidArgument;
    return Fail(console, usage ? kUsage : kFailed, job.error());
  }
  Print(console, flags.format.format(), {"JOB", "STATE", "BACKUPS"},
        {{job->id, std::string(JobStateName(job->state)), Join(job->backup_ids, " ")}},
        Json::array({ToJson(*job)}));
  for (const std::string& note : job->notes) console.err << "etcd-warden: " << note << "\n";
  if (job->state == backup::JobState::kSucceeded) return kSuccess;
  return Fail(console, kFailed, Status(Code::kUnknown, job->error));
}

}  // namespace

Run DeclareBackupTake(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->target.Declare(app);
  app.add_option("--class", flags->backup_class, "What retention knows the backup by")
      ->capture_default_str();
  app.add_option("--hold", flags->hold, "Hold it against retention for so long, as 30d");
  app.add_flag("--all-members", flags->all_members, "One backup of every member");
  app.add_option("--command-timeout", flags->timeout, "How long to wait for the job")
      ->capture_default_str();
  flags->format.Declare(app);
  app.footer(
      "Where a daemon runs on the backup directory, it takes the backup, and this waits for it;\n"
      "else the backup is taken here. It is verified, catalogued and kept by the configuration's\n"
      "retention either way; copies are made by the daemon, or by `backup copy`.");
  return [flags](Console& console) { return RunBackupTake(console, *flags); };
}

}  // namespace warden::cli
