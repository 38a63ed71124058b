// When runs are due: tables of a schedule, what it did last, and the time. No clock, no threads.
#include "exporter/backup/schedule.h"

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "exporter/base/text.h"

namespace warden::backup {

std::ostream& operator<<(std::ostream& out, const DueRun& due) {
  return out << FormatTime(due.tick) << " missed " << due.missed
             << (due.catch_up ? " catching up" : "");
}

namespace {

using config::ScheduleConfig;
using std::chrono::hours;
using std::chrono::minutes;

WallTime At(std::string_view text) {
  const Result<WallTime> time = ParseTime(text);
  EXPECT_TRUE(time.ok()) << text;
  return time.ok() ? *time : WallTime();
}

ScheduleConfig Every(Seconds every, Seconds jitter = Seconds(0)) {
  ScheduleConfig schedule;
  schedule.name = "hourly";
  schedule.every = every;
  schedule.jitter = jitter;
  return schedule;
}

ScheduleConfig OnCron(std::string_view text, Seconds jitter = Seconds(0),
                      const std::string& zone = "UTC") {
  ScheduleConfig schedule;
  schedule.name = "nightly";
  schedule.cron = *config::Cron::Parse(text);
  schedule.jitter = jitter;
  schedule.time_zone = *config::TimeZone::Load(zone);
  return schedule;
}

struct Case {
  ScheduleConfig schedule;
  std::string last;
  std::string now;
  std::string tick;  // empty: nothing is due
  std::uint64_t missed = 0;
  bool catch_up = false;
};

void ExpectDue(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    std::optional<DueRun> expected;
    if (!each.tick.empty()) expected = DueRun{At(each.tick), each.missed, each.catch_up};
    EXPECT_EQ(FindDue(each.schedule, "prod", {At(each.last)}, At(each.now)), expected)
        << each.schedule.name << " last " << each.last << " now " << each.now;
  }
}

TEST(Schedule, RunsEachTickOnce) {
  const ScheduleConfig hourly = Every(hours(1));
  const ScheduleConfig nightly = OnCron("0 2 * * *");
  ExpectDue({
      {hourly, "2026-11-23T10:00:00Z", "2026-11-23T10:59:59.999Z", ""},
      {hourly, "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z", "2026-11-23T11:00:00Z"},
      {hourly, "2026-11-23T10:00:00Z", "2026-11-23T11:01:00Z", "2026-11-23T11:00:00Z"},
      {hourly, "2026-11-23T11:00:00Z", "2026-11-23T11:00:00Z", ""},
      {hourly, "2026-11-23T11:00:00Z", "2026-11-23T11:30:00Z", ""},
      {nightly, "2026-11-22T02:00:00Z", "2026-11-23T01:59:59.999Z", ""},
      {nightly, "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z", "2026-11-23T02:00:00Z"},
      {nightly, "2026-11-22T10:00:00Z", "2026-11-23T02:00:30Z", "2026-11-23T02:00:00Z"},
      {nightly, "2026-11-23T02:00:00Z", "2026-11-23T12:00:00Z", ""},
  });
}

TEST(Schedule, CatchesUpWithOneRunAndCountsTheOthers) {
  const ScheduleConfig hourly = Every(hours(1));
  const ScheduleConfig nightly = OnCron("0 2 * * *");
  ExpectDue({
      // One tick that passed a while ago is run late, none is missed.
      {hourly, "2026-11-23T10:00:00Z", "2026-11-23T11:01:00.001Z", "2026-11-23T11:00:00Z", 0, true},
      {hourly, "2026-11-23T10:00:00Z", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z", 1, true},
      {hourly, "2026-11-23T10:00:00Z", "2026-11-24T12:30:00Z", "2026-11-24T12:00:00Z", 25, true},
      // What the schedule did last need be no tick: its period was another one then.
      {hourly, "2026-11-23T10:17:00Z", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z", 1, true},
      {nightly, "2026-11-22T02:00:00Z", "2026-11-23T09:00:00Z", "2026-11-23T02:00:00Z", 0, true},
      {nightly, "2026-11-20T02:00:00Z", "2026-11-23T09:00:00Z", "2026-11-23T02:00:00Z", 2, true},
  });
}

TEST(Schedule, MakesOneRunOfAYearThatTheClockJumps) {
  ExpectDue({
      {Every(hours(1)), "2026-11-23T10:00:00Z", "2027-11-23T10:00:00Z", "2027-11-23T10:00:00Z",
       365 * 24 - 1, true},
      {OnCron("0 2 * * *"), "2026-11-23T02:00:00Z", "2027-11-23T03:00:00Z", "2027-11-23T02:00:00Z",
       364, true},
      {OnCron("0 2 * * 1-5"), "2026-11-20T02:00:00Z", "2026-12-05T03:00:00Z",
       "2026-12-04T02:00:00Z", 9, true},
      // Counting ends.
      {Every(minutes(1)), "1970-01-01T00:00:00Z", "2261-12-31T00:00:00Z", "2261-12-31T00:00:00Z",
       kMissedMax, true},
      {OnCron("* * * * *"), "1970-01-01T00:00:00Z", "2026-11-23T10:15:30Z", "2026-11-23T10:15:00Z",
       kMissedMax, true},
      {OnCron("@yearly"), "1700-06-01T00:00:00Z", "2100-01-01T00:00:00Z", "2100-01-01T00:00:00Z",
       399, true},
  });
}

TEST(Schedule, StartsAnewIntervalAtOnce) {
  for (const Seconds jitter : {Seconds(0), Seconds(3599)}) {
    const ScheduleConfig hourly = Every(hours(1), jitter);
    const WallTime now = At("2026-11-23T10:00:01Z");
    EXPECT_EQ(Settle(hourly, {}, now), ScheduleState());
    EXPECT_EQ(FindDue(hourly, "prod", {}, now), (DueRun{At("2026-11-23T10:00:00Z"), 0, false}));
    EXPECT_EQ(NextRun(hourly, "prod", {}, now), now);
  }
  EXPECT_EQ(FindDue(Every(hours(24)), "prod", {}, At("2026-11-23T23:59:59Z")),
            (DueRun{At("2026-11-23T00:00:00Z"), 0, false}));
  // Before the epoch too.
  EXPECT_EQ(FindDue(Every(hours(1)), "prod", {}, At("1969-12-31T23:30:00Z")),
            (DueRun{At("1969-12-31T23:00:00Z"), 0, false}));
}

TEST(Schedule, LetsANewCronExpressionWaitForItsFirstTick) {
  const ScheduleConfig nightly = OnCron("0 2 * * *");
  const WallTime now = At("2026-11-23T10:15:00.042Z");
  EXPECT_EQ(FindDue(nightly, "prod", {}, now), std::nullopt);
  const ScheduleState begun = Settle(nightly, {}, now);
  EXPECT_EQ(begun.last_tick, At("2026-11-23T10:15:00Z"));
  EXPECT_EQ(Settle(nightly, begun, now + hours(5)), begun);
  EXPECT_EQ(NextRun(nightly, "prod", {}, now), At("2026-11-24T02:00:00Z"));
  EXPECT_EQ(NextRun(nightly, "prod", begun, now), At("2026-11-24T02:00:00Z"));
  EXPECT_EQ(FindDue(nightly, "prod", begun, At("2026-11-24T02:00:00Z")),
            (DueRun{At("2026-11-24T02:00:00Z"), 0, false}));
  // A tick in the second at which it begins has passed.
  const WallTime tick = At("2026-11-24T02:00:00Z");
  EXPECT_EQ(FindDue(nightly, "prod", Settle(nightly, {}, tick), tick + Milliseconds(500)),
            std::nullopt);
}

TEST(Schedule, GoesOnFromNowIfTheClockWasSetBack) {
  const WallTime last = At("2027-11-23T10:00:00Z");
  const WallTime now = At("2026-11-23T10:15:00Z");
  for (const ScheduleConfig& schedule : {Every(hours(1)), OnCron("0 * * * *")}) {
    EXPECT_EQ(NextRun(schedule, "prod", {last}, now), At("2026-11-23T11:00:00Z"));
    EXPECT_EQ(FindDue(schedule, "prod", {last}, now), std::nullopt);
    const ScheduleState settled = Settle(schedule, {last}, now);
    EXPECT_EQ(settled.last_tick, now);
    EXPECT_EQ(FindDue(schedule, "prod", settled, now), std::nullopt);
    EXPECT_EQ(FindDue(schedule, "prod", settled, At("2026-11-23T11:00:00Z")),
              (DueRun{At("2026-11-23T11:00:00Z"), 0, false}));
  }
}

TEST(Schedule, RunsNoTickAgainIfTheClockSteppedBackALittle) {
  const ScheduleState state{At("2026-11-23T10:00:00Z")};
  for (const ScheduleConfig& schedule : {Every(hours(1)), OnCron("0 * * * *")}) {
    for (const Seconds back : {Seconds(1), kStepBackMax}) {
      const WallTime now = *state.last_tick - back;
      EXPECT_EQ(Settle(schedule, state, now), state);
      EXPECT_EQ(FindDue(schedule, "prod", state, now), std::nullopt);
      EXPECT_EQ(FindDue(schedule, "prod", state, *state.last_tick), std::nullopt);
      EXPECT_EQ(NextRun(schedule, "prod", state, now), At("2026-11-23T11:00:00Z"));
    }
    const WallTime far = *state.last_tick - kStepBackMax - Nanoseconds(1);
    EXPECT_NE(Settle(schedule, state, far), state);
    EXPECT_EQ(NextRun(schedule, "prod", state, far), state.last_tick);
  }
}

// What the jitter is must not change from one version to the next, nor from one machine to another:
// taken from SHA-256 of "prod\0nightly\0<seconds>".
TEST(Schedule, SpreadsItsRunsTheSameWayEverywhere) {
  const ScheduleConfig nightly = OnCron("0 2 * * *", minutes(30));
  const WallTime now = At("2026-11-23T10:00:00Z");
  EXPECT_EQ(FormatTime(*NextRun(nightly, "prod", {now}, now)), "2026-11-24T02:07:15.153Z");
  EXPECT_EQ(FormatTime(*NextRun(nightly, "prod", {now + hours(24)}, now + hours(24))),
            "2026-11-25T02:26:03.170Z");
  EXPECT_EQ(FormatTime(*NextRun(nightly, "test", {now}, now)), "2026-11-24T02:15:36.095Z");
}

TEST(Schedule, KeepsItsJitterWithinItsBounds) {
  const ScheduleConfig hourly = Every(hours(1), minutes(10));
  std::array<int, 10> per_minute{};
  std::set<WallTime> starts;
  for (int hour = 1; hour <= 5000; ++hour) {
    const WallTime tick = WallTime() + hours(hour);
    const auto start = NextRun(hourly, "prod", {tick - Nanoseconds(1)}, tick - Nanoseconds(1));
    ASSERT_TRUE(start);
    ASSERT_GE(*start, tick);
    ASSERT_LE(*start, tick + minutes(10));
    EXPECT_EQ(NextRun(hourly, "prod", {tick - Nanoseconds(1)}, tick - Nanoseconds(1)), start);
    ++per_minute[static_cast<std::size_t>((*start - tick) / minutes(1)) % 10];
    starts.insert(*start);
  }
  for (const int count : per_minute) {
    EXPECT_GT(count, 400);
    EXPECT_LT(count, 600);
  }
}

TEST(Schedule, WaitsUntilTheJitterHasPassed) {
  for (const ScheduleConfig& schedule :
       {Every(hours(1), minutes(59)), OnCron("0 * * * *", minutes(59))}) {
    const WallTime tick = At("2026-11-23T11:00:00Z");
    const ScheduleState state{tick - hours(1)};
    const auto start = NextRun(schedule, "prod", state, tick);
    ASSERT_TRUE(start);
    ASSERT_GT(*start, tick);
    EXPECT_EQ(FindDue(schedule, "prod", state, *start - Nanoseconds(1)), std::nullopt);
    EXPECT_EQ(FindDue(schedule, "prod", state, *start), (DueRun{tick, 0, false}));
    EXPECT_EQ(FindDue(schedule, "prod", state, *start + kLate), (DueRun{tick, 0, false}));
    EXPECT_EQ(NextRun(schedule, "prod", state, *start), *start);
    for (const Seconds late : {Seconds(5), Seconds(hours(1)), Seconds(hours(72))}) {
      EXPECT_EQ(NextRun(schedule, "prod", state, *start + late), *start) << "it is late";
    }
    // While the next tick waits for its jitter, the one before is the latest that can run.
    EXPECT_EQ(FindDue(schedule, "prod", state, tick + hours(1)), (DueRun{tick, 0, true}));
    EXPECT_EQ(FindDue(schedule, "prod", {tick}, tick + hours(1)), std::nullopt);
  }
}

TEST(Schedule, LetsNoTickOvertakeAnother) {
  // Jitter that is longer than some of the time between ticks.
  const ScheduleConfig schedule = OnCron("0,1,2 10 * * *", hours(12));
  const WallTime begin = At("2026-11-23T09:00:00Z");
  ScheduleState state{begin};
  std::vector<std::string> ticks;
  for (WallTime now = begin; ticks.size() < 4;) {
    const auto next = NextRun(schedule, "prod", state, now);
    ASSERT_TRUE(next);
    now = *next;
    const auto due = FindDue(schedule, "prod", state, now);
    ASSERT_TRUE(due);
    EXPECT_EQ(due->missed, 0u);
    EXPECT_FALSE(due->catch_up);
    ticks.push_back(FormatTime(due->tick).substr(0, 16));
    state.last_tick = due->tick;
  }
  EXPECT_EQ(ticks, (std::vector<std::string>{"2026-11-23T10:00", "2026-11-23T10:01",
                                             "2026-11-23T10:02", "2026-11-24T10:00"}));
}

TEST(Schedule, FiresOnTheClockOfItsTimeZone) {
  const ScheduleConfig berlin = OnCron("30 2 * * *", Seconds(0), "Europe/Berlin");
  ExpectDue({
      // 02:30 is skipped on the 29th of March and shown twice on the 25th of October.
      {berlin, "2026-03-28T01:30:00Z", "2026-03-29T00:59:59Z", ""},
      {berlin, "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
      {berlin, "2026-03-29T01:00:00Z", "2026-03-29T23:00:00Z", ""},
      {berlin, "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"},
      {berlin, "2026-10-25T00:30:00Z", "2026-10-25T23:00:00Z", ""},
      {berlin, "2026-03-01T01:30:00Z", "2026-12-01T01:30:00Z", "2026-12-01T01:30:00Z", 274, true},
  });
}

TEST(Schedule, NeverRunsWithoutATickToCome) {
  const WallTime now = At("2026-11-23T10:15:00Z");
  EXPECT_EQ(FindDue(Every(Seconds(0)), "prod", {}, now), std::nullopt);
  EXPECT_EQ(NextRun(Every(Seconds(0)), "prod", {now}, now), std::nullopt);
  const WallTime end = At("2261-12-31T23:00:00Z");
  EXPECT_EQ(NextRun(OnCron("0 2 * * *"), "prod", {end}, end), std::nullopt);
}

}  // namespace
}  // namespace warden::backup
