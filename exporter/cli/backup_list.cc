#include <memory>
#include <ostream>

#include "exporter/backup/catalogue.h"
#include "exporter/base/text.h"
#include "exporter/cli/connection.h"
#include "exporter/cli/output.h"

namespace warden::cli {
namespace {

const Row kHeader = {"ID",   "CLUSTER", "CREATED", "SIZE",   "MEMBER",
                     "ROLE", "VERSION", "LEVEL",   "TRIGGER"};

struct Flags {
  FormatFlag format;
  std::string config_file;
  std::string cluster;
};

std::string DescribeTrigger(const backup::Trigger& trigger) {
  const std::string kind(metrics::TriggerName(trigger.kind));
  return trigger.alertname.empty() ? kind : kind + " " + trigger.alertname;
}

std::string DescribeLevel(const backup::Manifest& backup) {
  return backup.quarantined.empty() ? std::to_string(backup.verification_level) : "quarantined";
}

// The clusters asked for; those without backups are left out unless one was named.
Result<std::vector<const config::ClusterConfig*>> Clusters(const config::Config& config,
                                                           const std::string& name) {
  std::vector<const config::ClusterConfig*> clusters;
  if (name.empty()) {
    for (const config::ClusterConfig& cluster : config.clusters) {
      if (cluster.backup) clusters.push_back(&cluster);
    }
  } else {
    WARDEN_ASSIGN_OR_RETURN(const config::ClusterConfig* cluster, ChooseCluster(config, name));
    if (cluster->backup) clusters.push_back(cluster);
  }
  if (clusters.empty()) {
    return Status(Code::kInvalidArgument,
                  "no backup directory is configured; add a backup section");
  }
  return clusters;
}

int RunBackupList(Console& console, const Flags& flags) {
  PosixFiles files;
  const auto config = config::Load(flags.config_file);
  if (!config.ok()) return Fail(console, kUsage, config.error());
  const auto clusters = Clusters(**config, flags.cluster);
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
      rows.push_back({backup.id, backup.cluster_name, FormatTime(backup.created),
                      FormatBytes(backup.size_bytes), backup.member_name, backup.role,
                      backup.etcd_version, DescribeLevel(backup), DescribeTrigger(backup.trigger)});
      json.push_back(backup::ToJson(backup));
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
  app.add_option("--config.file", flags->config_file, "The configuration file")->required();
  app.add_option("--cluster", flags->cluster, "Only the backups of this cluster");
  flags->format.Declare(app);
  return [flags](Console& console) { return RunBackupList(console, *flags); };
}

}  // namespace warden::cli
