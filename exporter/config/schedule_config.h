// When something is done by itself: at what times, and by which name it is known.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "exporter/base/clock.h"
#include "exporter/config/cron.h"
#include "exporter/config/time_zone.h"

namespace warden::config {

// The classes that backups have unless somebody names another.
inline constexpr std::string_view kScheduledClass = "scheduled";
inline constexpr std::string_view kAlertClass = "alert";
inline constexpr std::string_view kManualClass = "manual";

struct ScheduleConfig {
  std::string name;          // unique in its cluster; unless given, what the expression says
  std::optional<Cron> cron;  // either this ...
  Seconds every{0};          // ... or this
  TimeZone time_zone;        // of the cron expression
  Seconds jitter{0};         // a run starts up to this long after its time
  std::string backup_class{kScheduledClass};
  bool skip_if_unchanged = false;  // no backup of a revision that the newest one holds

  friend bool operator==(const ScheduleConfig&, const ScheduleConfig&) = default;
};

}  // namespace warden::config
