// How a cluster's restores are rehearsed. deploy/CONFIG.md describes every key for operators.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/config/schedule_config.h"

namespace warden::config {

// The name of a drill's schedule, which is also what its jitter depends on.
inline constexpr std::string_view kDrillScheduleName = "drill";

struct DrillConfig {
  // Name kDrillScheduleName; class and skip_if_unchanged have no meaning. nullopt: drills are made
  // by hand only.
  std::optional<ScheduleConfig> schedule;
  // Programs, each with a path; empty: `etcd` on PATH.
  std::vector<std::filesystem::path> etcd;
  // Where the data directories of drills are made; empty: `scratch` in the backup directory.
  std::filesystem::path scratch;
  Seconds timeout{1800};             // of one whole drill
  std::optional<Seconds> objective;  // the time that a restore may take
  // A program and its arguments, run against the restored etcd; empty: none.
  std::vector<std::string> probe;
  bool copies = true;  // some of the scheduled drills begin with a copy from a destination
  // The age private key that opens encrypted copies; without it their destinations are passed over.
  std::filesystem::path age_identity_file;

  friend bool operator==(const DrillConfig&, const DrillConfig&) = default;
};

}  // namespace warden::config
