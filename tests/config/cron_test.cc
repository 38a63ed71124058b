// Cron expressions: when they fire and what is refused, in tables. What is right is written out in
// UTC.
#include "exporter/config/cron.h"

#include <gtest/gtest.h>

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

// The next times after `after`, as "2026-11-23T10:15" in UTC.
std::vector<std::string> Fires(std::string_view text, const TimeZone& zone, WallTime after,
                               std::size_t count) {
  const Result<Cron> cron = Cron::Parse(text);
  EXPECT_TRUE(cron.ok()) << cron.status().message();
  std::vector<std::string> times;
  while (cron.ok() && times.size() < count) {
    const auto next = cron->Next(after, zone);
    if (!next) break;
    EXPECT_GT(*next, after) << text;
    EXPECT_EQ(next->time_since_epoch() % std::chrono::minutes(1), Nanoseconds(0)) << text;
    times.push_back(FormatTime(*next).substr(0, 16));
    after = *next;
  }
  return times;
}

struct Firing {
  std::string text;
  std::string after;  // UTC
  std::vector<std::string> times;
};

void ExpectFirings(const TimeZone& zone, const std::vector<Firing>& cases) {
  for (const Firing& each : cases) {
    EXPECT_EQ(Fires(each.text, zone, At(each.after), each.times.size()), each.times)
        << each.text << " after " << each.after << " in " << zone.name();
  }
}

TEST(Cron, FiresWhenItsFieldsMatch) {
  const std::string start = "2026-11-23T10:15:00Z";  // a Monday
  ExpectFirings(
      TimeZone(),
      {
          {"* * * * *", start, {"2026-11-23T10:16", "2026-11-23T10:17"}},
          {"* * * * *", "2026-11-23T10:14:59.999Z", {"2026-11-23T10:15"}},
          {"* * * * *", "2026-11-23T10:15:00.001Z", {"2026-11-23T10:16"}},
          {"*/15 * * * *", start, {"2026-11-23T10:30", "2026-11-23T10:45", "2026-11-23T11:00"}},
          {"10-50/20 * * * *", start, {"2026-11-23T10:30", "2026-11-23T10:50", "2026-11-23T11:10"}},
          {"5,20,5 * * * *", start, {"2026-11-23T10:20", "2026-11-23T11:05"}},
          {"7,*/30,58-59 10 * * *",
           start,
           {"2026-11-23T10:30", "2026-11-23T10:58", "2026-11-23T10:59", "2026-11-24T10:00"}},
          {"15 10 * * *", start, {"2026-11-24T10:15", "2026-11-25T10:15"}},
          {"0 */7 * * *",
           start,
           {"2026-11-23T14:00", "2026-11-23T21:00", "2026-11-24T00:00", "2026-11-24T07:00"}},
          {"30 2 * * 1-5", "2026-11-27T02:30:00Z", {"2026-11-30T02:30", "2026-12-01T02:30"}},
          {"0 0 * * 7", start, {"2026-11-29T00:00", "2026-12-06T00:00"}},
          {"0 0 * * 0", start, {"2026-11-29T00:00", "2026-12-06T00:00"}},
          {"0 0 * * 6-7", start, {"2026-11-28T00:00", "2026-11-29T00:00", "2026-12-05T00:00"}},
          {"0 0 * * fri-SUN",
           start,
           {"2026-11-27T00:00", "2026-11-28T00:00", "2026-11-29T00:00", "2026-12-04T00:00"}},
          {"0 0 * * Sun,Wed", start, {"2026-11-25T00:00", "2026-11-29T00:00"}},
          {"0 0 1 jan,JUL *", start, {"2027-01-01T00:00", "2027-07-01T00:00"}},
          {"0 0 1 Mar-may *", start, {"2027-03-01T00:00", "2027-04-01T00:00", "2027-05-01T00:00"}},
          {"0 0 1 */5 *", start, {"2027-01-01T00:00", "2027-06-01T00:00", "2027-11-01T00:00"}},
          {"0 0 31 * *", start, {"2026-12-31T00:00", "2027-01-31T00:00", "2027-03-31T00:00"}},
          {"59 23 31 12 *", "2026-12-31T23:59:00Z", {"2027-12-31T23:59"}},
          {" 0\t0   1 1 * ", start, {"2027-01-01T00:00"}},
      });
}

TEST(Cron, FiresOnEitherDayIfBothAreRestricted) {
  const std::string start = "2026-11-01T00:00:00Z";  // a Sunday
  ExpectFirings(
      TimeZone(),
      {
          {"0 0 13 * 5",
           start,
           {"2026-11-06T00:00", "2026-11-13T00:00", "2026-11-20T00:00", "2026-11-27T00:00",
            "2026-12-04T00:00", "2026-12-11T00:00", "2026-12-13T00:00"}},
          // What begins with "*" does not restrict, so both must match.
          {"0 0 */2 * 5", start, {"2026-11-13T00:00", "2026-11-27T00:00", "2026-12-11T00:00"}},
          {"0 0 13 * */5", start, {"2026-11-13T00:00", "2026-12-13T00:00", "2027-06-13T00:00"}},
          {"0 0 30 2 1", start, {"2027-02-01T00:00", "2027-02-08T00:00"}},
          {"0 0 1-31 * 5", start, {"2026-11-02T00:00", "2026-11-03T00:00"}},
      });
}

TEST(Cron, KnowsShorthands) {
  const std::string start = "2026-11-23T10:15:00Z";
  ExpectFirings(TimeZone(), {
                                {"@hourly", start, {"2026-11-23T11:00", "2026-11-23T12:00"}},
                                {"@daily", start, {"2026-11-24T00:00", "2026-11-25T00:00"}},
                                {"@midnight", start, {"2026-11-24T00:00", "2026-11-25T00:00"}},
                                {"@weekly", start, {"2026-11-29T00:00", "2026-12-06T00:00"}},
                                {"@monthly", start, {"2026-12-01T00:00", "2027-01-01T00:00"}},
                                {"@yearly", start, {"2027-01-01T00:00", "2028-01-01T00:00"}},
                                {"@annually", start, {"2027-01-01T00:00", "2028-01-01T00:00"}},
                            });
}

TEST(Cron, KnowsLeapYears) {
  ExpectFirings(
      TimeZone(),
      {
          {"0 0 29 2 *", "2026-01-01T00:00:00Z", {"2028-02-29T00:00", "2032-02-29T00:00"}},
          {"0 0 29 2 *", "2092-03-01T00:00:00Z", {"2096-02-29T00:00", "2104-02-29T00:00"}},
          // On a Sunday, once in 28 years, and in 40 around a year that is no leap year.
          {"0 0 29 2 */7", "2026-01-01T00:00:00Z", {"2032-02-29T00:00"}},
          {"0 0 29 2 */7", "2060-03-01T00:00:00Z", {"2088-02-29T00:00", "2128-02-29T00:00"}},
          {"0 * 29 2 */7", "2088-02-29T23:00:00Z", {"2128-02-29T00:00"}},
          {"0 0 28-31 2 *", "2027-02-01T00:00:00Z", {"2027-02-28T00:00", "2028-02-28T00:00"}},
      });
}

// Clocks go from 02:00 to 03:00 at 01:00 UTC on 2026-03-29, and from 03:00 to 02:00 at 01:00 UTC on
// 2026-10-25.
TEST(Cron, FollowsTheCalendarOfBerlinIfItsHourIsGiven) {
  ExpectFirings(
      Zone("Europe/Berlin"),
      {
          {"30 1 * * *", "2026-03-28T12:00:00Z", {"2026-03-29T00:30", "2026-03-29T23:30"}},
          {"30 2 * * *",
           "2026-03-28T00:00:00Z",
           {"2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"}},
          {"0 3 * * *", "2026-03-28T12:00:00Z", {"2026-03-29T01:00", "2026-03-30T01:00"}},
          // All that is skipped, and what is due at the change, is one.
          {"*/20 2-3 * * *",
           "2026-03-28T12:00:00Z",
           {"2026-03-29T01:00", "2026-03-29T01:20", "2026-03-29T01:40", "2026-03-30T00:00"}},
          {"30 2 * * *", "2026-03-29T00:59:59.999Z", {"2026-03-29T01:00", "2026-03-30T00:30"}},
          {"30 2 * * *", "2026-03-29T01:00:00Z", {"2026-03-30T00:30"}},
          {"30 2 * * *", "2026-10-24T12:00:00Z", {"2026-10-25T00:30", "2026-10-26T01:30"}},
          {"30 2 * * *", "2026-10-25T00:30:00Z", {"2026-10-26T01:30"}},
          {"30 2 * * *", "2026-10-25T01:15:00Z", {"2026-10-26T01:30"}},
          {"* 2,4 * * *", "2026-10-25T00:58:00Z", {"2026-10-25T00:59", "2026-10-25T03:00"}},
          {"0 3 * * *", "2026-10-25T00:30:00Z", {"2026-10-25T02:00"}},
          {"30 0-23 * * *", "2026-10-24T23:45:00Z", {"2026-10-25T00:30", "2026-10-25T02:30"}},
          {"30 2 29 3 *", "2025-04-01T00:00:00Z", {"2026-03-29T01:00", "2027-03-29T00:30"}},
      });
}

TEST(Cron, FollowsPassingTimeIfItsHourIsNotGiven) {
  ExpectFirings(
      Zone("Europe/Berlin"),
      {
          {"0 * * * *", "2026-03-29T00:00:00Z", {"2026-03-29T01:00", "2026-03-29T02:00"}},
          {"30 * * * *",
           "2026-10-24T23:30:00Z",
           {"2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"}},
          {"*/30 * 25 10 *",
           "2026-10-25T00:00:00Z",
           {"2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"}},
          // Shown are 00:00, 02:00, 02:00 again, 04:00.
          {"0 */2 * * *",
           "2026-10-24T20:00:00Z",
           {"2026-10-24T22:00", "2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T03:00"}},
          // Shown are 00:00 and 04:00.
          {"0 */2 * * *", "2026-03-28T22:00:00Z", {"2026-03-28T23:00", "2026-03-29T02:00"}},
          {"* * * * *", "2026-10-25T00:59:00Z", {"2026-10-25T01:00", "2026-10-25T01:01"}},
      });
}

// At 07:00 UTC on 2026-03-08 and at 06:00 UTC on 2026-11-01.
TEST(Cron, FollowsTheChangesOfNewYork) {
  ExpectFirings(
      Zone("America/New_York"),
      {
          {"0 2 * * *", "2026-03-07T12:00:00Z", {"2026-03-08T07:00", "2026-03-09T06:00"}},
          {"15 1 * * *", "2026-10-31T12:00:00Z", {"2026-11-01T05:15", "2026-11-02T06:15"}},
          {"15 * * * *",
           "2026-11-01T04:30:00Z",
           {"2026-11-01T05:15", "2026-11-01T06:15", "2026-11-01T07:15"}},
          {"@daily", "2026-11-01T00:00:00Z", {"2026-11-01T04:00", "2026-11-02T05:00"}},
      });
}

// By half an hour: from 02:00 to 02:30 at 15:30 UTC on 2026-10-03, from 02:00 to 01:30 at 15:00 UTC
// on 2026-04-04.
TEST(Cron, FollowsTheHalfHourOfLordHowe) {
  ExpectFirings(
      Zone("Australia/Lord_Howe"),
      {
          {"15 2 * * *", "2026-10-03T00:00:00Z", {"2026-10-03T15:30", "2026-10-04T15:15"}},
          {"45 2 * * *", "2026-10-03T00:00:00Z", {"2026-10-03T15:45", "2026-10-04T15:45"}},
          {"45 1 * * *", "2026-04-04T00:00:00Z", {"2026-04-04T14:45", "2026-04-05T15:15"}},
          {"45 * * * *",
           "2026-04-04T14:00:00Z",
           {"2026-04-04T14:45", "2026-04-04T15:15", "2026-04-04T16:15"}},
          {"0 * * * *", "2026-10-03T14:00:00Z", {"2026-10-03T14:30", "2026-10-03T16:00"}},
      });
}

TEST(Cron, FollowsChangesAtMidnightAndOfWholeDays) {
  // Santiago goes from 24:00 to 23:00 in April and from 24:00 to 01:00 in September.
  ExpectFirings(
      Zone("America/Santiago"),
      {
          {"30 23 4 4 *", "2026-04-01T00:00:00Z", {"2026-04-05T02:30", "2027-04-05T03:30"}},
          {"30 * 4 4 *", "2026-04-05T02:00:00Z", {"2026-04-05T02:30", "2026-04-05T03:30"}},
          {"@daily", "2026-09-05T12:00:00Z", {"2026-09-06T04:00", "2026-09-07T03:00"}},
      });
  // Samoa had no 30th of December in 2011.
  ExpectFirings(Zone("Pacific/Apia"),
                {
                    {"0 12 * * *",
                     "2011-12-29T00:00:00Z",
                     {"2011-12-29T22:00", "2011-12-30T10:00", "2011-12-30T22:00"}},
                    {"0 12 30 12 *", "2011-12-01T00:00:00Z", {"2011-12-30T10:00"}},
                });
}

TEST(Cron, EndsWithWallTime) {
  const Result<Cron> cron = Cron::Parse("* * * * *");
  ASSERT_TRUE(cron.ok());
  EXPECT_EQ(cron->Next(WallTime::max(), TimeZone()), std::nullopt);
  EXPECT_EQ(cron->Next(At("2261-12-31T23:59:00Z") + Seconds(60), TimeZone()), std::nullopt);
  EXPECT_EQ(cron->Next(At("2261-12-30T00:00:00Z"), TimeZone()), At("2261-12-30T00:01:00Z"));
  EXPECT_NE(cron->Next(WallTime::min(), TimeZone()), std::nullopt);
}

TEST(Cron, IsEqualByItsText) {
  EXPECT_EQ(Cron::Parse("0 0 * * *")->text(), "0 0 * * *");
  EXPECT_EQ(*Cron::Parse("0 0 * * *"), *Cron::Parse("0 0 * * *"));
  EXPECT_FALSE(*Cron::Parse("0 0 * * *") == *Cron::Parse("@daily"));
}

void ExpectErrors(const std::vector<std::pair<std::string, std::string>>& cases) {
  for (const auto& [text, message] : cases) {
    const Result<Cron> cron = Cron::Parse(text);
    ASSERT_FALSE(cron.ok()) << text;
    EXPECT_EQ(cron.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(cron.error().message(), "\"" + ToSingleLine(text) + "\"" + message);
  }
}

TEST(Cron, SaysWhatAnExpressionConsistsOf) {
  const std::string fields = "minute hour day-of-month month day-of-week";
  const std::string shorthands =
      " is not known; use @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually or "
      "five fields: " +
      fields;
  ExpectErrors({
      {"", " is empty; write five fields: " + fields},
      {" \t", " is empty; write five fields: " + fields},
      {"5", " has 1 field; write five: " + fields},
      {"0 0 * *", " has 4 fields; write five: " + fields},
      {"0 0 0 * * *",
       " has 6 fields; write five: " + fields + "; seconds and years are not supported"},
      {"0 0 0 * * * *", " has 7 fields; write five: " + fields},
      {"@reboot", shorthands},
      {"@every 1h", shorthands},
      {"@Daily", shorthands},
      {"@daily 0", shorthands},
      {"CRON_TZ=UTC 0 0 * * *",
       " sets \"CRON_TZ=UTC\"; set the time zone apart from the expression"},
  });
}

TEST(Cron, SaysWhatIsWrongWithAField) {
  ExpectErrors({
      {"60 * * * *", " has \"60\" in its minute, which is no number from 0 to 59"},
      {"-1 * * * *", " has \"-1\" in its minute, which is half a range"},
      {"1- * * * *", " has \"1-\" in its minute, which is half a range"},
      {"+1 * * * *", " has \"+1\" in its minute, which is no number from 0 to 59"},
      {"1.5 * * * *", " has \"1.5\" in its minute, which is no number from 0 to 59"},
      {"99999999999 * * * *",
       " has \"99999999999\" in its minute, which is no number from 0 to 59"},
      {"*5 * * * *", " has \"*5\" in its minute, which is no number from 0 to 59"},
      {"*-5 * * * *", " has \"*\" in its minute, which is no number from 0 to 59"},
      {"1-2-3 * * * *", " has \"2-3\" in its minute, which is no number from 0 to 59"},
      {"0 24 * * *", " has \"24\" in its hour, which is no number from 0 to 23"},
      {"0 8-24 * * *", " has \"24\" in its hour, which is no number from 0 to 23"},
      {"0 0 0 * *", " has \"0\" in its day-of-month, which is no number from 1 to 31"},
      {"0 0 L * *", " has \"L\" in its day-of-month, which is no number from 1 to 31"},
      {"0 0 ? * 1", " has \"?\" in its day-of-month, which is no number from 1 to 31"},
      {"0 0 1 13 *",
       " has \"13\" in its month, which is no number from 1 to 12 and no name from JAN to DEC"},
      {"0 0 1 MON *",
       " has \"MON\" in its month, which is no number from 1 to 12 and no name from JAN to DEC"},
      {"0 0 * * 8",
       " has \"8\" in its day-of-week, which is no number from 0 to 7 and no name from SUN to SAT"},
      {"0 0 * * Monday",
       " has \"Monday\" in its day-of-week, which is no number from 0 to 7 and no name from SUN to "
       "SAT"},
      {"1,,2 * * * *", " has \"1,,2\" in its minute, which has nothing before or after a comma"},
      {", * * * *", " has \",\" in its minute, which has nothing before or after a comma"},
      {"50-10 * * * *",
       " has \"50-10\" in its minute, which ends before it begins; write 50-59,0-10"},
      {"0 0 25-5 * *",
       " has \"25-5\" in its day-of-month, which ends before it begins; write 25-31,1-5"},
      {"0 0 * * sat-mon",
       " has \"sat-mon\" in its day-of-week, which ends before it begins; write 6,0-1"},
      {"*/0 * * * *",
       " has \"*/0\" in its minute, which has a step that is no number from 1 to 59"},
      {"*/ * * * *", " has \"*/\" in its minute, which has a step that is no number from 1 to 59"},
      {"*/90 * * * *",
       " has \"*/90\" in its minute, which has a step that is no number from 1 to 59"},
      {"*/5/5 * * * *",
       " has \"*/5/5\" in its minute, which has a step that is no number from 1 to 59"},
      {"5/10 * * * *",
       " has \"5/10\" in its minute, which has a step without a range; write 5-59/10"},
      {"/5 * * * *", " has \"/5\" in its minute, which has nothing before its step; write */5"},
  });
}

TEST(Cron, RefusesWhatNeverFires) {
  const std::string never = " never fires, since none of its months has such a day";
  ExpectErrors({
      {"0 0 30 2 *", never},
      {"0 0 30-31 FEB *", never},
      {"0 0 31 2,4,6,9,11 *", never},
      {"* * 31 4 */2", never},
  });
}

}  // namespace
}  // namespace warden::config
