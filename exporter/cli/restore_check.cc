#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "exporter/base/files.h"
#include "exporter/base/text.h"
#include "exporter/cli/connection.h"
#include "exporter/cli/output.h"
#include "exporter/cli/plan_flags.h"
#include "exporter/cli/progress.h"
#include "exporter/cli/snapshot_file.h"
#include "exporter/etcd/reads.h"
#include "exporter/restore/check_gather.h"
#include "exporter/restore/check_hash.h"
#include "exporter/restore/facts.h"

namespace warden::cli {
namespace {

const Row kHeader = {"NAME", "RESULT", "FOUND"};

struct Flags {
  ConnectionFlags connection;
  FormatFlag format;
  std::string plan;
  std::string snapshot;
  std::string wait = "5m";
};

// What the cluster is compared with.
struct Measure {
  restore::ExpectedCluster expected;
  std::optional<SnapshotFile> snapshot;

  std::map<std::int64_t, Result<std::uint32_t>> hashes;  // by compaction, since each is a reading

  Result<std::uint32_t> WantedHash(std::int64_t compact_revision) {
    if (!snapshot) return restore::HashInFacts(expected, compact_revision);
    const auto known = hashes.find(compact_revision);
    if (known != hashes.end()) return known->second;
    return hashes
        .emplace(compact_revision,
                 restore::HashOfSnapshot(snapshot->keys(), expected, compact_revision, {}))
        .first->second;
  }
};

Result<restore::SnapshotFacts> ReadFacts(Console& console, Files& files, const std::string& path) {
  const SystemClock clock;
  ProgressMeter meter(console, clock, Files::Path(path).filename().string());
  WARDEN_ASSIGN_OR_RETURN(
      restore::ReadFacts read,
      restore::GatherFacts(files, path, std::nullopt, {.stop = {}, .progress = meter.callback()}));
  return std::move(read.facts);
}

Result<Measure> MeasureFor(Console& console, const Flags& flags) {
  PosixFiles files;
  if (flags.plan.empty() && flags.snapshot.empty()) {
    return Status(Code::kInvalidArgument, "--plan or --snapshot is needed: what was restored?");
  }
  std::optional<restore::Plan> plan;
  if (!flags.plan.empty()) {
    WARDEN_ASSIGN_OR_RETURN(plan, LoadPlan(files, flags.plan));
  }
  if (flags.snapshot.empty())
    return Measure{.expected = restore::ExpectedOf(*plan), .snapshot = {}, .hashes = {}};
  WARDEN_ASSIGN_OR_RETURN(const restore::SnapshotFacts facts,
                          ReadFacts(console, files, flags.snapshot));
  if (plan && plan->snapshot.sha256 != facts.sha256) {
    return Status(Code::kInvalidArgument, flags.snapshot + " is not the snapshot of " + flags.plan +
                                              ", which is " + plan->snapshot.file +
                                              ": its SHA-256 is another one");
  }
  WARDEN_ASSIGN_OR_RETURN(SnapshotFile file, SnapshotFile::Open(flags.snapshot));
  return Measure{.expected = plan ? restore::ExpectedOf(*plan) : restore::ExpectedOf(facts),
                 .snapshot = std::move(file),
                 .hashes = {}};
}

std::string Summary(const restore::ClusterReport& report) {
  using restore::CheckVerdict;
  std::vector<std::string> counts;
  for (const auto verdict : {CheckVerdict::kOk, CheckVerdict::kRemark, CheckVerdict::kNotChecked,
                             CheckVerdict::kUnknown, CheckVerdict::kFailed}) {
    const auto count = std::ranges::count(report.checks, verdict, &restore::ClusterCheck::verdict);
    if (count == 0) continue;
    counts.push_back(std::to_string(count) + " " + std::string(restore::VerdictName(verdict)));
  }
  return Join(counts, ", ");
}

void PrintReport(Console& console, Format format, const restore::ClusterReport& report) {
  std::vector<Row> rows;
  for (const restore::ClusterCheck& check : report.checks) {
    rows.push_back(
        {std::string(check.name), std::string(restore::VerdictName(check.verdict)), check.found});
  }
  Print(console, format, kHeader, rows, restore::ToJson(report));
  if (format == Format::kTable) console.out << Summary(report) << "\n";
}

int RunRestoreCheck(Console& console, const Flags& flags, const Clock& clock,
                    const ConnectionFlags::Target& target) {
  const Milliseconds call_timeout =
      std::chrono::ceil<Milliseconds>(target.deadline.at - clock.Steady());
  const Result<Milliseconds> wait = ParseDuration(flags.wait);
  if (!wait.ok()) return Fail(console, kUsage, wait.error().WithContext("--wait"));
  Result<Measure> measure = MeasureFor(console, flags);
  if (!measure.ok()) {
    const bool wrong_flags = measure.error().code() == Code::kInvalidArgument;
    return Fail(console, wrong_flags ? kUsage : kFailed, measure.error());
  }
  const auto cluster = etcd::MakeCluster(target.options, clock);
  const auto reads = etcd::MakeReads(target.options, clock);
  const restore::CheckTools tools{
      .cluster = *cluster,
      .reads = *reads,
      .clock = clock,
      .call_timeout = call_timeout,
      .wanted_hash = [&](std::int64_t compacted) { return measure->WantedHash(compacted); }};
  std::string told;
  const auto tell = [&](const restore::ClusterReport& report) {
    if (report.is_final() || report.ok()) return;
    // Each new state once, however long it lasts.
    if (const std::string problem = report.FirstProblem(); problem != told) {
      console.err << "etcd-warden: waiting: " << ToSingleLine(problem) << "\n";
      told = problem;
    }
  };
  const restore::ClusterReport report = restore::CheckCluster(
      tools, measure->expected,
      {.until = {.at = clock.Steady() + *wait, .stop = target.deadline.stop}, .on_look = tell});
  PrintReport(console, flags.format.format(), report);
  return report.ok() ? kSuccess : kFailed;
}

}  // namespace

Run DeclareRestoreCheck(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("--plan", flags->plan, "The plan that was run on every member")->type_name("FILE");
  app.add_option("--snapshot", flags->snapshot,
                 "The snapshot that was restored: without a plan, or for the hash after a "
                 "compaction or a bump")
      ->type_name("FILE");
  app.add_option("--wait", flags->wait,
                 "How long to wait for every member to answer and agree; 0 looks once")
      ->capture_default_str();
  flags->connection.Declare(app, "1m");
  app.get_option("--command-timeout")->description("How long a member may take for each answer");
  flags->format.Declare(app);
  app.footer(
      "Compares the cluster that was started with the plan, or with the snapshot: members and "
      "their\n"
      "ids, leader, quorum, revision, hash, keys, leases, alarms, authentication. What is compared "
      "is\n"
      "of the revision that the cluster began with, unless that was compacted since: then it says\n"
      "\"not checked\" and why. The members take no writes while they hash, seconds for every 10 "
      "GB.\n"
      "Exit code 1 if a check failed or was not answered (\"unknown\").");
  return OnTarget(std::move(flags), RunRestoreCheck);
}

}  // namespace warden::cli
