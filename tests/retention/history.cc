#include "tests/retention/history.h"

#include <algorithm>
#include <sstream>

#include "exporter/base/text.h"

namespace warden::retention {
namespace {

using backup::Candidate;
using config::RetentionConfig;
using config::RetentionRule;
using config::TimeZone;
using std::chrono::hours;
using std::chrono::minutes;

constexpr hours kDay{24};
constexpr hours kYear{365 * 24};

const std::vector<std::string> kClasses = {"scheduled", "alert", "manual", "odd"};

// Of what may happen to a day or an hour: half an hour at a time, past midnight, a day left out.
const std::vector<TimeZone>& Zones() {
  static const std::vector<TimeZone> zones = [] {
    std::vector<TimeZone> loaded = {TimeZone()};
    for (const char* name :
         {"Europe/Berlin", "America/New_York", "America/St_Johns", "America/Havana",
          "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia"}) {
      // Without a tz database there is less to see.
      if (const auto zone = TimeZone::Load(name); zone.ok()) loaded.push_back(*zone);
    }
    return loaded;
  }();
  return zones;
}

int DrawCount(Dice& dice) {
  if (!dice.OneIn(3)) return 0;
  return dice.OneIn(8) ? 1000 : dice.Between(1, 4);
}

std::uint64_t DrawSize(Dice& dice) {
  if (dice.OneIn(30)) return UINT64_MAX - dice.Below(10);
  return dice.OneIn(20) ? 0 : 1 + dice.Below(100);
}

RetentionRule DrawRule(Dice& dice, Nanoseconds scale) {
  RetentionRule rule;
  if (dice.OneIn(2)) rule.backup_class = dice.Any(kClasses);
  rule.keep_last = DrawCount(dice);
  if (dice.OneIn(3)) {
    rule.keep_within = std::chrono::ceil<Seconds>(dice.UpTo(20 * scale)) + Seconds(1);
  }
  rule.hourly = DrawCount(dice);
  rule.daily = DrawCount(dice);
  rule.weekly = DrawCount(dice);
  rule.monthly = DrawCount(dice);
  rule.yearly = DrawCount(dice);
  if (dice.OneIn(3)) rule.max_bytes = 1 + dice.Below(1000);
  return rule;
}

WallTime DrawNow(Dice& dice, const std::vector<Candidate>& backups, WallTime last) {
  if (backups.empty() || !dice.OneIn(5)) return last;
  const WallTime any = dice.Any(backups).created;
  return dice.OneIn(2) ? any : any + dice.UpTo(2 * kYear) - kYear;
}

}  // namespace

Dice::Dice(std::uint64_t seed, std::uint64_t number) {
  std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                         static_cast<std::uint32_t>(number),
                         static_cast<std::uint32_t>(number >> 32)};
  random_.seed(sequence);
}

Nanoseconds Dice::UpTo(Nanoseconds most) {
  const auto milliseconds = std::chrono::floor<Milliseconds>(most).count();
  return Milliseconds(Below(static_cast<std::uint64_t>(milliseconds) + 1));
}

Nanoseconds DrawScale(Dice& dice) {
  static const std::vector<Nanoseconds> scales = {minutes(5), minutes(20), hours(1), hours(6),
                                                  kDay,       5 * kDay,    40 * kDay};
  return dice.Any(scales);
}

WallTime DrawStart(Dice& dice) {
  static const std::vector<WallTime> starts = [] {
    std::vector<WallTime> times;
    for (const char* text : {"1969-12-31T22:00:00Z", "1999-12-31T12:00:00Z", "2006-10-29T00:30:00Z",
                             "2011-12-29T20:00:00Z", "2020-12-31T10:00:00Z", "2026-03-29T00:10:00Z",
                             "2026-04-04T14:00:00Z", "2026-10-24T22:30:00Z", "2026-11-01T03:00:00Z",
                             "2026-12-26T08:00:00Z", "2028-02-28T16:00:00Z"}) {
      times.push_back(*ParseTime(text));
    }
    return times;
  }();
  return dice.Any(starts);
}

RetentionConfig DrawRetention(Dice& dice, Nanoseconds scale) {
  RetentionConfig retention;
  for (int i = dice.Between(dice.OneIn(10) ? 0 : 1, 4); i > 0; --i)
    retention.rules.push_back(DrawRule(dice, scale));
  retention.keep_verified_min = dice.Between(0, 4);
  retention.keep_quarantined = dice.Between(0, 3);
  retention.time_zone = dice.Any(Zones());
  return retention;
}

Candidate DrawBackup(Dice& dice, WallTime created) {
  Candidate backup;
  // Of equal times, the id decides.
  backup.id = FormatId(dice.Below(UINT64_MAX));
  backup.backup_class = kClasses[dice.OneIn(2) ? 0 : dice.Below(kClasses.size())];
  backup.created = created;
  backup.revision = dice.Between(1, 1'000'000);
  backup.size_bytes = DrawSize(dice);
  backup.verified = !dice.OneIn(5);
  // One that says it is verified as well is not to be believed.
  backup.quarantined = backup.verified ? dice.OneIn(50) : dice.OneIn(2);
  backup.pinned = dice.OneIn(10);
  return backup;
}

History DrawHistory(Dice& dice) {
  History history;
  const Nanoseconds scale = DrawScale(dice);
  WallTime time = DrawStart(dice);
  const bool clock_jumps = dice.OneIn(2);
  for (int i = dice.Between(0, dice.OneIn(4) ? 50 : 25); i > 0; --i) {
    history.backups.push_back(DrawBackup(dice, time));
    if (!dice.OneIn(10)) time += dice.UpTo(2 * scale);
    if (clock_jumps && dice.OneIn(20)) time += dice.UpTo(10 * kYear) - 5 * kYear;
  }
  history.now = DrawNow(dice, history.backups, time);
  history.retention = DrawRetention(dice, scale);
  dice.Shuffle(history.backups);
  return history;
}

std::string Describe(const History& history) {
  std::ostringstream out;
  const RetentionConfig& retention = history.retention;
  out << "  now " << FormatTime(history.now) << ", " << retention.time_zone.name()
      << ", keep_verified_min " << retention.keep_verified_min << ", keep_quarantined "
      << retention.keep_quarantined << "\n";
  for (const RetentionRule& rule : retention.rules) {
    out << "  rule '" << rule.backup_class << "': last " << rule.keep_last << ", within "
        << FormatDuration(rule.keep_within) << ", hourly " << rule.hourly << ", daily "
        << rule.daily << ", weekly " << rule.weekly << ", monthly " << rule.monthly << ", yearly "
        << rule.yearly << ", max_bytes " << rule.max_bytes << "\n";
  }
  const auto decisions = DecideRetention(history.backups, retention, history.now);
  for (const backup::Decision& decision : decisions) {
    const auto backup = std::ranges::find(history.backups, decision.id, &Candidate::id);
    out << "  " << FormatTime(backup->created) << " " << backup->id << " " << backup->backup_class
        << " " << backup->size_bytes << " B" << (backup->verified ? " verified" : "")
        << (backup->quarantined ? " quarantined" : "") << (backup->pinned ? " pinned" : "")
        << (decision.keep ? " KEPT: " : " GOES: ") << decision.reason << "\n";
  }
  return out.str();
}

}  // namespace warden::retention
