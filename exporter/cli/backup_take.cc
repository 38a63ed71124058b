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
// A daemon looks for requests every second; one that has not within the second of these is stuck.
// One that is being restarted has the first to come back before its place is taken.
constexpr Seconds kRestartMax{5};
constexpr Seconds kPickUpMax{15};
constexpr int kLooksPerOpen = 10;

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

Result<std::unique_ptr<backup::Worker>> OpenWorker(BackupTools& tools, const BackupTarget& target) {
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
  return backup::Worker::Open(
      cluster.name, target.backup().directory, std::move(settings),
      {tools.files(), tools.clock(), tools.log(), tools.instruments(), Milliseconds(1000)});
}

// One backup, by whoever holds the catalogue: a daemon, another command, or this process.
class Taker {
 public:
  Taker(BackupTools& tools, const BackupTarget& target, SteadyTime end)
      : tools_(tools), target_(target), directory_(target.backup().directory), end_(end) {}

  Result<backup::Job> Take(backup::JobRequest request) {
    auto worker = OpenWorker(tools_, target_);
    if (!worker.ok() && worker.error().code() != Code::kFailedPrecondition) return worker.error();
    if (worker.ok()) {
      (*worker)->Start({});
      WARDEN_ASSIGN_OR_RETURN(id_, (*worker)->Reserve(std::move(request)));
      WARDEN_RETURN_IF_ERROR((*worker)->Confirm(id_));
      return AwaitHere(**worker);
    }
    WARDEN_RETURN_IF_ERROR(Ask(std::move(request)));
    return AwaitAnswer();
  }

 private:
  Status Ask(backup::JobRequest request) {
    const backup::Job job{.id = backup::NewId(tools_.clock()),
                          .trigger = std::move(request.trigger),
                          .order = std::move(request.order),
                          .created = tools_.clock().Now()};
    id_ = job.id;
    WARDEN_ASSIGN_OR_RETURN(
        const backup::JobStore requests,
        backup::JobStore::Attach(tools_.files(), directory_ / backup::kRequestsName));
    Status saved = requests.Save(job);
    // A daemon that starts at this moment clears up what looks like a leftover.
    return saved.code() == Code::kNotFound ? requests.Save(job) : saved;
  }

  Result<backup::Job> AwaitHere(backup::Worker& worker) {
    while (std::chrono::steady_clock::now() < end_) {
      const std::optional<backup::Job> job = worker.Find(id_);
      if (job && job->ended()) return *job;
      Pause(kLook, {});
    }
    return TooLate();
  }

  // The job's file is the answer. Whoever held the catalogue may have ended since: then it is ours
  // to carry out.
  Result<backup::Job> AwaitAnswer() {
    const Files::Path answer = directory_ / backup::kJobsName / (id_ + ".json");
    const Files::Path request = directory_ / backup::kRequestsName / (id_ + ".json");
    const SteadyTime asked = std::chrono::steady_clock::now();
    for (int look = 1; std::chrono::steady_clock::now() < end_; ++look) {
      if (const auto text = tools_.files().ReadAll(answer, backup::kJobBytesMax); text.ok()) {
        WARDEN_ASSIGN_OR_RETURN(const backup::Job job, backup::ParseJob(*text));
        if (job.ended()) return job;
      }
      const auto waited = std::chrono::steady_clock::now() - asked;
      if (waited >= kRestartMax && look % kLooksPerOpen == 0) {
        auto worker = OpenWorker(tools_, target_);
        if (worker.ok()) {
          (*worker)->Start({});
          return AwaitHere(**worker);
        }
        if (waited >= kPickUpMax && tools_.files().Remove(request).ok()) {
          return Status(Code::kUnavailable,
                        "another process holds " + directory_.string() +
                            " and does not take the request; is its queue full, or is it stopped?");
        }
      }
      Pause(kLook, {});
    }
    // Unless somebody has taken it by now, nobody is to do it later.
    tools_.files().Remove(request).ok();
    return TooLate();
  }

  Status TooLate() const {
    return Status(Code::kDeadlineExceeded,
                  "job " + id_ + " did not end within --command-timeout; whoever holds " +
                      directory_.string() + " goes on with it");
  }

  BackupTools& tools_;
  const BackupTarget& target_;
  const Files::Path directory_;
  const SteadyTime end_;
  std::string id_;
};

Result<backup::Job> Take(const Flags& flags, BackupTools& tools, const BackupTarget& target) {
  WARDEN_ASSIGN_OR_RETURN(const Milliseconds timeout, ParseDuration(flags.timeout));
  WARDEN_ASSIGN_OR_RETURN(backup::JobRequest request, MakeRequest(flags));
  return Taker(tools, target, std::chrono::steady_clock::now() + timeout).Take(std::move(request));
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
