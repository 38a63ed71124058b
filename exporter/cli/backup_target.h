// What every backup command begins with: the configuration, and the cluster in it.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/cli/command.h"
#include "exporter/config/config.h"
#include "exporter/metrics/instruments.h"
#include "exporter/offsite/copy.h"

namespace warden::cli {

// The flags --config.file and --cluster.
class BackupFlags {
 public:
  void Declare(CLI::App& app);
  const std::string& config_file() const { return config_file_; }
  const std::string& cluster() const { return cluster_; }

 private:
  std::string config_file_;
  std::string cluster_;
};

// The machine, and a logger that complains on the console.
class BackupTools {
 public:
  explicit BackupTools(Console& console);
  PosixFiles& files() { return files_; }
  SystemClock& clock() { return clock_; }
  Logger& log() { return *log_; }
  metrics::Instruments& instruments() { return instruments_; }
  offsite::CopyTools ForCopies() { return {files_, clock_, *log_, instruments_}; }

 private:
  PosixFiles files_;
  SystemClock clock_;
  metrics::Instruments instruments_;
  std::unique_ptr<Logger> log_;
};

// The clusters that have backups; all of them if no name is given. kInvalidArgument without any.
Result<std::vector<const config::ClusterConfig*>> BackupClusters(const config::Config& config,
                                                                 const std::string& name);
// The one that is meant; with several, it must be named.
Result<const config::ClusterConfig*> BackupCluster(const config::Config& config,
                                                   const std::string& name);
// The destination of that name, or the only one.
Result<const config::DestinationConfig*> ChooseDestination(const config::ClusterConfig& cluster,
                                                           const std::string& name);

// The configuration and one cluster in it. The pointer is into the configuration.
struct BackupTarget {
  config::ValidConfig config;
  const config::ClusterConfig* cluster;

  const config::BackupConfig& backup() const { return *cluster->backup; }
};
Result<BackupTarget> LoadTarget(const BackupFlags& flags);

// "latest", the newest good one, or an id.
Result<backup::Manifest> FindBackup(Files& files, const Files::Path& directory,
                                    const std::string& id);

}  // namespace warden::cli
