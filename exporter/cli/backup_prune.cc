#include <memory>
#include <ostream>
#include <string>

#include "exporter/backup/prune.h"
#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/output.h"

namespace warden::cli {
namespace {

struct Flags {
  BackupFlags target;
  FormatFlag format;
  bool dry_run = false;
  bool explain = false;
};

int RunBackupPrune(Console& console, const Flags& flags) {
  BackupTools tools(console);
  const auto target = LoadTarget(flags.target);
  if (!target.ok()) return Fail(console, kUsage, target.error());
  const config::BackupConfig& config = target->backup();
  if (!config.retention) {
    return Fail(console, kUsage,
                Status(Code::kInvalidArgument, "cluster " + target->cluster->name +
                                                   " has no retention: every backup is kept"));
  }
  const auto listing = backup::ListBackups(tools.files(), config.directory);
  if (!listing.ok()) return Fail(console, kFailed, listing.error());
  const WallTime now = tools.clock().Now();
  std::vector<Row> rows;
  Json json = Json::array();
  for (const backup::Decision& decision :
       backup::Decide(listing->backups, *config.retention, now)) {
    if (decision.keep && !flags.explain) continue;
    rows.push_back({decision.id, decision.keep ? "keep" : "delete", decision.reason});
    json.push_back({{"id", decision.id}, {"keep", decision.keep}, {"reason", decision.reason}});
  }
  Print(console, flags.format.format(), {"ID", "DECISION", "REASON"}, rows, json);
  if (flags.dry_run) return kSuccess;
  const auto pruned = backup::Prune(tools.files(), config.directory, *config.retention, now);
  const Status failure = pruned.ok() ? pruned->failure : pruned.error();
  if (pruned.ok() && flags.format.format() == Format::kTable) {
    console.out << "deleted " << pruned->deleted.size() << "\n";
  }
  return failure.ok() ? kSuccess : Fail(console, kFailed, failure);
}

}  // namespace

Run DeclareBackupPrune(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->target.Declare(app);
  app.add_flag("--dry-run", flags->dry_run, "Delete nothing");
  app.add_flag("--explain", flags->explain, "Say for each backup why it stays or goes");
  flags->format.Declare(app);
  app.footer(
      "Applies the retention of the configuration, as the daemon does after each backup. Copies\n"
      "have a retention of their own.");
  return [flags](Console& console) { return RunBackupPrune(console, *flags); };
}

}  // namespace warden::cli
