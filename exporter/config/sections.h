// The sections of the configuration file that have a source file of their own: how each is read,
// and the paths of its keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/config.h"
#include "exporter/config/fields.h"

namespace warden::config {

// In clusters.cc.
void ReadClusters(Reading& reading, const TreeNode& node, Config& config);
void AppendClusterKeys(std::vector<std::string>& keys);

// In backup.cc: clusters[].backup.
void ReadBackup(Reading& reading, const TreeNode& node, ClusterConfig& cluster);
void AppendBackupKeys(std::vector<std::string>& keys, const std::string& prefix);

// In timing.cc: when something is done, which schedules and drills have in common. A mapping with
// neither `every` nor `cron` is a problem if one is required.
void ReadEvery(Reading& reading, const TreeNode& node, ScheduleConfig& schedule);
void ReadCron(Reading& reading, const TreeNode& node, ScheduleConfig& schedule);
void ReadJitter(Reading& reading, const TreeNode& node, ScheduleConfig& schedule);
void CheckTiming(Reading& reading, const TreeNode& node, const ScheduleConfig& schedule,
                 bool required);

// In drill.cc: clusters[].backup.drill. What it has to do with the rest of the section is checked
// once that is read.
void ReadDrill(Reading& reading, const TreeNode& node, BackupConfig& backup);
void CheckDrill(Reading& reading, const TreeNode& node, const BackupConfig& backup);
void AppendDrillKeys(std::vector<std::string>& keys, const std::string& prefix);

// In retention.cc.
RetentionConfig ReadRetention(Reading& reading, const TreeNode& node);
void AppendRetentionKeys(std::vector<std::string>& keys, const std::string& prefix);
TimeZone ReadTimeZone(Reading& reading, const TreeNode& node);

// In destinations.cc.
void ReadDestinations(Reading& reading, const TreeNode& node, BackupConfig& backup);
void AppendDestinationKeys(std::vector<std::string>& keys, const std::string& prefix);

// In webhook.cc.
void ReadWebhook(Reading& reading, const TreeNode& node, Config& config);
void AppendWebhookKeys(std::vector<std::string>& keys);

// In probe.cc.
void ReadProbe(Reading& reading, const TreeNode& node, Config& config);
void AppendProbeKeys(std::vector<std::string>& keys);

// What clusters and probes have in common, in access.cc: how an etcd is verified, and who asks it.
void ReadTls(Reading& reading, const TreeNode& node, TlsConfig& tls);
void AppendTlsKeys(std::vector<std::string>& keys, std::string_view prefix);
AuthConfig ReadAuth(Reading& reading, const TreeNode& node);
void AppendAuthKeys(std::vector<std::string>& keys, std::string_view prefix);

}  // namespace warden::config
