#include <memory>
#include <ostream>

#include "exporter/backup/catalogue.h"
#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/output.h"
#include "exporter/offsite/store.h"

namespace warden::cli {
namespace {

const Row kHeader = {"ID",      "CLUSTER", "CREATED", "SIZE",   "MEMBER", "ROLE",
                     "VERSION", "LEVEL",   "CLASS",   "PINNED", "TRIGGER"};

struct Flags {
  FormatFlag format;
  BackupFlags target;
  std::string destination;
};

std::string DescribeTrigger(const backup::Trigger& trigger) {
  const std::string kind(metrics::TriggerName(trigger.kind));
  return trigger.alertname.empty() ? kind : kind + " " + trigger.alertname;
}

std::string DescribeLevel(const backup::Manifest& backup) {
  return backup.quarantined.empty() ? std::to_string(backup.verification_level) : "quarantined";
}

void PrintRow(const backup::Manifest& backup, WallTime now, std::vector<Row>& rows) {
  rows.push_back({backup.id, backup.cluster_name, FormatTime(backup.created),
                  FormatBytes(backup.stored ? backup.stored->size_bytes : backup.size_bytes),
                  backup.member_name, backup.role, backup.etcd_version, DescribeLevel(backup),
                  backup.backup_class, backup.pinned(now) ? "pinned" : "",
                  DescribeTrigger(backup.trigger)});
}

// What is known to be at a destination.
int ListCopies(Console& console, const Flags& flags, const config::Config& config) {
  PosixFiles files;
  const auto cluster = BackupCluster(config, flags.target.cluster());
  if (!cluster.ok()) return Fail(console, kUsage, cluster.error());
  const auto destination = ChooseDestination(**cluster, flags.destination);
  if (!destination.ok()) return Fail(console, kUsage, destination.error());
  const offsite::DestinationStore store(files, (*cluster)->backup->directory, (*destination)->name);
  const auto copies = store.List();
  if (!copies.ok()) return Fail(console, kFailed, copies.error());
  std::vector<Row> rows;
  Json json = Json::array();
  for (const backup::Manifest& copy : *copies) {
    PrintRow(copy, SystemClock().Now(), rows);
    json.push_back(backup::ToJson(copy));
  }
  Print(console, flags.format.format(), kHeader, rows, json);
  return kSuccess;
}

int RunBackupList(Console& console, const Flags& flags) {
  PosixFiles files;
  const auto config = config::Load(flags.target.config_file());
  if (!config.ok()) return Fail(console, kUsage, config.error());
  if (!flags.destination.empty()) return ListCopies(console, flags, **config);
  const auto clusters = BackupClusters(**config, flags.target.cluster());
  if (!clusters.ok()) return Fail(console, kUsage, clusters.error());
  std::vector<Row> rows;
  Json json = Json::array();
  int exit_code = kSuccess;
  for (const config::ClusterConfig* cluster : *clusters) {
    const auto listing = backup::ListBackups(files, cluster->backup->directory);
    if (!listing.ok()) {
      exit_code = Fail(console, kFailed, listing.error().WithContext("cluster " + cluster->name));
      continue;
    }
    for (const backup::Manifest& backup : listing->backups) {
      PrintRow(backup, SystemClock().Now(), rows);
      json.push_back(backup::ToJson(backup));
      if (const backup::Manifest* original = listing->OriginalOf(backup)) {
        json.back()["duplicate_of"] = original->id;
      }
    }
    for (const backup::Stranger& stranger : listing->strangers) {
      console.err << "etcd-warden: " << (cluster->backup->directory / stranger.name).string()
                  << ": " << stranger.reason << "\n";
      if (stranger.damaged) exit_code = kFailed;
    }
  }
  Print(console, flags.format.format(), kHeader, rows, json);
  return exit_code;
}

}  // namespace

Run DeclareBackupList(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->target.Declare(app);
  app.add_option("--destination", flags->destination,
                 "What is known to be at this destination, instead of what is here")
      ->type_name("NAME");
  flags->format.Declare(app);
  return [flags](Console& console) { return RunBackupList(console, *flags); };
}

}  // namespace warden::cli
