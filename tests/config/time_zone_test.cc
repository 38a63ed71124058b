// Time zones, at the moments where clocks are changed. What is right is taken from the laws of the
// places, written out in UTC.
#include "exporter/config/time_zone.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "exporter/base/text.h"

namespace warden::config {
namespace {

WallTime At(std::string_view text) {
  const Result<WallTime> time = ParseTime(text);
  EXPECT_TRUE(time.ok()) << text;
  return time.ok() ? *time : WallTime();
}

TimeZone Zone(const std::string& name) {
  const Result<TimeZone> zone = TimeZone::Load(name);
  EXPECT_TRUE(zone.ok()) << zone.status().message();
  return zone.ok() ? *zone : TimeZone();
}

std::string Shown(const CivilTime& civil) {
  constexpr const char* kWeekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  std::string text = kWeekdays[civil.weekday];
  for (const int field :
       {civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second}) {
    text += " " + std::to_string(field);
  }
  return text;
}

TEST(TimeZone, ShowsWhatIsOnTheWall) {
  struct Case {
    std::string zone;
    std::string utc;
    std::string shown;
  };
  const std::vector<Case> cases = {
      {"UTC", "1970-01-01T00:00:00Z", "Thu 1970 1 1 0 0 0"},
      {"UTC", "1969-12-31T23:59:59.999Z", "Wed 1969 12 31 23 59 59"},
      {"UTC", "2028-02-29T12:34:56.999Z", "Tue 2028 2 29 12 34 56"},
      {"Europe/Berlin", "2026-03-29T00:59:59Z", "Sun 2026 3 29 1 59 59"},
      {"Europe/Berlin", "2026-03-29T01:00:00Z", "Sun 2026 3 29 3 0 0"},
      {"Europe/Berlin", "2026-10-25T00:59:59Z", "Sun 2026 10 25 2 59 59"},
      {"Europe/Berlin", "2026-10-25T01:00:00Z", "Sun 2026 10 25 2 0 0"},
      {"America/New_York", "2026-11-01T05:59:59Z", "Sun 2026 11 1 1 59 59"},
      {"America/New_York", "2026-11-01T06:00:00Z", "Sun 2026 11 1 1 0 0"},
      {"Australia/Lord_Howe", "2026-10-03T15:30:00Z", "Sun 2026 10 4 2 30 0"},
      {"Asia/Kathmandu", "2026-01-03T18:15:00Z", "Sun 2026 1 4 0 0 0"},
      // The rules go on where the file's table ends.
      {"Europe/Berlin", "2100-07-01T12:00:00Z", "Thu 2100 7 1 14 0 0"},
      {"Etc/GMT+5", "2026-01-01T04:59:59Z", "Wed 2025 12 31 23 59 59"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(Shown(Zone(each.zone).ToCivil(At(each.utc))), each.shown) << each.zone << each.utc;
  }
}

TEST(TimeZone, TellsTimesThatAreSkippedOrShownTwice) {
  using Kind = Occurrence::Kind;
  struct Case {
    std::string zone;
    CivilTime civil;
    Kind kind;
    std::string first;
    std::string second;
  };
  const std::vector<Case> cases = {
      {"UTC", {2026, 3, 29, 2, 30}, Kind::kUnique, "2026-03-29T02:30:00Z", "2026-03-29T02:30:00Z"},
      {"Europe/Berlin",
       {2026, 3, 29, 1, 59},
       Kind::kUnique,
       "2026-03-29T00:59:00Z",
       "2026-03-29T00:59:00Z"},
      {"Europe/Berlin",
       {2026, 3, 29, 2, 0},
       Kind::kSkipped,
       "2026-03-29T01:00:00Z",
       "2026-03-29T01:00:00Z"},
      {"Europe/Berlin",
       {2026, 3, 29, 2, 59},
       Kind::kSkipped,
       "2026-03-29T01:00:00Z",
       "2026-03-29T01:00:00Z"},
      {"Europe/Berlin",
       {2026, 10, 25, 2, 30},
       Kind::kRepeated,
       "2026-10-25T00:30:00Z",
       "2026-10-25T01:30:00Z"},
      {"Europe/Berlin",
       {2026, 10, 25, 3, 0},
       Kind::kUnique,
       "2026-10-25T02:00:00Z",
       "2026-10-25T02:00:00Z"},
      {"Australia/Lord_Howe",
       {2026, 4, 5, 1, 45},
       Kind::kRepeated,
       "2026-04-04T14:45:00Z",
       "2026-04-04T15:15:00Z"},
      {"Australia/Lord_Howe",
       {2026, 10, 4, 2, 15},
       Kind::kSkipped,
       "2026-10-03T15:30:00Z",
       "2026-10-03T15:30:00Z"},
      // Samoa had no 30th of December in 2011.
      {"Pacific/Apia",
       {2011, 12, 30, 12, 0},
       Kind::kSkipped,
       "2011-12-30T10:00:00Z",
       "2011-12-30T10:00:00Z"},
      // Fields carry over.
      {"UTC", {2026, 3, 0, 24, 60}, Kind::kUnique, "2026-03-01T01:00:00Z", "2026-03-01T01:00:00Z"},
  };
  for (const Case& each : cases) {
    const Occurrence occurrence = Zone(each.zone).FromCivil(each.civil);
    EXPECT_EQ(occurrence.kind, each.kind) << each.zone << " " << Shown(each.civil);
    EXPECT_EQ(FormatTime(occurrence.first), FormatTime(At(each.first))) << each.zone;
    EXPECT_EQ(FormatTime(occurrence.second), FormatTime(At(each.second))) << each.zone;
  }
}

TEST(TimeZone, CutsWhatWallTimeCannotHold) {
  EXPECT_EQ(TimeZone().FromCivil({9999, 1, 1}).first, WallTime::max());
  EXPECT_EQ(TimeZone().FromCivil({1, 1, 1}).first, WallTime::min());
  EXPECT_EQ(TimeZone().ToCivil(WallTime::max()).year, 2262);
}

TEST(TimeZone, KnowsItsNextChange) {
  const TimeZone berlin = Zone("Europe/Berlin");
  const WallTime spring = At("2026-03-29T01:00:00Z");
  const WallTime autumn = At("2026-10-25T01:00:00Z");
  EXPECT_EQ(berlin.NextChange(At("2026-01-01T00:00:00Z")), spring);
  EXPECT_EQ(berlin.NextChange(spring - Nanoseconds(1)), spring);
  EXPECT_EQ(berlin.NextChange(spring), autumn);
  EXPECT_EQ(berlin.OffsetAt(spring - Nanoseconds(1)), Seconds(3600));
  EXPECT_EQ(berlin.OffsetAt(spring), Seconds(7200));
  EXPECT_EQ(berlin.OffsetAt(autumn), Seconds(3600));
  EXPECT_EQ(Zone("Australia/Lord_Howe").NextChange(At("2026-01-01T00:00:00Z")),
            At("2026-04-04T15:00:00Z"));
  EXPECT_EQ(TimeZone().NextChange(spring), std::nullopt);
  EXPECT_EQ(Zone("Asia/Tokyo").NextChange(spring), std::nullopt);
  EXPECT_EQ(berlin.NextChange(WallTime::max()), std::nullopt);
}

TEST(TimeZone, IsUtcUnlessToldOtherwise) {
  EXPECT_EQ(TimeZone().name(), "UTC");
  EXPECT_EQ(TimeZone(), Zone("UTC"));
  EXPECT_NE(TimeZone(), Zone("Europe/Berlin"));
  EXPECT_EQ(Zone("Europe/Berlin"), Zone("Europe/Berlin"));
  EXPECT_EQ(Zone("Local").name(), "Local");
}

TEST(TimeZone, RefusesWhatIsNoNameInTheDatabase) {
  const std::string no_zone =
      "\" is no zone of this machine's tz database; write it as in Europe/Berlin, UTC or Local";
  for (const std::string name :
       {"", "Mars/Base", "europe/berlin", "CEST", "Europe", "Europe/Berlin ", "UTC+1", "local",
        "/usr/share/zoneinfo/Europe/Berlin", "../zoneinfo/Europe/Berlin", "./Europe/Berlin",
        "file:/usr/share/zoneinfo/Europe/Berlin", "zone.tab", "leapseconds", "Fixed/UTC+01:00:00",
        "right/Europe/Berlin"}) {
    const Result<TimeZone> zone = TimeZone::Load(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(zone.error().message(), "\"" + name + no_zone);
  }
}

// In a process of its own, since the database is read once in each.
TEST(TimeZoneDeathTest, SaysWhatToInstallWhereThereIsNoDatabase) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto load_without = [] {
    setenv("TZDIR", "/nonexistent", 1);
    setenv("TZ", "", 1);
    const bool utc_works = TimeZone::Load("UTC").ok() && TimeZone::Load("Local").ok();
    const std::string message = TimeZone::Load("Europe/Berlin").status().message();
    std::exit(utc_works && message ==
                               "\"Europe/Berlin\" cannot be looked up, since this machine has no "
                               "tz database; install the package tzdata, or use UTC"
                  ? 0
                  : 1);
  };
  EXPECT_EXIT(load_without(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace warden::config
