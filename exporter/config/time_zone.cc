#include "exporter/config/time_zone.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <utility>

#include "exporter/base/text.h"

namespace warden::config {
namespace {

constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_+-";

absl::Time ToAbsl(WallTime time) {
  return absl::FromUnixNanos(time.time_since_epoch().count());
}

// Cut to what WallTime can hold.
WallTime FromAbsl(absl::Time time) {
  return WallTime(Nanoseconds(absl::ToUnixNanos(time)));
}

absl::CivilSecond ToAbsl(const CivilTime& civil) {
  return absl::CivilSecond(civil.year, civil.month, civil.day, civil.hour, civil.minute,
                           civil.second);
}

// absl would read any file that a path leads to.
bool IsName(const std::string& name) {
  return !name.empty() && name.front() != '/' &&
         name.find_first_not_of(kNameCharacters) == std::string::npos;
}

// "Etc/UTC" is in every database, and absl does not know it without one.
bool HasDatabase() {
  absl::TimeZone zone;
  return absl::LoadTimeZone("Etc/UTC", &zone);
}

}  // namespace

struct TimeZone::Data {
  absl::TimeZone zone;
};

Result<TimeZone> TimeZone::Load(const std::string& name) {
  if (name == "UTC") return TimeZone();
  if (name == "Local") {
    return TimeZone(name, std::make_shared<const Data>(Data{absl::LocalTimeZone()}));
  }
  absl::TimeZone zone;
  if (IsName(name) && absl::LoadTimeZone(name, &zone)) {
    return TimeZone(name, std::make_shared<const Data>(Data{zone}));
  }
  if (!HasDatabase()) {
    return Status(Code::kInvalidArgument,
                  "\"" + ToSingleLine(name, 64) +
                      "\" cannot be looked up, since this machine has no tz database; install the "
                      "package tzdata, or use UTC");
  }
  return Status(Code::kInvalidArgument,
                "\"" + ToSingleLine(name, 64) +
                    "\" is no zone of this machine's tz database; write it as in Europe/Berlin, "
                    "UTC or Local");
}

TimeZone::TimeZone() : name_("UTC") {
  static const auto utc = std::make_shared<const Data>(Data{absl::UTCTimeZone()});
  data_ = utc;
}

TimeZone::TimeZone(std::string name, std::shared_ptr<const Data> data)
    : name_(std::move(name)), data_(std::move(data)) {}

CivilTime TimeZone::ToCivil(WallTime time) const {
  const absl::CivilSecond civil = data_->zone.At(ToAbsl(time)).cs;
  // absl's weekdays begin with Monday.
  const int weekday = (static_cast<int>(absl::GetWeekday(civil)) + 1) % 7;
  return {.year = static_cast<int>(civil.year()),
          .month = civil.month(),
          .day = civil.day(),
          .hour = civil.hour(),
          .minute = civil.minute(),
          .second = civil.second(),
          .weekday = weekday};
}

Occurrence TimeZone::FromCivil(const CivilTime& civil) const {
  const absl::TimeZone::TimeInfo info = data_->zone.At(ToAbsl(civil));
  switch (info.kind) {
    case absl::TimeZone::TimeInfo::SKIPPED: {
      const WallTime change = FromAbsl(info.trans);
      return {.kind = Occurrence::Kind::kSkipped, .first = change, .second = change};
    }
    case absl::TimeZone::TimeInfo::REPEATED:
      return {.kind = Occurrence::Kind::kRepeated,
              .first = FromAbsl(info.pre),
              .second = FromAbsl(info.post)};
    case absl::TimeZone::TimeInfo::UNIQUE:
      break;
  }
  const WallTime time = FromAbsl(info.pre);
  return {.kind = Occurrence::Kind::kUnique, .first = time, .second = time};
}

Seconds TimeZone::OffsetAt(WallTime time) const {
  return Seconds(data_->zone.At(ToAbsl(time)).offset);
}

std::optional<WallTime> TimeZone::NextChange(WallTime time) const {
  absl::TimeZone::CivilTransition change;
  if (!data_->zone.NextTransition(ToAbsl(time), &change)) return std::nullopt;
  const WallTime at = FromAbsl(data_->zone.At(change.to).trans);
  // Beyond what WallTime can hold there is no next one.
  if (at <= time || at == WallTime::max()) return std::nullopt;
  return at;
}

}  // namespace warden::config
