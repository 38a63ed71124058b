#include "exporter/cli/backup_target.h"

#include <algorithm>

#include "exporter/base/text.h"
#include "exporter/cli/connection.h"

namespace warden::cli {

void BackupFlags::Declare(CLI::App& app) {
  app.add_option("--config.file", config_file_, "The configuration file")
      ->required()
      ->type_name("FILE");
  app.add_option("--cluster", cluster_, "The cluster, if the file has several")->type_name("NAME");
}

BackupTools::BackupTools(Console& /*console*/)
    : log_(MakeStderrLogger(LogLevel::kWarn, LogFormat::kLogfmt)) {}

Result<std::vector<const config::ClusterConfig*>> BackupClusters(const config::Config& config,
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

Result<const config::ClusterConfig*> BackupCluster(const config::Config& config,
                                                   const std::string& name) {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<const config::ClusterConfig*> clusters,
                          BackupClusters(config, name));
  if (clusters.size() == 1) return clusters.front();
  std::vector<std::string> names;
  for (const config::ClusterConfig* cluster : clusters) names.push_back(cluster->name);
  return Status(Code::kInvalidArgument,
                "--cluster is needed; with backups there are " + Join(names, ", "));
}

Result<const config::DestinationConfig*> ChooseDestination(const config::ClusterConfig& cluster,
                                                           const std::string& name) {
  const std::vector<config::DestinationConfig>& all = cluster.backup->destinations;
  if (all.empty()) {
    return Status(Code::kInvalidArgument,
                  "cluster " + cluster.name + " has no destinations in the configuration");
  }
  if (name.empty() && all.size() == 1) return &all.front();
  std::vector<std::string> names;
  for (const config::DestinationConfig& each : all) {
    if (each.name == name) return &each;
    names.push_back(each.name);
  }
  return Status(Code::kInvalidArgument, (name.empty() ? "--destination is needed"
                                                      : "--destination " + name + ": is unknown") +
                                            "; there are " + Join(names, ", "));
}

Result<BackupTarget> LoadTarget(const BackupFlags& flags) {
  WARDEN_ASSIGN_OR_RETURN(config::ValidConfig config, config::Load(flags.config_file()));
  BackupTarget target{.config = std::move(config), .cluster = nullptr};
  WARDEN_ASSIGN_OR_RETURN(target.cluster, BackupCluster(*target.config, flags.cluster()));
  // It points into what has been moved since: vectors keep their elements where they are.
  return target;
}

Result<backup::Manifest> FindBackup(Files& files, const Files::Path& directory,
                                    const std::string& id) {
  if (id == "latest") {
    WARDEN_ASSIGN_OR_RETURN(const backup::Listing listing, backup::ListBackups(files, directory));
    if (const backup::Manifest* newest = listing.NewestGood()) return *newest;
    return Status(Code::kNotFound, directory.string() + ": there is no good backup");
  }
  if (!backup::IsId(id)) {
    return Status(Code::kInvalidArgument, "\"" + ToSingleLine(id, 64) +
                                              "\" is no id of a backup; `backup list` shows them, "
                                              "and \"latest\" is the newest good one");
  }
  Result<backup::Manifest> manifest = backup::ReadManifest(files, directory, id);
  if (!manifest.ok() && manifest.error().code() == Code::kNotFound) {
    return Status(Code::kNotFound, "there is no backup " + id + " in " + directory.string());
  }
  return manifest;
}

}  // namespace warden::cli
