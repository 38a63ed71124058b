// Retention case by case; retention_property_test.cc says what holds for all.
#include "exporter/backup/retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "exporter/base/text.h"

namespace warden::backup {
namespace {

using config::RetentionConfig;
using config::RetentionRule;
using config::TimeZone;
using Lines = std::vector<std::string>;

WallTime At(std::string_view time) {
  return *ParseTime(time);
}

const WallTime kNow = At("2026-11-25T12:00:00Z");

Candidate Verified(std::string id, WallTime created) {
  return {.id = std::move(id),
          .backup_class = "scheduled",
          .created = created,
          .size_bytes = 10,
          .verified = true};
}

// Verified backups at these times; "a" is the first one.
std::vector<Candidate> Verified(const std::vector<std::string_view>& times) {
  std::vector<Candidate> backups;
  for (const std::string_view time : times) {
    backups.push_back(Verified(std::string(1, static_cast<char>('a' + backups.size())), At(time)));
  }
  return backups;
}

RetentionConfig Config(std::vector<RetentionRule> rules) {
  return {.rules = std::move(rules), .keep_verified_min = 1};
}

// "+a: why it stays", "-b: why it goes"
Lines Explain(const std::vector<Candidate>& backups, const RetentionConfig& retention,
              WallTime now = kNow) {
  Lines lines;
  for (const Decision& decision : DecideRetention(backups, retention, now)) {
    lines.push_back((decision.keep ? "+" : "-") + decision.id + ": " + decision.reason);
  }
  return lines;
}

std::string Kept(const std::vector<Candidate>& backups, const RetentionConfig& retention,
                 WallTime now = kNow) {
  Lines kept;
  for (const Decision& decision : DecideRetention(backups, retention, now)) {
    if (decision.keep) kept.push_back(decision.id);
  }
  return Join(kept, " ");
}

TEST(Retention, SaysOfEachBackupWhyItStaysOrGoes) {
  const auto backups =
      Verified({"2026-09-30T23:00:00Z", "2026-11-22T23:30:00Z", "2026-11-23T23:00:00Z",
                "2026-11-24T22:00:00Z", "2026-11-24T23:00:00Z", "2026-11-25T11:00:00Z"});
  RetentionConfig retention = Config({{.keep_last = 1, .daily = 2, .weekly = 2, .monthly = 3}});
  retention.keep_verified_min = 2;
  EXPECT_EQ(
      Explain(backups, retention),
      (Lines{"+f: one of the 2 newest verified; last 1 of 1; newest of 2026-11-25 (daily 1 of 2); "
             "newest of 2026-W48 (weekly 1 of 2); newest of 2026-11 (monthly 1 of 3)",
             "+e: one of the 2 newest verified; newest of 2026-11-24 (daily 2 of 2)",
             "-d: not kept by any rule of class scheduled: last 1, daily 2, weekly 2, monthly 3",
             "-c: not kept by any rule of class scheduled: last 1, daily 2, weekly 2, monthly 3",
             "+b: newest of 2026-W47 (weekly 2 of 2)", "+a: newest of 2026-09 (monthly 2 of 3)"}));
}

TEST(Retention, KeepsWhatEachNumberSays) {
  // Two in an hour, a day, a week, a month; then a year without any.
  const auto backups =
      Verified({"2024-05-01T00:00:00Z", "2026-10-31T23:00:00Z", "2026-11-01T23:00:00Z",
                "2026-11-23T09:00:00Z", "2026-11-24T09:00:00Z", "2026-11-24T10:10:00Z",
                "2026-11-24T10:50:00Z"});
  struct Case {
    RetentionRule rule;
    std::string_view kept;
  };
  const Case cases[] = {
      {{.keep_last = 1}, "g"},
      {{.keep_last = 3}, "g f e"},
      {{.keep_last = 100}, "g f e d c b a"},
      {{.keep_within = Seconds(40 * 60)}, "g f e"},  // to the second; e is from before
      {{.keep_within = Seconds(40 * 60 - 1)}, "g f"},
      {{.keep_within = Seconds(1)}, "g f"},
      {{.hourly = 1}, "g"},
      {{.hourly = 3}, "g e d"},
      {{.daily = 2}, "g d"},
      {{.daily = 4}, "g d c b"},  // days without a backup do not count
      {{.weekly = 1}, "g"},
      {{.weekly = 2}, "g c"},
      {{.monthly = 2}, "g b"},
      {{.monthly = 3}, "g b a"},
      {{.yearly = 2}, "g a"},
      {{.keep_last = 2, .monthly = 2}, "g f b"},
      {{.max_bytes = 10}, "g"},
      {{.max_bytes = 39}, "g f e"},
      {{.max_bytes = 70}, "g f e d c b a"},
      {{.monthly = 3, .max_bytes = 20}, "g b"},
      {{}, "g f e d c b a"},  // refused by the configuration; if it comes this far, nothing goes
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Kept(backups, Config({c.rule})), c.kept) << &c - cases;
  }
}

TEST(Retention, KeepsTheOldestUntilAPeriodIsFull) {
  const auto backups = Verified({"2026-11-23T01:00:00Z", "2026-11-23T02:00:00Z",
                                 "2026-11-24T01:00:00Z", "2026-11-24T02:00:00Z"});
  EXPECT_EQ(Kept(backups, Config({{.daily = 2}})), "d b");
  EXPECT_EQ(Explain(backups, Config({{.daily = 3}})),
            (Lines{"+d: the newest verified; newest of 2026-11-24 (daily 1 of 3)",
                   "-c: not kept by any rule of class scheduled: daily 3",
                   "+b: newest of 2026-11-23 (daily 2 of 3)", "+a: oldest (daily 2 of 3)"}));
}

TEST(Retention, MeasuresAWindowFromTheNewestBackupAndKeepsOneFromBefore) {
  const auto backups = Verified({"2026-11-01T00:00:00Z", "2026-11-10T00:00:00Z",
                                 "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z"});
  const RetentionConfig retention = Config({{.keep_within = std::chrono::hours(3 * 24)}});
  const Lines expected = {"+d: the newest verified; within 3d of the newest",
                          "+c: within 3d of the newest", "+b: newest from before the last 3d",
                          "-a: not kept by any rule of class scheduled: within 3d"};
  EXPECT_EQ(Explain(backups, retention), expected);
  EXPECT_EQ(Explain(backups, retention, At("2036-11-25T00:00:00Z")), expected);
}

TEST(Retention, OrdersByTimeAndNotByNameOrRevision) {
  auto backups = Verified({"2026-11-23T00:00:00Z", "2026-11-22T00:00:00Z"});
  backups[0].revision = 10'000;
  backups[1].revision = 99'999;
  EXPECT_EQ(Kept(backups, Config({{.keep_last = 1}})), "a");
  // Two of the same moment: the id says which came later.
  backups[1].created = backups[0].created;
  EXPECT_EQ(Kept(backups, Config({{.keep_last = 1}})), "b");
}

TEST(Retention, KeepsTheNewestVerifiedEvenWhenOverBudget) {
  auto backups = Verified({"2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z",
                           "2026-11-23T00:00:00Z"});
  RetentionConfig retention = Config({{.keep_last = 4, .max_bytes = 5}});
  EXPECT_EQ(Kept(backups, retention), "d");
  retention.keep_verified_min = 3;
  EXPECT_EQ(Kept(backups, retention), "d c b");
  EXPECT_EQ(Explain(backups, retention).back(),
            "-a: exceeds the 5 B of class scheduled, which else would keep it: last 4 of 4");
  // Sizes whose sum no number holds.
  for (Candidate& backup : backups) backup.size_bytes = UINT64_MAX;
  retention = Config({{.keep_last = 4, .max_bytes = UINT64_MAX}});
  EXPECT_EQ(Kept(backups, retention), "d");
}

TEST(Retention, KeepsTheMinimumOverAllClassesAtLeastOne) {
  auto backups = Verified({"2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z",
                           "2026-11-23T00:00:00Z"});
  backups[3].backup_class = "alert";
  RetentionConfig retention = Config({{.backup_class = "alert", .keep_last = 1}, {.keep_last = 1}});
  retention.keep_verified_min = 3;
  EXPECT_EQ(Kept(backups, retention), "d c b");
  retention.keep_verified_min = 2;
  EXPECT_EQ(Kept(backups, retention), "d c");
  retention.keep_verified_min = 0;
  EXPECT_EQ(Explain(backups, retention)[0], "+d: the newest verified; last 1 of 1");
}

TEST(Retention, JudgesEachClassByItsOwnRuleElseByTheGeneralOne) {
  auto backups = Verified({"2026-11-20T00:00:00Z", "2026-11-20T01:00:00Z", "2026-11-20T02:00:00Z",
                           "2026-11-20T03:00:00Z", "2026-11-20T04:00:00Z", "2026-11-20T05:00:00Z"});
  for (const std::size_t i : {0UL, 1UL}) backups[i].backup_class = "alert";
  for (const std::size_t i : {2UL, 3UL}) backups[i].backup_class = "manual";
  EXPECT_EQ(Kept(backups, Config({{.keep_last = 1}})), "f d b");
  EXPECT_EQ(Kept(backups, Config({{.keep_last = 1}, {.backup_class = "alert", .keep_last = 2}})),
            "f d b a");
  EXPECT_EQ(Explain(backups, Config({{.backup_class = "manual", .keep_last = 1}})),
            (Lines{"+f: the newest verified; no rule for class scheduled",
                   "+e: no rule for class scheduled", "+d: last 1 of 1",
                   "-c: not kept by any rule of class manual: last 1",
                   "+b: no rule for class alert", "+a: no rule for class alert"}));
}

TEST(Retention, KeepsWhatAnyOfSeveralRulesKeeps) {
  const auto backups = Verified({"2026-11-18T00:00:00Z", "2026-11-18T01:00:00Z",
                                 "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"});
  const RetentionConfig retention = Config({{.keep_last = 3, .max_bytes = 20}, {.daily = 3}});
  EXPECT_EQ(
      Explain(backups, retention),
      (Lines{"+d: the newest verified; last 1 of 3; newest of 2026-11-20 (daily 1 of 3)",
             "+c: last 2 of 3; newest of 2026-11-19 (daily 2 of 3)",
             "+b: newest of 2026-11-18 (daily 3 of 3)",
             "-a: not kept by any rule of class scheduled: last 3, at most 20 B; or daily 3"}));
}

// What does not take part stays, and the rules judge the others as if it were not there.
TEST(Retention, LetsNothingUseUpASlotThatProvesNothing) {
  struct Case {
    std::string_view name;
    std::function<void(Candidate&)> spoil;
    std::string_view reason;
  };
  const Case cases[] = {
      {"pinned", [](Candidate& backup) { backup.pinned = true; }, "pinned"},
      {"pinned in quarantine",
       [](Candidate& backup) {
         backup.pinned = backup.quarantined = true;
         backup.verified = false;
       },
       "pinned"},
      {"unverified", [](Candidate& backup) { backup.verified = false; },
       "not verified, so no rule applies"},
      {"future", [](Candidate& backup) { backup.created = At("2036-01-01T00:00:00Z"); },
       "created in the future, at 2036-01-01T00:00:00.000Z: a clock was wrong"},
      {"in quarantine",
       [](Candidate& backup) {
         backup.quarantined = true;
         backup.verified = false;
       },
       "in quarantine, newest 1 of 5"},
      {"in quarantine, though it says verified",
       [](Candidate& backup) { backup.quarantined = true; }, "in quarantine, newest 1 of 5"},
  };
  RetentionConfig retention = Config({{.keep_last = 1,
                                       .keep_within = std::chrono::hours(24),
                                       .hourly = 1,
                                       .daily = 1,
                                       .max_bytes = 20}});
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    auto backups = Verified({"2026-11-18T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-22T01:00:00Z",
                             "2026-11-25T11:00:00Z"});
    EXPECT_EQ(Kept(backups, retention), "d c");
    c.spoil(backups[3]);
    backups[3].size_bytes = 1'000'000;
    EXPECT_EQ(Kept(backups, retention), "d c b");
    EXPECT_EQ(Explain(backups, retention)[0], "+d: " + std::string(c.reason));
  }
}

TEST(Retention, JudgesABackupOfThisVeryMoment) {
  const auto backups = Verified({"2026-11-24T00:00:00Z", "2026-11-25T12:00:00Z"});
  EXPECT_EQ(Kept(backups, Config({{.keep_last = 1}}), At("2026-11-25T12:00:00Z")), "b");
  EXPECT_EQ(Kept(backups, Config({{.keep_last = 1}}), At("2026-11-25T11:59:59.999Z")), "b a");
}

TEST(Retention, KeepsTheNewestInQuarantineAsEvidence) {
  auto backups = Verified({"2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z",
                           "2026-11-23T00:00:00Z"});
  for (const std::size_t i : {0UL, 1UL, 3UL}) {
    backups[i].quarantined = true;
    backups[i].verified = false;
  }
  RetentionConfig retention = Config({{.keep_last = 1}});
  retention.keep_quarantined = 2;
  EXPECT_EQ(Explain(backups, retention),
            (Lines{"+d: in quarantine, newest 1 of 2", "+c: the newest verified; last 1 of 1",
                   "+b: in quarantine, newest 2 of 2",
                   "-a: in quarantine, and not one of the 2 newest there"}));
  retention.keep_quarantined = 0;
  EXPECT_EQ(Kept(backups, retention), "c");
  // Nobody has asked to have anything of that class deleted.
  backups[0].backup_class = "manual";
  retention.rules[0].backup_class = "scheduled";
  EXPECT_EQ(Kept(backups, retention), "c a");
}

TEST(Retention, NamesPeriodsAsTheZonesCalendarDoes) {
  struct Case {
    std::string zone;
    std::string_view time;
    std::string_view names;  // of hour, day, week, month and year
  };
  const Case cases[] = {
      {"UTC", "2026-12-31T23:59:59.999Z",
       "2026-12-31 23:00 +00:00, 2026-12-31, 2026-W53, 2026-12, "
       "2026"},
      {"UTC", "2027-01-03T00:00:00Z",
       "2027-01-03 00:00 +00:00, 2027-01-03, 2026-W53, 2027-01, "
       "2027"},
      {"UTC", "2027-01-04T00:00:00Z",
       "2027-01-04 00:00 +00:00, 2027-01-04, 2027-W01, 2027-01, "
       "2027"},
      {"UTC", "2024-12-30T00:00:00Z",
       "2024-12-30 00:00 +00:00, 2024-12-30, 2025-W01, 2024-12, "
       "2024"},
      {"Europe/Berlin", "2026-12-31T23:00:00Z",
       "2027-01-01 00:00 +01:00, 2027-01-01, 2026-W53, 2027-01, 2027"},
      {"America/St_Johns", "2026-07-01T02:29:59Z",
       "2026-06-30 23:00 -02:30, 2026-06-30, 2026-W27, 2026-06, 2026"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.time);
    RetentionConfig retention =
        Config({{.hourly = 1, .daily = 1, .weekly = 1, .monthly = 1, .yearly = 1}});
    retention.time_zone = *TimeZone::Load(c.zone);
    std::string expected = "+a: the newest verified";
    const std::string_view periods[] = {"hourly", "daily", "weekly", "monthly", "yearly"};
    for (std::size_t i = 0; const std::string_view name : Split(c.names, ',')) {
      expected +=
          "; newest of " + std::string(Trim(name)) + " (" + std::string(periods[i++]) + " 1 of 1)";
    }
    EXPECT_EQ(Explain(Verified({c.time}), retention, At("2030-01-01T00:00:00Z")), Lines{expected});
  }
}

TEST(Retention, CountsTheHourThatComesTwiceAsTwo) {
  const auto backups = Verified({"2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z",
                                 "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"});
  RetentionConfig retention = Config({{.hourly = 3}});
  retention.time_zone = *TimeZone::Load("Europe/Berlin");
  EXPECT_EQ(Explain(backups, retention),
            (Lines{"+d: the newest verified; newest of 2026-10-25 03:00 +01:00 (hourly 1 of 3)",
                   "+c: newest of 2026-10-25 02:00 +01:00 (hourly 2 of 3)",
                   "+b: newest of 2026-10-25 02:00 +02:00 (hourly 3 of 3)",
                   "-a: not kept by any rule of class scheduled: hourly 3"}));
}

TEST(Retention, CutsADayAtTheZonesMidnight) {
  const auto backups =
      Verified({"2026-11-23T22:00:00Z", "2026-11-23T23:30:00Z", "2026-11-24T01:00:00Z"});
  RetentionConfig retention = Config({{.daily = 2}});
  EXPECT_EQ(Kept(backups, retention), "c b");
  retention.time_zone = *TimeZone::Load("Europe/Berlin");
  EXPECT_EQ(Kept(backups, retention), "c a");
}

TEST(Retention, AnswersInOneLineWhateverAClassIsCalled) {
  auto backups = Verified({"2026-11-23T22:00:00Z", "2026-11-24T22:00:00Z"});
  for (Candidate& backup : backups) backup.backup_class = "odd\nclass";
  EXPECT_EQ(Explain(backups, Config({{.keep_last = 1}})).back(),
            "-a: not kept by any rule of class odd class: last 1");
}

TEST(Retention, KnowsARuleThatKeepsNothing) {
  EXPECT_TRUE(RetentionRule().KeepsNothing());
  EXPECT_TRUE(RetentionRule{.backup_class = "alert"}.KeepsNothing());
  for (const RetentionRule& rule :
       {RetentionRule{.keep_last = 1}, RetentionRule{.keep_within = Seconds(1)},
        RetentionRule{.hourly = 1}, RetentionRule{.daily = 1}, RetentionRule{.weekly = 1},
        RetentionRule{.monthly = 1}, RetentionRule{.yearly = 1}, RetentionRule{.max_bytes = 1}}) {
    EXPECT_FALSE(rule.KeepsNothing());
  }
}

// Everything that a year of hourly backups leaves, as a calendar says it.
TEST(Retention, KeepsOfAYearOfHourlyBackupsWhatThePolicySays) {
  const RetentionConfig retention =
      Config({{.keep_last = 24, .daily = 7, .weekly = 4, .monthly = 12}});
  const WallTime end = At("2026-12-31T23:00:00Z");
  std::vector<Candidate> backups;
  for (WallTime now = At("2026-01-01T00:00:00Z"); now <= end; now += std::chrono::hours(1)) {
    backups.push_back(Verified(FormatTime(now), now));
    std::set<std::string> doomed;
    for (const Decision& decision : DecideRetention(backups, retention, now)) {
      if (!decision.keep) doomed.insert(decision.id);
    }
    std::erase_if(backups, [&](const Candidate& backup) { return doomed.contains(backup.id); });
    // The oldest may come on top while a rule is not full.
    ASSERT_LE(backups.size(), 24U + 7 + 4 + 12 + 1) << FormatTime(now);
  }
  std::set<std::string> expected;
  for (int hour = 0; hour < 24; ++hour) expected.insert(FormatTime(end - std::chrono::hours(hour)));
  for (const std::string_view day :
       {"12-25", "12-26", "12-27", "12-28", "12-29", "12-30", "12-31",  // days
        "12-13", "12-20", "12-27", "12-31",                             // the ends of weeks
        "01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31",
        "08-31", "09-30", "10-31", "11-30", "12-31"}) {
    expected.insert("2026-" + std::string(day) + "T23:00:00.000Z");
  }
  std::set<std::string> kept;
  for (const Candidate& backup : backups) kept.insert(backup.id);
  EXPECT_EQ(kept, expected);
}

}  // namespace
}  // namespace warden::backup
