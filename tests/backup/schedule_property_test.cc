// Random schedules through some simulated months in which the warden is down now and then: each
// tick is run or counted as missed, exactly once.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "exporter/backup/schedule.h"
#include "exporter/base/text.h"

namespace warden::backup {
namespace {

using config::ScheduleConfig;
using std::chrono::hours;
using std::chrono::minutes;

const WallTime kBegin = *ParseTime("2026-01-01T00:00:00Z");
const WallTime kEnd = *ParseTime("2027-01-01T00:00:00Z");
constexpr std::string_view kSeed = "prod";

ScheduleConfig Make(Seconds every, std::string_view cron, const std::string& zone, Seconds jitter) {
  ScheduleConfig schedule;
  schedule.name = cron.empty() ? "every" : std::string(cron);
  schedule.every = every;
  if (!cron.empty()) schedule.cron = *config::Cron::Parse(cron);
  schedule.time_zone = *config::TimeZone::Load(zone);
  schedule.jitter = jitter;
  return schedule;
}

std::vector<ScheduleConfig> Schedules() {
  std::vector<ScheduleConfig> schedules;
  for (const Seconds jitter : {Seconds(0), Seconds(40), Seconds(hours(5))}) {
    for (const Seconds every : {Seconds(minutes(7)), Seconds(hours(6)), Seconds(hours(24 * 10))}) {
      schedules.push_back(Make(every, "", "UTC", std::min(jitter, every - Seconds(1))));
    }
    for (const char* cron : {"*/30 * * * *", "30 2 * * *", "0,1 1-3 * * *", "15 */6 * * 1-5",
                             "0 4 13 * 5", "59 23 31 * *"}) {
      for (const char* zone : {"UTC", "Europe/Berlin", "Australia/Lord_Howe"}) {
        schedules.push_back(Make(Seconds(0), cron, zone, jitter));
      }
    }
  }
  return schedules;
}

// All ticks in (after, kEnd], one by one.
std::vector<WallTime> Ticks(const ScheduleConfig& schedule, WallTime after) {
  std::vector<WallTime> ticks;
  if (schedule.cron) {
    for (auto tick = schedule.cron->Next(after, schedule.time_zone); tick && *tick <= kEnd;
         tick = schedule.cron->Next(*tick, schedule.time_zone)) {
      ticks.push_back(*tick);
    }
    return ticks;
  }
  for (WallTime tick; tick <= kEnd; tick += schedule.every) {
    if (tick > after) ticks.push_back(tick);
  }
  return ticks;
}

// How long nobody looks: seconds as a rule, days at times.
Nanoseconds Pause(std::mt19937& random) {
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution(low, high)(random);
  };
  switch (pick(0, 20)) {
    case 0:
      return hours(pick(1, 24 * 12));
    case 1:
    case 2:
      return minutes(pick(1, 24 * 60));
    default:
      return Milliseconds(pick(1, 400'000));
  }
}

TEST(ScheduleProperty, RunsOrCountsEachTickOnce) {
  std::mt19937 random(1);
  for (const ScheduleConfig& schedule : Schedules()) {
    SCOPED_TRACE(schedule.name + " in " + schedule.time_zone.name() + ", jitter " +
                 FormatDuration(schedule.jitter));
    const std::vector<WallTime> ticks = Ticks(schedule, kBegin);
    auto pending = ticks.begin();
    ScheduleState state{kBegin};
    for (WallTime now = kBegin; now <= kEnd; now += Pause(random)) {
      ASSERT_EQ(Settle(schedule, state, now), state);
      const auto due = FindDue(schedule, kSeed, state, now);
      if (!due) continue;
      ASSERT_LE(due->tick, now);
      const auto run = std::find(pending, ticks.end(), due->tick);
      ASSERT_NE(run, ticks.end()) << FormatTime(due->tick) << " is no tick, or was dealt with";
      ASSERT_EQ(due->missed, static_cast<std::uint64_t>(run - pending));
      state.last_tick = due->tick;
      pending = std::next(run);
      ASSERT_EQ(FindDue(schedule, kSeed, state, now), std::nullopt);
    }
    // The last ones may wait for their jitter, and for somebody to look.
    const auto last = FindDue(schedule, kSeed, state, kEnd + hours(24));
    const auto rest = static_cast<std::uint64_t>(ticks.end() - pending);
    EXPECT_GE(last ? last->missed + 1 : 0, rest);
    EXPECT_GT(pending - ticks.begin(), 3);
  }
}

TEST(ScheduleProperty, SaysExactlyWhenTheNextRunIsDue) {
  std::mt19937 random(2);
  for (const ScheduleConfig& schedule : Schedules()) {
    SCOPED_TRACE(schedule.name + " in " + schedule.time_zone.name() + ", jitter " +
                 FormatDuration(schedule.jitter));
    ScheduleState state{kBegin};
    WallTime now = kBegin;
    for (int round = 0; round < 300 && now < kEnd; ++round) {
      const auto next = NextRun(schedule, kSeed, state, now);
      ASSERT_TRUE(next);
      // One that is due already was to start then, and still is due.
      const WallTime start = std::max(*next, now);
      if (*next > now) {
        ASSERT_EQ(FindDue(schedule, kSeed, state, now), std::nullopt);
        ASSERT_EQ(FindDue(schedule, kSeed, state, now + (*next - now) / 2), std::nullopt);
        ASSERT_EQ(FindDue(schedule, kSeed, state, *next - Nanoseconds(1)), std::nullopt);
      }
      const auto due = FindDue(schedule, kSeed, state, start);
      ASSERT_TRUE(due);
      // Of several that were missed, the oldest.
      if (due->missed == 0) {
        ASSERT_GE(*next, due->tick);
      }
      ASSERT_LE(*next - due->tick, schedule.jitter);
      state.last_tick = due->tick;
      now = start;
      // Every other time, nobody looks for a while.
      if (round % 2 == 0) now += Pause(random);
    }
  }
}

}  // namespace
}  // namespace warden::backup
