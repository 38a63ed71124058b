#include <memory>
#include <ostream>
#include <string>

#include "exporter/backup/changes.h"
#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/output.h"

namespace warden::cli {
namespace {

struct Flags {
  BackupFlags target;
  std::string id;
  std::string duration;
  std::string reason;
};

// Lets `change` edit the holds, and says how it stands then.
int Change(Console& console, const Flags& flags,
           const std::function<void(backup::Manifest&)>& change) {
  BackupTools tools(console);
  const auto target = LoadTarget(flags.target);
  if (!target.ok()) return Fail(console, kUsage, target.error());
  const Files::Path& directory = target->backup().directory;
  const auto backup = FindBackup(tools.files(), directory, flags.id);
  if (!backup.ok()) return Fail(console, kFailed, backup.error());
  const auto changed = backup::ChangeManifest(tools.files(), directory, backup->id, change);
  if (!changed.ok()) return Fail(console, kFailed, changed.error());
  console.out << changed->id
              << (changed->pinned(tools.clock().Now()) ? ": pinned\n" : ": not pinned\n");
  return kSuccess;
}

int RunBackupPin(Console& console, const Flags& flags) {
  backup::Hold hold{.by = "manual", .since = SystemClock().Now(), .until = {}, .reason = ""};
  hold.reason = ToSingleLine(flags.reason, 256);
  if (!flags.duration.empty()) {
    const Result<Milliseconds> duration = ParseDuration(flags.duration);
    if (!duration.ok()) {
      return Fail(console, kUsage, duration.error().WithContext("--for"));
    }
    if (*duration == Milliseconds(0)) {
      return Fail(console, kUsage, Status(Code::kInvalidArgument, "--for: must be more than 0"));
    }
    hold.until = hold.since + *duration;
  }
  return Change(console, flags, [&](backup::Manifest& manifest) {
    std::erase_if(manifest.holds, [](const backup::Hold& each) { return each.by == "manual"; });
    manifest.holds.push_back(hold);
  });
}

int RunBackupUnpin(Console& console, const Flags& flags) {
  return Change(console, flags, [](backup::Manifest& manifest) { manifest.holds.clear(); });
}

void DeclareCommon(CLI::App& app, Flags& flags) {
  app.add_option("id", flags.id, "The backup, or \"latest\"")->required()->type_name("ID");
  flags.target.Declare(app);
}

}  // namespace

Run DeclareBackupPin(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  DeclareCommon(app, *flags);
  app.add_option("--for", flags->duration, "For so long, as 30d; else until it is unpinned")
      ->type_name("DURATION");
  app.add_option("--reason", flags->reason, "Why, for those who come later")->type_name("TEXT");
  return [flags](Console& console) { return RunBackupPin(console, *flags); };
}

Run DeclareBackupUnpin(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  DeclareCommon(app, *flags);
  app.footer("Takes off every hold, also those that alerts put on.");
  return [flags](Console& console) { return RunBackupUnpin(console, *flags); };
}

}  // namespace warden::cli
