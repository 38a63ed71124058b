#include "exporter/backup/schedule.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "exporter/snapshot/digest.h"

namespace warden::backup {
namespace {

using config::ScheduleConfig;
using WallSeconds = std::chrono::sys_seconds;

// How many periods have begun since the epoch; it counts downwards before that.
std::int64_t PeriodAt(const ScheduleConfig& schedule, WallTime time) {
  const Nanoseconds every = schedule.every;
  const std::int64_t whole = time.time_since_epoch() / every;
  return time.time_since_epoch() % every < Nanoseconds(0) ? whole - 1 : whole;
}

bool NamesTicks(const ScheduleConfig& schedule) {
  return schedule.cron.has_value() || schedule.every > Seconds(0);
}

std::optional<WallTime> TickAfter(const ScheduleConfig& schedule, WallTime time) {
  if (schedule.cron) return schedule.cron->Next(time, schedule.time_zone);
  return WallTime((PeriodAt(schedule, time) + 1) * Nanoseconds(schedule.every));
}

// The latest tick in (after, now]. Cron expressions are searched by halves, since there may be
// years of ticks in between. All ticks are at full seconds.
std::optional<WallTime> LatestTick(const ScheduleConfig& schedule, WallTime after, WallTime now) {
  const auto first = TickAfter(schedule, after);
  if (!first || *first > now) return std::nullopt;
  if (!schedule.cron) return WallTime(PeriodAt(schedule, now) * Nanoseconds(schedule.every));
  WallSeconds low = std::chrono::floor<Seconds>(after);  // there is a tick in (low, now] ...
  WallSeconds high = std::chrono::floor<Seconds>(now);   // ... and none in (high, now]
  while (high - low > Seconds(1)) {
    const WallSeconds middle = low + (high - low) / 2;
    const auto tick = TickAfter(schedule, middle);
    (tick && *tick <= now ? low : high) = middle;
  }
  return high;
}

// How many ticks are in (after, tick), as far as they are counted.
std::uint64_t CountBefore(const ScheduleConfig& schedule, WallTime after, WallTime tick) {
  if (!schedule.cron) {
    const std::int64_t between = PeriodAt(schedule, tick) - PeriodAt(schedule, after) - 1;
    return std::min(static_cast<std::uint64_t>(between), kMissedMax);
  }
  std::uint64_t count = 0;
  auto next = TickAfter(schedule, after);
  while (next && *next < tick && count < kMissedMax) {
    ++count;
    next = TickAfter(schedule, *next);
  }
  return count;
}

// The same for the same tick on every machine and in every version, and spread evenly.
std::uint64_t Hash(std::string_view seed, std::string_view name, WallTime tick) {
  const auto seconds = std::chrono::floor<Seconds>(tick.time_since_epoch()).count();
  snapshot::Sha256 digest;
  for (const std::string_view part : {seed, name}) {
    digest.Add(part);
    digest.Add(std::string_view("\0", 1));
  }
  digest.Add(std::to_string(seconds));
  std::uint64_t hash = 0;
  for (const char byte : digest.Digest().substr(0, sizeof hash)) {
    hash = hash << 8 | static_cast<unsigned char>(byte);
  }
  return hash;
}

// When the run of `tick` starts.
WallTime StartOf(const ScheduleConfig& schedule, std::string_view seed, WallTime tick) {
  Milliseconds jitter = schedule.jitter;
  if (jitter <= Milliseconds(0)) return tick;
  if (const auto next = TickAfter(schedule, tick)) {
    // So that no tick is overtaken by the next.
    jitter = std::min(jitter, std::chrono::floor<Milliseconds>(*next - tick) - Milliseconds(1));
  }
  const auto choices = static_cast<std::uint64_t>(jitter.count()) + 1;
  return tick + Milliseconds(Hash(seed, schedule.name, tick) % choices);
}

}  // namespace

ScheduleState Settle(const ScheduleConfig& schedule, const ScheduleState& state, WallTime now) {
  const WallTime begin = std::chrono::floor<Seconds>(now);
  if (!state.last_tick) return schedule.cron ? ScheduleState{begin} : state;
  return *state.last_tick > now + kStepBackMax ? ScheduleState{begin} : state;
}

std::optional<DueRun> FindDue(const ScheduleConfig& schedule, std::string_view seed,
                              const ScheduleState& state, WallTime now) {
  if (!NamesTicks(schedule)) return std::nullopt;
  if (!state.last_tick) {
    if (schedule.cron) return std::nullopt;
    return DueRun{.tick = WallTime(PeriodAt(schedule, now) * Nanoseconds(schedule.every))};
  }
  const WallTime last = *state.last_tick;
  auto tick = LatestTick(schedule, last, now);
  if (tick && StartOf(schedule, seed, *tick) > now) {
    // The one before it, if it is still to be run, started before this one's time.
    tick = LatestTick(schedule, last, *tick - Nanoseconds(1));
  }
  if (!tick) return std::nullopt;
  const std::uint64_t missed = CountBefore(schedule, last, *tick);
  const bool late = now - StartOf(schedule, seed, *tick) > kLate;
  return DueRun{.tick = *tick, .missed = missed, .catch_up = missed > 0 || late};
}

std::optional<WallTime> NextRun(const ScheduleConfig& schedule, std::string_view seed,
                                const ScheduleState& state, WallTime now) {
  if (!NamesTicks(schedule)) return std::nullopt;
  const ScheduleState settled = Settle(schedule, state, now);
  if (FindDue(schedule, seed, settled, now)) {
    // The first run of all is late for nothing; else the oldest tick that was not run counts.
    const auto oldest = settled.last_tick ? TickAfter(schedule, *settled.last_tick) : std::nullopt;
    return oldest ? std::min(now, StartOf(schedule, seed, *oldest)) : now;
  }
  const WallTime done = settled.last_tick.value_or(now);
  auto tick = LatestTick(schedule, done, now);
  if (!tick) tick = TickAfter(schedule, std::max(done, now));
  if (!tick) return std::nullopt;
  return StartOf(schedule, seed, *tick);
}

}  // namespace warden::backup
