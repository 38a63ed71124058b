#include "exporter/backup/retention.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "exporter/base/text.h"

namespace warden::backup {
namespace {

using config::CivilTime;
using config::RetentionConfig;
using config::RetentionRule;
using config::TimeZone;

using Reasons = std::vector<std::string>;

// A candidate, and what has been said of it so far.
struct Case {
  Candidate backup;
  bool always = false;  // stays, whatever the rules say
  Reasons reasons;      // to keep it
  std::string doom;     // why it goes, if there are none
};

// Those that a rule is asked about: one class, newest first.
using Class = std::vector<Case*>;

std::string Dashed(const char* format, int a, int b = 0, int c = 0) {
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, a, b, c);
  return buffer.data();
}

// The offset is part of the name, since the hour after which clocks are set back has its twin's.
std::string HourOf(WallTime time, const TimeZone& zone) {
  const CivilTime civil = zone.ToCivil(time);
  const auto offset = static_cast<int>(zone.OffsetAt(time).count() / 60);
  const int minutes = std::abs(offset);
  return Dashed("%04d-%02d-%02d", civil.year, civil.month, civil.day) +
         Dashed(" %02d:00 ", civil.hour) + (offset < 0 ? '-' : '+') +
         Dashed("%02d:%02d", minutes / 60, minutes % 60);
}

std::string DayOf(WallTime time, const TimeZone& zone) {
  const CivilTime civil = zone.ToCivil(time);
  return Dashed("%04d-%02d-%02d", civil.year, civil.month, civil.day);
}

// An ISO week belongs to the year that its Thursday is in.
std::string WeekOf(WallTime time, const TimeZone& zone) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace): dates are unreadable
                                // without
  const CivilTime civil = zone.ToCivil(time);
  const sys_days date(year(civil.year) / civil.month / civil.day);
  const sys_days thursday = date + days(3 - (civil.weekday + 6) % 7);
  const year thursdays_year = year_month_day(thursday).year();
  const auto week = (thursday - sys_days(thursdays_year / January / 1)).count() / 7 + 1;
  return Dashed("%04d-W%02d", static_cast<int>(thursdays_year), static_cast<int>(week));
}

std::string MonthOf(WallTime time, const TimeZone& zone) {
  const CivilTime civil = zone.ToCivil(time);
  return Dashed("%04d-%02d", civil.year, civil.month);
}

std::string YearOf(WallTime time, const TimeZone& zone) {
  return Dashed("%04d", zone.ToCivil(time).year);
}

struct Period {
  std::string_view name;
  int RetentionRule::*count;
  std::string (*name_of)(WallTime time, const TimeZone& zone);
};

constexpr Period kPeriods[] = {
    {"hourly", &RetentionRule::hourly, HourOf}, {"daily", &RetentionRule::daily, DayOf},
    {"weekly", &RetentionRule::weekly, WeekOf}, {"monthly", &RetentionRule::monthly, MonthOf},
    {"yearly", &RetentionRule::yearly, YearOf},
};

std::string Of(std::size_t number, int count) {
  return std::to_string(number) + " of " + std::to_string(count);
}

std::string Quoted(const std::string& backup_class) {
  return ToSingleLine(backup_class, 128);
}

// "last 24, daily 7, at most 10 GB"
std::string Describe(const RetentionRule& rule) {
  std::vector<std::string> parts;
  if (rule.keep_last > 0) parts.push_back("last " + std::to_string(rule.keep_last));
  if (rule.keep_within > Seconds(0)) parts.push_back("within " + FormatDuration(rule.keep_within));
  for (const Period& period : kPeriods) {
    if (rule.*period.count == 0) continue;
    parts.push_back(std::string(period.name) + " " + std::to_string(rule.*period.count));
  }
  if (rule.max_bytes > 0) parts.push_back("at most " + FormatBytes(rule.max_bytes));
  return Join(parts, ", ");
}

// In whole milliseconds, as manifests have them: in nanoseconds the difference could overflow.
bool IsWithin(WallTime time, Seconds window, WallTime newest) {
  using std::chrono::floor;
  return floor<Milliseconds>(newest) - floor<Milliseconds>(time) <= window;
}

void KeepWithin(Seconds window, const Class& backups, std::vector<Reasons>& reasons) {
  if (window <= Seconds(0)) return;
  const std::string length = FormatDuration(window);
  for (std::size_t i = 0; i < backups.size(); ++i) {
    if (!IsWithin(backups[i]->backup.created, window, backups[0]->backup.created)) {
      reasons[i].push_back("newest from before the last " + length);
      return;
    }
    reasons[i].push_back("within " + length + " of the newest");
  }
}

void KeepPeriods(const Period& period, int count, const TimeZone& zone, const Class& backups,
                 std::vector<Reasons>& reasons) {
  // A set and not only the last one: where clocks are set back past midnight, a day comes again.
  std::set<std::string> seen;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    if (seen.size() >= static_cast<std::size_t>(std::max(count, 0))) return;
    std::string name = period.name_of(backups[i]->backup.created, zone);
    const auto [position, is_new] = seen.insert(std::move(name));
    const std::string place = std::string(period.name) + " " + Of(seen.size(), count);
    if (is_new) {
      reasons[i].push_back("newest of " + *position + " (" + place + ")");
    } else if (i + 1 == backups.size()) {
      reasons[i].push_back("oldest (" + place + ")");
    }
  }
}

// Why the rule keeps each of them, the limit of bytes aside.
std::vector<Reasons> AskNumbers(const RetentionRule& rule, const TimeZone& zone,
                                const Class& backups) {
  std::vector<Reasons> reasons(backups.size());
  if (!rule.KeepsSome()) {
    reasons.assign(backups.size(), {"all are kept that fit"});
    return reasons;
  }
  for (std::size_t i = 0; i < backups.size() && std::cmp_less(i, rule.keep_last); ++i) {
    reasons[i].push_back("last " + Of(i + 1, rule.keep_last));
  }
  KeepWithin(rule.keep_within, backups, reasons);
  for (const Period& period : kPeriods) {
    KeepPeriods(period, rule.*period.count, zone, backups, reasons);
  }
  return reasons;
}

// Takes the reasons from the oldest until the rest fits. Those that stay anyway are the newest, so
// what is kept is always a newest part of what the numbers keep.
void ApplyMaxBytes(const RetentionRule& rule, const Class& backups, std::vector<Reasons>& reasons) {
  if (rule.max_bytes == 0) return;
  std::uint64_t left = rule.max_bytes;
  bool full = false;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    const bool stays = i == 0 || backups[i]->always;
    if (reasons[i].empty() && !stays) continue;
    const std::uint64_t size = backups[i]->backup.size_bytes;
    full = full || size > left;
    left -= std::min(left, size);
    if (!full || stays) continue;
    backups[i]->doom = "exceeds the " + FormatBytes(rule.max_bytes) + " of class " +
                       Quoted(backups[i]->backup.backup_class) +
                       ", which else would keep it: " + Join(reasons[i], "; ");
    reasons[i].clear();
  }
}

// The rules that name the class, else those that name none.
std::vector<const RetentionRule*> RulesOf(const std::string& backup_class,
                                          const RetentionConfig& retention) {
  std::vector<const RetentionRule*> own;
  std::vector<const RetentionRule*> general;
  for (const RetentionRule& rule : retention.rules) {
    if (rule.backup_class == backup_class) own.push_back(&rule);
    if (rule.backup_class.empty()) general.push_back(&rule);
  }
  return own.empty() ? general : own;
}

void JudgeClass(const Class& backups, const RetentionConfig& retention) {
  const std::string& backup_class = backups.front()->backup.backup_class;
  const std::vector<const RetentionRule*> rules = RulesOf(backup_class, retention);
  std::vector<std::string> described;
  for (const RetentionRule* rule : rules) {
    std::vector<Reasons> reasons = AskNumbers(*rule, retention.time_zone, backups);
    ApplyMaxBytes(*rule, backups, reasons);
    for (std::size_t i = 0; i < backups.size(); ++i) {
      std::ranges::move(reasons[i], std::back_inserter(backups[i]->reasons));
    }
    described.push_back(Describe(*rule));
  }
  for (Case* backup : backups) {
    if (rules.empty()) backup->reasons.push_back("no rule for class " + Quoted(backup_class));
    if (!backup->doom.empty()) continue;
    backup->doom =
        "not kept by any rule of class " + Quoted(backup_class) + ": " + Join(described, "; or ");
  }
}

// Why it takes part in nothing; empty if it does take part.
std::string Exemption(const Candidate& backup, const RetentionConfig& retention, WallTime now) {
  if (backup.pinned) return "pinned";
  if (backup.created > now) {
    return "created in the future, at " + FormatTime(backup.created) + ": a clock was wrong";
  }
  if (backup.verified && !backup.quarantined) return "";
  if (!backup.quarantined) return "not verified, so no rule applies";
  if (RulesOf(backup.backup_class, retention).empty()) {
    return "no rule for class " + Quoted(backup.backup_class);
  }
  return "";
}

void JudgeQuarantined(const Class& backups, int count) {
  for (std::size_t i = 0; i < backups.size(); ++i) {
    if (std::cmp_less(i, count)) {
      backups[i]->reasons.push_back("in quarantine, newest " + Of(i + 1, count));
    }
    backups[i]->doom =
        "in quarantine, and not one of the " + std::to_string(std::max(count, 0)) + " newest there";
  }
}

void KeepNewestVerified(const Class& backups, int count) {
  const std::string reason = count == 1
                                 ? "the newest verified"
                                 : "one of the " + std::to_string(count) + " newest verified";
  for (std::size_t i = 0; i < backups.size() && std::cmp_less(i, count); ++i) {
    backups[i]->always = true;
    backups[i]->reasons.push_back(reason);
  }
}

}  // namespace

std::vector<Decision> DecideRetention(std::vector<Candidate> candidates,
                                      const RetentionConfig& retention, WallTime now) {
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    return std::tie(a.created, a.id) > std::tie(b.created, b.id);
  });
  std::vector<Case> cases;
  cases.reserve(candidates.size());
  for (Candidate& candidate : candidates) cases.push_back({.backup = std::move(candidate)});

  Class verified;
  Class quarantined;
  std::map<std::string, Class> classes;
  for (Case& one : cases) {
    if (std::string why = Exemption(one.backup, retention, now); !why.empty()) {
      one.reasons.push_back(std::move(why));
    } else if (one.backup.quarantined) {
      quarantined.push_back(&one);
    } else {
      verified.push_back(&one);
      classes[one.backup.backup_class].push_back(&one);
    }
  }
  KeepNewestVerified(verified, std::max(retention.keep_verified_min, 1));
  JudgeQuarantined(quarantined, retention.keep_quarantined);
  for (const auto& [name, backups] : classes) JudgeClass(backups, retention);

  std::vector<Decision> decisions;
  decisions.reserve(cases.size());
  for (Case& one : cases) {
    const bool keep = !one.reasons.empty();
    decisions.push_back({.id = std::move(one.backup.id),
                         .keep = keep,
                         .reason = keep ? Join(one.reasons, "; ") : std::move(one.doom)});
  }
  return decisions;
}

}  // namespace warden::backup
