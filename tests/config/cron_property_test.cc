// Random cron expressions against an oracle that looks at every minute of some weeks. Expressions
// are made together with the values that they stand for, so the oracle does not depend on how they
// are read.
#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <random>
#include <string>
#include <vector>

#include "exporter/base/text.h"
#include "exporter/config/cron.h"

namespace warden::config {
namespace {

using std::chrono::minutes;

struct RandomField {
  std::string text;
  std::bitset<64> values;
  bool any = false;  // begins with "*"
};

struct RandomCron {
  RandomField minute, hour, day, month, weekday;

  std::string text() const {
    return minute.text + " " + hour.text + " " + day.text + " " + month.text + " " + weekday.text;
  }
  bool Matches(const CivilTime& shown) const {
    const bool day_matches = day.values[static_cast<std::size_t>(shown.day)];
    const bool weekday_matches = weekday.values[static_cast<std::size_t>(shown.weekday)];
    return minute.values[static_cast<std::size_t>(shown.minute)] &&
           hour.values[static_cast<std::size_t>(shown.hour)] &&
           month.values[static_cast<std::size_t>(shown.month)] &&
           (day.any || weekday.any ? day_matches && weekday_matches
                                   : day_matches || weekday_matches);
  }
};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  int Pick(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

  RandomCron Cron() {
    RandomCron cron{Field(0, 59, 30), Field(0, 23, 50), Field(1, 31, 60), Field(1, 12, 80),
                    Field(0, 7, 60)};
    if (cron.weekday.values[7]) cron.weekday.values.set(0);
    return cron;
  }

 private:
  RandomField Field(int low, int high, int star_percent) {
    RandomField field;
    field.any = Pick(1, 100) <= star_percent;
    if (field.any) {
      const int step = Pick(1, 2) == 1 ? 1 : Pick(1, high);
      field.text = step == 1 ? "*" : "*/" + std::to_string(step);
      Add(field, low, high, step);
      return field;
    }
    for (int items = Pick(1, 3); items > 0; --items) {
      const int first = Pick(low, high);
      const int last = Pick(1, 2) == 1 ? first : Pick(first, high);
      const int step = last == first || Pick(1, 2) == 1 ? 1 : Pick(1, high);
      if (!field.text.empty()) field.text += ",";
      field.text += std::to_string(first);
      if (last != first) field.text += "-" + std::to_string(last);
      if (step != 1) field.text += "/" + std::to_string(step);
      Add(field, first, last, step);
    }
    return field;
  }

  static void Add(RandomField& field, int first, int last, int step) {
    for (int value = first; value <= last; value += step) {
      field.values.set(static_cast<std::size_t>(value));
    }
  }

  std::mt19937 random_;
};

// Some weeks of a zone, minute by minute.
struct Window {
  struct Minute {
    WallTime time;
    CivilTime shown;
    // What the clock on the wall reaches with it: one minute; none where it shows again what it
    // has shown; more where some were skipped.
    std::vector<CivilTime> reached;
  };
  TimeZone zone;
  std::vector<Minute> minutes;
};

Window Watch(const std::string& zone, std::string_view from) {
  Window window{*TimeZone::Load(zone), {}};
  const WallTime begin = *ParseTime(from);
  // Civil times as if they were of UTC, for counting.
  const auto count = [](const CivilTime& civil) { return TimeZone().FromCivil(civil).first; };
  WallTime highest = count(window.zone.ToCivil(begin - minutes(1)));
  for (WallTime time = begin; time < begin + std::chrono::weeks(5); time += minutes(1)) {
    Window::Minute& minute =
        window.minutes.emplace_back(Window::Minute{time, window.zone.ToCivil(time), {}});
    const WallTime shown = count(minute.shown);
    for (; highest < shown; highest += minutes(1)) {
      minute.reached.push_back(TimeZone().ToCivil(highest + minutes(1)));
    }
  }
  return window;
}

std::vector<WallTime> NaiveFirings(const RandomCron& cron, const Window& window) {
  std::vector<WallTime> times;
  const auto matches = [&](const CivilTime& civil) { return cron.Matches(civil); };
  for (const Window::Minute& minute : window.minutes) {
    const bool fires = cron.hour.any
                           ? matches(window.zone.ToCivil(minute.time))
                           : std::any_of(minute.reached.begin(), minute.reached.end(), matches);
    if (fires) times.push_back(minute.time);
  }
  return times;
}

void ExpectAgreement(const std::string& zone, std::string_view from, unsigned seed) {
  const Window window = Watch(zone, from);
  const WallTime begin = window.minutes.front().time;
  const WallTime end = window.minutes.back().time;
  Generator generator(seed);
  std::size_t firings = 0;
  for (int round = 0; round < 30; ++round) {
    const RandomCron random = generator.Cron();
    const Result<Cron> cron = Cron::Parse(random.text());
    const std::vector<WallTime> naive = NaiveFirings(random, window);
    if (!cron.ok()) {
      EXPECT_NE(cron.error().message().find("never fires"), std::string::npos) << random.text();
      EXPECT_TRUE(naive.empty()) << random.text();
      continue;
    }
    std::vector<WallTime> found;
    for (auto next = cron->Next(begin - Nanoseconds(1), window.zone); next && *next <= end;
         next = cron->Next(*next, window.zone)) {
      found.push_back(*next);
    }
    ASSERT_EQ(found, naive) << random.text() << " in " << zone << " from " << from;
    firings += naive.size();
    for (int i = 0; i < 20; ++i) {
      const WallTime after = begin + Seconds(generator.Pick(0, 5 * 7 * 86400)) + Nanoseconds(7);
      const auto expected = std::upper_bound(naive.begin(), naive.end(), after);
      if (expected == naive.end()) continue;
      ASSERT_EQ(cron->Next(after, window.zone), *expected)
          << random.text() << " in " << zone << " after " << FormatTime(after);
    }
  }
  EXPECT_GT(firings, 300u) << zone;
}

TEST(CronProperty, AgreesWithALookAtEveryMinuteOfUtc) {
  ExpectAgreement("UTC", "2026-11-20T10:00:00Z", 1);
  ExpectAgreement("UTC", "2028-02-10T00:00:00Z", 2);  // a leap year
}

TEST(CronProperty, AgreesWithALookAtEveryMinuteAroundChangesOfClocks) {
  ExpectAgreement("Europe/Berlin", "2026-03-10T00:00:00Z", 3);
  ExpectAgreement("Europe/Berlin", "2026-10-10T00:00:00Z", 4);
  ExpectAgreement("America/New_York", "2026-02-20T00:00:00Z", 5);
  ExpectAgreement("America/New_York", "2026-10-15T00:00:00Z", 6);
  ExpectAgreement("Australia/Lord_Howe", "2026-03-20T00:00:00Z", 7);
  ExpectAgreement("Australia/Lord_Howe", "2026-09-20T00:00:00Z", 8);
  // At midnight, and by a whole day.
  ExpectAgreement("America/Santiago", "2026-03-20T00:00:00Z", 9);
  ExpectAgreement("America/Santiago", "2026-08-20T00:00:00Z", 10);
  ExpectAgreement("Pacific/Apia", "2011-12-10T00:00:00Z", 11);
}

}  // namespace
}  // namespace warden::config
