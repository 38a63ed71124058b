// Time zones: what a clock on a wall shows at a moment, and when it shows that. The standard
// library of g++ 12 has no tz database yet, so absl, which gRPC brings along, reads the machine's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"

namespace warden::config {

// What the clock and the calendar on a wall show.
struct CivilTime {
  int year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;    // 1 to 31
  int hour = 0;
  int minute = 0;
  int second = 0;
  int weekday = 4;  // 0 is Sunday; not looked at where a civil time is given

  friend bool operator==(const CivilTime&, const CivilTime&) = default;
};

// When a civil time is shown. Where clocks are set forward, some are skipped; where they are set
// back, some are shown twice.
struct Occurrence {
  enum class Kind { kUnique, kSkipped, kRepeated };

  Kind kind = Kind::kUnique;
  WallTime first;   // of a skipped one: the moment of the change
  WallTime second;  // of a repeated one: the second time; else as `first`
};

// A value; copies share the zone's data, which is read once in a process: an update of the database
// counts from the next start on. All of it is thread-safe. Times come out cut to what WallTime can
// hold (the years 1678 to 2261).
class TimeZone {
 public:
  // A name of the IANA database ("Europe/Berlin"), "UTC", or "Local" for the machine's own zone
  // (UTC where it has none). kInvalidArgument: there is no such zone on this machine.
  static Result<TimeZone> Load(const std::string& name);
  // UTC, which needs no database.
  TimeZone();

  const std::string& name() const { return name_; }

  CivilTime ToCivil(WallTime time) const;
  // Fields outside their range carry over: day 0 is the last one of the month before.
  Occurrence FromCivil(const CivilTime& civil) const;

  // What to add to UTC at `time`.
  Seconds OffsetAt(WallTime time) const;
  // The first moment after `time` at which the offset changes; nullopt: it never does again.
  std::optional<WallTime> NextChange(WallTime time) const;

  friend bool operator==(const TimeZone& a, const TimeZone& b) { return a.name_ == b.name_; }

 private:
  struct Data;

  TimeZone(std::string name, std::shared_ptr<const Data> data);

  std::string name_;
  std::shared_ptr<const Data> data_;
};

}  // namespace warden::config
