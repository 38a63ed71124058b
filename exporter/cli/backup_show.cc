#include <memory>
#include <ostream>
#include <string>

#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/output.h"
#include "exporter/offsite/store.h"

namespace warden::cli {
namespace {

struct Flags {
  BackupFlags target;
  FormatFlag format;
  std::string id;
};

std::string DescribeHold(const backup::Hold& hold) {
  std::string text = "by " + hold.by;
  text += hold.until ? " until " + FormatTime(*hold.until) : ", until it is unpinned";
  return hold.reason.empty() ? text : text + " (" + hold.reason + ")";
}

std::vector<Row> Facts(const backup::Manifest& backup, const Json& copies) {
  std::vector<Row> rows = {
      {"id", backup.id},
      {"cluster", backup.cluster_name + " (" + FormatId(backup.cluster_id) + ")"},
      {"member", backup.member_name + " (" + FormatId(backup.member_id) + "), " + backup.role},
      {"etcd", backup.etcd_version},
      {"revision", backup.revision ? std::to_string(*backup.revision) : "unknown"},
      {"created", FormatTime(backup.created)},
      {"size", FormatBytes(backup.size_bytes)},
      {"sha256", backup.sha256},
      {"level", std::to_string(backup.verification_level)},
      {"voters", snapshot::Describe(backup.attestation)},
      {"class", backup.backup_class},
      {"trigger", std::string(metrics::TriggerName(backup.trigger.kind)) +
                      (backup.trigger.alertname.empty() ? "" : " " + backup.trigger.alertname) +
                      (backup.trigger.schedule.empty() ? "" : " " + backup.trigger.schedule)},
      {"job", backup.job_id}};
  if (!backup.quarantined.empty()) rows.push_back({"quarantined", backup.quarantined});
  for (const backup::Hold& hold : backup.holds) rows.push_back({"held", DescribeHold(hold)});
  for (const std::string& note : backup.notes) rows.push_back({"note", note});
  for (const Json& copy : copies) {
    rows.push_back(
        {"copy", copy["destination"].get<std::string>() + ": " + copy["file"].get<std::string>()});
  }
  return rows;
}

int RunBackupShow(Console& console, const Flags& flags) {
  BackupTools tools(console);
  const auto target = LoadTarget(flags.target);
  if (!target.ok()) return Fail(console, kUsage, target.error());
  const auto backup = FindBackup(tools.files(), target->backup().directory, flags.id);
  if (!backup.ok()) return Fail(console, kFailed, backup.error());
  Json copies = Json::array();
  for (const config::DestinationConfig& destination : target->backup().destinations) {
    const offsite::DestinationStore store(tools.files(), target->backup().directory,
                                          destination.name);
    const auto list = store.List();
    if (!list.ok()) continue;
    for (const backup::Manifest& copy : *list) {
      if (copy.id != backup->id) continue;
      copies.push_back({{"destination", destination.name},
                        {"file", copy.stored->file},
                        {"size_bytes", copy.stored->size_bytes},
                        {"proof", copy.stored->proof}});
    }
  }
  Json json = backup::ToJson(*backup);
  json["copies"] = copies;
  Print(console, flags.format.format(), {"FACT", ""}, Facts(*backup, copies),
        Json::array({std::move(json)}));
  return kSuccess;
}

}  // namespace

Run DeclareBackupShow(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("id", flags->id, "The backup, or \"latest\"")->required()->type_name("ID");
  flags->target.Declare(app);
  flags->format.Declare(app);
  return [flags](Console& console) { return RunBackupShow(console, *flags); };
}

}  // namespace warden::cli
