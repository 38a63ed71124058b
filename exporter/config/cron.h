// Cron expressions: "minute hour day-of-month month day-of-week", as vixie cron reads them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/config/time_zone.h"

namespace warden::config {

// Each field is "*", a number, a range "1-5", either of "*" and a range with a step ("*/15",
// "8-18/2"), or a list of these with commas. Months and weekdays have names too (JAN, MON; in any
// case), Sunday is 0 and 7. "@hourly", "@daily" or "@midnight", "@weekly", "@monthly" and "@yearly"
// or "@annually" stand for a whole expression.
//
// A day must match both day fields if one of them begins with "*", else either of them: "0 0 13 *
// 5" fires on every Friday and on every 13th, "0 0 */2 * 5" on Fridays with an odd date.
//
// Where clocks are changed: an expression whose hour begins with "*" fires at every minute passing
// that matches, so "0 * * * *" fires in both of two equal hours. Any other one follows the
// calendar: a time that is shown twice fires only the first time, and those that are skipped fire
// once, at the moment of the change.
//
// A value; all of it is thread-safe.
class Cron {
 public:
  // kInvalidArgument names the field, the part of it that is wrong, and what would be right. An
  // expression that never fires ("0 0 30 2 *") is refused as well.
  static Result<Cron> Parse(std::string_view text);

  // As it was written.
  const std::string& text() const { return text_; }

  // The first time after `after` at which it fires in `zone`; nullopt: not within the next 50
  // years (the 29th of February falls on a given weekday once in 40), or not in WallTime's.
  std::optional<WallTime> Next(WallTime after, const TimeZone& zone) const;

  friend bool operator==(const Cron& a, const Cron& b) { return a.text_ == b.text_; }

 private:
  using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

  Cron() = default;
  bool MatchesDay(std::chrono::local_days day) const;
  std::optional<std::chrono::minutes> TimeOfDayFrom(std::chrono::minutes earliest) const;
  // The first match from `earliest` on, before the year `year_end`, of a clock that is never set.
  std::optional<LocalMinute> MatchFrom(LocalMinute earliest, std::chrono::year year_end) const;
  std::optional<WallTime> NextPassing(WallTime after, const TimeZone& zone,
                                      std::chrono::year year_end) const;
  std::optional<WallTime> NextInCalendar(WallTime after, const TimeZone& zone,
                                         std::chrono::year year_end) const;

  std::string text_;
  // Bit n stands for the value n.
  std::uint64_t minutes_ = 0;
  std::uint64_t hours_ = 0;
  std::uint64_t days_ = 0;
  std::uint64_t months_ = 0;
  std::uint64_t weekdays_ = 0;  // 0 to 6
  // Whether the field begins with "*".
  bool any_hour_ = false;
  bool any_day_ = false;
  bool any_weekday_ = false;
};

}  // namespace warden::config
