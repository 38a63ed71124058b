// What a cluster's backups are told to do: when they are taken, how long they stay, where they are
// copied to. deploy/CONFIG.md describes every key for operators.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/config/attest_policy.h"
#include "exporter/config/drill_config.h"
#include "exporter/config/retention_config.h"
#include "exporter/config/schedule_config.h"

namespace warden::config {

// How a copy is proven once it is there.
enum class CopyProof {
  kHash,  // by its size and the destination's own hash, by reading it back where there is none
  kFull,  // by reading the whole file back
};

struct DestinationConfig {
  std::string name;                     // unique in its cluster; label `destination`
  std::string remote;                   // rclone's "remote:path", or an absolute path
  std::filesystem::path rclone_config;  // empty: rclone's own default
  std::uint64_t bandwidth_limit = 0;    // bytes a second; 0: none
  bool compress = false;                // zstd
  int compression_level = 3;
  std::vector<std::string> age_recipients;
  std::filesystem::path age_recipients_file;
  CopyProof proof = CopyProof::kHash;
  bool put_only = false;  // nothing is deleted there, nor listed
  std::optional<RetentionConfig> retention;

  bool encrypts() const { return !age_recipients.empty() || !age_recipients_file.empty(); }
  friend bool operator==(const DestinationConfig&, const DestinationConfig&) = default;
};

// The lock in etcd by which the wardens of one cluster share the work.
struct LockConfig {
  std::string prefix = "/etcd-warden";  // of the keys
  Seconds ttl{60};                      // of a claim whose warden has died

  friend bool operator==(const LockConfig&, const LockConfig&) = default;
};

struct BackupConfig {
  std::filesystem::path directory;
  AttestPolicy attest = AttestPolicy::kFollowers;
  std::optional<Seconds> objective;  // the age that the newest verified backup may reach
  std::vector<ScheduleConfig> schedules;
  std::optional<RetentionConfig> retention;  // nullopt: every backup is kept
  std::vector<DestinationConfig> destinations;
  std::optional<LockConfig> lock;    // nullopt: this warden is alone
  std::optional<DrillConfig> drill;  // how restores are rehearsed

  friend bool operator==(const BackupConfig&, const BackupConfig&) = default;
};

}  // namespace warden::config
