#include <set>

#include "exporter/base/text.h"
#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr Seconds kTtlMin{5};

// clusters[].backup.schedules[]

constexpr Field<ScheduleConfig> kScheduleFields[] = {
    {"name", false,
     [](Reading& reading, const TreeNode& node, ScheduleConfig& schedule) {
       if (auto name = ReadName(reading, node)) schedule.name = *std::move(name);
     }},
    {"every", false, ReadEvery},
    {"cron", false, ReadCron},
    {"time_zone", false,
     [](Reading& reading, const TreeNode& node, ScheduleConfig& schedule) {
       schedule.time_zone = ReadTimeZone(reading, node);
     }},
    {"jitter", false, ReadJitter},
    {"class", false,
     [](Reading& reading, const TreeNode& node, ScheduleConfig& schedule) {
       if (auto name = ReadName(reading, node)) schedule.backup_class = *std::move(name);
     }},
    {"skip_if_unchanged", false,
     [](Reading& reading, const TreeNode& node, ScheduleConfig& schedule) {
       schedule.skip_if_unchanged = ReadFlag(reading, node).value_or(false);
     }},
};

void ReadSchedules(Reading& reading, const TreeNode& node, BackupConfig& backup) {
  if (!Expect(reading, node, Kind::kList)) return;
  std::set<std::string> names;
  for (const TreeNode& child : node.children) {
    ScheduleConfig& schedule = backup.schedules.emplace_back();
    ReadMapping(reading, child, kScheduleFields, schedule);
    if (child.kind != Kind::kMapping) continue;
    CheckTiming(reading, child, schedule, true);
    if (schedule.name.empty()) {
      schedule.name =
          schedule.cron ? schedule.cron->text() : "every " + FormatDuration(schedule.every);
    }
    if (!names.insert(schedule.name).second) {
      reading.Fail(child, "is the second schedule called " + Quoted(schedule.name) +
                              "; give each a name of its own");
    }
  }
}

// clusters[].backup.lock

constexpr Field<LockConfig> kLockFields[] = {
    {"prefix", false,
     [](Reading& reading, const TreeNode& node, LockConfig& lock) {
       ReadTextInto(reading, node, lock.prefix);
       while (lock.prefix.ends_with('/')) lock.prefix.pop_back();
       if (lock.prefix.empty()) reading.Fail(node, "must name a prefix of keys, as /etcd-warden");
     }},
    {"ttl", false,
     [](Reading& reading, const TreeNode& node, LockConfig& lock) {
       const auto ttl = ReadSeconds(reading, node);
       if (!ttl) return;
       if (*ttl < kTtlMin) reading.Fail(node, "must be 5s or more");
       lock.ttl = *ttl;
     }},
};

// clusters[].backup

constexpr Field<BackupConfig> kBackupFields[] = {
    {"directory", true,
     [](Reading& reading, const TreeNode& node, BackupConfig& backup) {
       ReadPathInto(reading, node, backup.directory);
     }},
    {"objective", false,
     [](Reading& reading, const TreeNode& node, BackupConfig& backup) {
       backup.objective = ReadSeconds(reading, node);
       if (backup.objective == Seconds(0)) reading.Fail(node, "must be greater than zero");
     }},
    {"attest", false,
     [](Reading& reading, const TreeNode& node, BackupConfig& backup) {
       const auto text = ReadText(reading, node);
       if (!text) return;
       const auto policy = ParseAttestPolicy(*text);
       if (!policy) reading.Fail(node, "must be off, followers or all, not " + Quoted(*text));
       backup.attest = policy.value_or(backup.attest);
     }},
    {"schedules", false, ReadSchedules},
    {"retention", false,
     [](Reading& reading, const TreeNode& node, BackupConfig& backup) {
       backup.retention = ReadRetention(reading, node);
     }},
    {"destinations", false, ReadDestinations},
    {"drill", false, ReadDrill},
    {"lock", false,
     [](Reading& reading, const TreeNode& node, BackupConfig& backup) {
       ReadMapping(reading, node, kLockFields, backup.lock.emplace());
     }},
};

}  // namespace

void ReadBackup(Reading& reading, const TreeNode& node, ClusterConfig& cluster) {
  BackupConfig& backup = cluster.backup.emplace();
  ReadMapping(reading, node, kBackupFields, backup);
  if (backup.drill) CheckDrill(reading, *node.Find("drill"), backup);
  if (!backup.lock) return;
  for (std::size_t i = 0; i < backup.schedules.size(); ++i) {
    if (!backup.schedules[i].skip_if_unchanged) continue;
    reading.Fail(*node.Find("schedules")->children[i].Find("skip_if_unchanged"),
                 "is of no use with lock, whose keys are changes");
  }
}

void AppendBackupKeys(std::vector<std::string>& keys, const std::string& prefix) {
  AppendKeys(keys, prefix, kBackupFields);
  AppendKeys(keys, prefix + "schedules[].", kScheduleFields);
  AppendRetentionKeys(keys, prefix + "retention.");
  AppendDestinationKeys(keys, prefix + "destinations[].");
  AppendDrillKeys(keys, prefix + "drill.");
  AppendKeys(keys, prefix + "lock.", kLockFields);
}

}  // namespace warden::config
