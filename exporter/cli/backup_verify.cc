#include <algorithm>
#include <memory>
#include <ostream>
#include <string>

#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/output.h"
#include "exporter/snapshot/verify.h"

namespace warden::cli {
namespace {

struct Flags {
  BackupFlags target;
  FormatFlag format;
  std::vector<std::string> ids;
};

// What is wrong with the backup; empty if nothing is.
std::string Verify(Files& files, const Files::Path& directory, const backup::Manifest& backup) {
  const auto verified = snapshot::VerifyFile(files, directory / backup.file, {});
  if (!verified.ok()) return verified.error().message();
  if (!verified->ok()) return verified->FirstFinding();
  if (verified->sha256 != backup.sha256) return "its SHA-256 is not the manifest's";
  if (!backup.quarantined.empty()) return "quarantined: " + backup.quarantined;
  return "";
}

int RunBackupVerify(Console& console, const Flags& flags) {
  BackupTools tools(console);
  const auto target = LoadTarget(flags.target);
  if (!target.ok()) return Fail(console, kUsage, target.error());
  const Files::Path& directory = target->backup().directory;
  const auto listing = backup::ListBackups(tools.files(), directory);
  if (!listing.ok()) return Fail(console, kFailed, listing.error());
  std::vector<backup::Manifest> chosen;
  int exit_code = kSuccess;
  for (const std::string& id : flags.ids) {
    const auto backup = FindBackup(tools.files(), directory, id);
    if (!backup.ok()) return Fail(console, kFailed, backup.error());
    chosen.push_back(*backup);
  }
  if (flags.ids.empty()) {
    chosen = listing->backups;
    for (const backup::Stranger& stranger : listing->strangers) {
      if (!stranger.damaged) continue;
      exit_code =
          Fail(console, kFailed, Status(Code::kDataLoss, stranger.name + ": " + stranger.reason));
    }
  }
  std::vector<Row> rows;
  Json json = Json::array();
  for (const backup::Manifest& backup : chosen) {
    const std::string wrong = Verify(tools.files(), directory, backup);
    // Quarantined is not damaged: it is there, and what it was.
    const bool ok = wrong.empty() || (flags.ids.empty() && !backup.quarantined.empty() &&
                                      wrong.starts_with("quarantined"));
    if (!ok) exit_code = kFailed;
    rows.push_back({backup.id, FormatBytes(backup.size_bytes), wrong.empty() ? "ok" : wrong});
    json.push_back({{"id", backup.id}, {"ok", wrong.empty()}, {"finding", wrong}});
  }
  Print(console, flags.format.format(), {"ID", "SIZE", "RESULT"}, rows, json);
  return exit_code;
}

}  // namespace

Run DeclareBackupVerify(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("id", flags->ids, "The backups, or \"latest\"; all of them if none is named")
      ->type_name("ID");
  flags->target.Declare(app);
  flags->format.Declare(app);
  app.footer("Reads every byte: levels 0 to 2, and the digest that the manifest recorded.");
  return [flags](Console& console) { return RunBackupVerify(console, *flags); };
}

}  // namespace warden::cli
