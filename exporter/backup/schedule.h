// When scheduled backups are due: pure functions of a schedule, what it has done, and the time.
//
// A tick is a time that the schedule names: a multiple of `every` since the Unix epoch, so that all
// wardens of a cluster name the same, or a time at which the cron expression fires. A run starts up
// to `jitter` after its tick, and before the next one. A tick is run once or, if a later one has
// come while nobody looked, counted as missed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "exporter/base/clock.h"
#include "exporter/config/backup_config.h"

namespace warden::backup {

// What a schedule has done so far, as its state file tells.
struct ScheduleState {
  // All ticks up to here are dealt with: that of the last run that was queued or skipped, or when
  // the schedule began.
  std::optional<WallTime> last_tick;

  friend bool operator==(const ScheduleState&, const ScheduleState&) = default;
};

struct DueRun {
  WallTime tick;             // the state's last_tick, once the run is queued or skipped
  std::uint64_t missed = 0;  // ticks before it that will never be run; kMissedMax stands for more
  bool catch_up = false;     // ticks were missed, or this one passed a while ago

  friend bool operator==(const DueRun&, const DueRun&) = default;
};

inline constexpr std::uint64_t kMissedMax = 100'000;
// A run that starts later than this after its time catches up.
inline constexpr Seconds kLate{60};
// How far a clock may step back without any tick being run a second time.
inline constexpr Seconds kStepBackMax{300};

// The state to go on with at `now`. Call it before FindDue and keep what it returns; on disk too,
// if it differs from what is there.
//  - A cron schedule that has done nothing yet begins now and waits for its first tick.
//  - If the clock was set back to more than kStepBackMax before the last tick, the schedule goes on
//    from now: at the first tick to come, rather than when the clock has caught up.
ScheduleState Settle(const config::ScheduleConfig& schedule, const ScheduleState& state,
                     WallTime now);

// The run that is due at `now`, if any: that of the latest tick in (last_tick, now] whose jitter
// has passed. Where there is no last_tick, `every` is due at once, whatever the jitter, so that a
// fresh installation soon has its first backup; cron is not. `seed` is what the jitter depends on
// besides the schedule's name and the tick: the cluster's name.
std::optional<DueRun> FindDue(const config::ScheduleConfig& schedule, std::string_view seed,
                              const ScheduleState& state, WallTime now);

// When the next run starts: the earliest time from `now` on at which FindDue finds one, provided
// that the state is settled and nothing happens until then. If one is due already, the time at
// which the oldest that did not take place was to start, which is in the past for as long as none
// can be queued. nullopt: cron fires no more.
std::optional<WallTime> NextRun(const config::ScheduleConfig& schedule, std::string_view seed,
                                const ScheduleState& state, WallTime now);

}  // namespace warden::backup
