// Rehearse a restore, and show how earlier rehearsals went.
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "exporter/base/interruption.h"
#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/output.h"
#include "exporter/restore/drill.h"

namespace warden::cli {
namespace {

const Row kHeader = {"DRILL", "BACKUP",      "SOURCE", "TRIGGER",
                     "ETCD",  "RESTORED IN", "KEYS",   "RESULT"};

struct Flags {
  BackupFlags target;
  FormatFlag format;
  std::string id = "latest";
  std::vector<std::string> etcd;
  std::string scratch;
  std::string timeout;
  std::string from;
  std::string identity_file;
  std::string probe;
  bool history = false;
};

std::string InSeconds(Nanoseconds duration) {
  return FormatDuration(std::chrono::ceil<Milliseconds>(duration));
}

Row ToRow(const restore::DrillReceipt& receipt) {
  return {receipt.id,
          receipt.backup_id.empty() ? "-" : receipt.backup_id,
          receipt.Source(),
          std::string(metrics::TriggerName(receipt.trigger)),
          receipt.etcd_version.empty() ? "-" : receipt.etcd_version,
          receipt.restore_duration ? InSeconds(*receipt.restore_duration) : "-",
          receipt.keys ? std::to_string(*receipt.keys) : "-",
          receipt.succeeded ? "ok" : receipt.failed_step + ": " + receipt.error};
}

void PrintReceipts(Console& console, const Flags& flags,
                   const std::vector<restore::DrillReceipt>& receipts) {
  std::vector<Row> rows;
  Json json = Json::array();
  for (const restore::DrillReceipt& receipt : receipts) {
    rows.push_back(ToRow(receipt));
    json.push_back(ToJson(receipt));
  }
  Print(console, flags.format.format(), kHeader, rows, json);
}

// What the configuration asks for, and what the flags say instead. kInvalidArgument if they make
// no sense.
Result<restore::DrillRequest> MakeRequest(const Flags& flags, const BackupTarget& target) {
  restore::DrillRequest request{.cluster = target.cluster->name,
                                .backup = target.backup(),
                                .drill = target.backup().drill.value_or(config::DrillConfig{}),
                                .trigger = metrics::Trigger::kManual,
                                .backup_id = flags.id,
                                .destination = flags.from};
  if (flags.id != "latest" && !backup::IsId(flags.id)) {
    return Status(Code::kInvalidArgument,
                  "\"" + ToSingleLine(flags.id, 64) + "\" is no id of a backup, nor \"latest\"");
  }
  if (!flags.from.empty()) {
    WARDEN_RETURN_IF_ERROR(
        ChooseDestination(*target.cluster, flags.from).status().WithContext("--from"));
  }
  if (!flags.etcd.empty()) request.drill.etcd.assign(flags.etcd.begin(), flags.etcd.end());
  if (!flags.scratch.empty()) request.drill.scratch = flags.scratch;
  if (!flags.identity_file.empty()) request.drill.age_identity_file = flags.identity_file;
  if (!flags.probe.empty()) request.drill.probe = {flags.probe};
  if (!flags.timeout.empty()) {
    WARDEN_ASSIGN_OR_RETURN(const Milliseconds timeout, ParseDuration(flags.timeout));
    request.drill.timeout = std::chrono::ceil<Seconds>(timeout);
  }
  return request;
}

int RunHistory(Console& console, const Flags& flags, BackupTools& tools,
               const BackupTarget& target) {
  const restore::DrillStore store(tools.files(), target.backup().directory);
  const auto receipts = store.Load(tools.log());
  if (!receipts.ok()) return Fail(console, kFailed, receipts.error());
  PrintReceipts(console, flags, *receipts);
  return kSuccess;
}

int RunDrillCommand(Console& console, const Flags& flags) {
  const Interruption interruption;
  BackupTools tools(console);
  const auto target = LoadTarget(flags.target);
  if (!target.ok()) return Fail(console, kUsage, target.error());
  if (flags.history) return RunHistory(console, flags, tools, *target);
  const auto request = MakeRequest(flags, *target);
  if (!request.ok()) return Fail(console, kUsage, request.error());
  // The steps are in the JSON as well.
  const auto show = [&console](const restore::DrillStep& step) {
    console.out << (step.passed ? "ok    " : "FAIL  ") << step.name << " ("
                << InSeconds(step.duration) << "): " << ToSingleLine(step.found) << std::endl;
  };
  restore::DrillTools drill{tools.files(), tools.clock(), tools.log(), {}};
  if (flags.format.format() == Format::kTable) drill.on_step = show;
  const auto receipt = restore::RunDrill(*request, drill, interruption.token());
  if (!receipt.ok()) return Fail(console, kFailed, receipt.error());
  PrintReceipts(console, flags, {*receipt});
  for (const std::string& note : receipt->notes) console.err << "etcd-warden: " << note << "\n";
  if (receipt->succeeded) return kSuccess;
  return Fail(console, kFailed,
              Status(Code::kUnknown, receipt->failed_step + ": " + receipt->error));
}

}  // namespace

Run DeclareDrill(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("id", flags->id, "The backup, or \"latest\": the newest verified one")
      ->type_name("ID")
      ->capture_default_str();
  flags->target.Declare(app);
  app.add_option("--etcd", flags->etcd, "The program to start; may be given for several versions")
      ->type_name("PATH");
  app.add_option("--scratch", flags->scratch, "Where to restore to")->type_name("DIR");
  app.add_option("--timeout", flags->timeout, "How long all of it may take");
  app.add_option("--from", flags->from, "Begin with a copy from this destination")
      ->type_name("NAME");
  app.add_option("--identity-file", flags->identity_file,
                 "The age private key that opens encrypted copies; it is not kept")
      ->type_name("FILE");
  app.add_option("--probe", flags->probe, "A program to run against the restored etcd")
      ->type_name("PATH");
  app.add_flag("--history", flags->history, "Run nothing: show the last drills, newest first");
  flags->format.Declare(app);
  app.footer(
      "Restores a backup into a scratch directory, starts a real etcd on it that nobody else\n"
      "reaches, and compares what it answers with the backup; then all of that is removed. The\n"
      "live cluster is neither asked nor changed. What the flags do not say is as configured.\n"
      "Without an etcd that could run it, only the files are proven, and the drill has failed.");
  return [flags](Console& console) { return RunDrillCommand(console, *flags); };
}

}  // namespace warden::cli
