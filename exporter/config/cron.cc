#include "exporter/config/cron.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <span>
#include <vector>

#include "exporter/base/text.h"

namespace warden::config {
namespace {

namespace chrono = std::chrono;

constexpr std::string_view kFields = "minute hour day-of-month month day-of-week";
constexpr chrono::years kYearsAhead{51};
constexpr chrono::year kYearEnd{2262};  // WallTime ends within it

constexpr std::array<std::string_view, 12> kMonthNames = {"jan", "feb", "mar", "apr", "may", "jun",
                                                          "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdayNames = {"sun", "mon", "tue", "wed",
                                                           "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  std::string_view values;  // what one of them is, for messages
  int low = 0;
  int high = 0;
  std::span<const std::string_view> names;  // of the values from `low` on
};

constexpr std::array<Field, 5> kSpecs = {{
    {"minute", "number from 0 to 59", 0, 59, {}},
    {"hour", "number from 0 to 23", 0, 23, {}},
    {"day-of-month", "number from 1 to 31", 1, 31, {}},
    {"month", "number from 1 to 12 and no name from JAN to DEC", 1, 12, kMonthNames},
    {"day-of-week", "number from 0 to 7 and no name from SUN to SAT", 0, 7, kWeekdayNames},
}};
constexpr int kSunday = 7;  // as the last day of a range

struct Shorthand {
  std::string_view name;
  std::string_view meaning;
};
constexpr std::array<Shorthand, 7> kShorthands = {{{"@hourly", "0 * * * *"},
                                                   {"@daily", "0 0 * * *"},
                                                   {"@midnight", "0 0 * * *"},
                                                   {"@weekly", "0 0 * * 0"},
                                                   {"@monthly", "0 0 1 * *"},
                                                   {"@yearly", "0 0 1 1 *"},
                                                   {"@annually", "0 0 1 1 *"}}};

std::string Quoted(std::string_view text) {
  return "\"" + ToSingleLine(text, 128) + "\"";
}

Status Bad(std::string_view what) {
  return {Code::kInvalidArgument, std::string(what)};
}

Status BadPart(const Field& field, std::string_view part, const std::string& what) {
  return Bad("has " + Quoted(part) + " in its " + std::string(field.name) + ", which " + what);
}

std::optional<int> ToNumber(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '-') {
    return std::nullopt;
  }
  return number;
}

Result<int> ParseValue(const Field& field, std::string_view text) {
  if (const auto number = ToNumber(text); number && *number >= field.low && *number <= field.high) {
    return *number;
  }
  const auto name = std::find(field.names.begin(), field.names.end(), ToLower(text));
  if (name != field.names.end()) return field.low + static_cast<int>(name - field.names.begin());
  return BadPart(field, text, "is no " + std::string(field.values));
}

struct Range {
  int first = 0;
  int last = 0;
};

// Of "5" as well, which begins and ends with 5.
Result<Range> ParseRange(const Field& field, std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == 0 || dash + 1 == text.size()) return BadPart(field, text, "is half a range");
  WARDEN_ASSIGN_OR_RETURN(const int first, ParseValue(field, text.substr(0, dash)));
  if (dash == std::string_view::npos) return Range{first, first};
  WARDEN_ASSIGN_OR_RETURN(int last, ParseValue(field, text.substr(dash + 1)));
  if (field.high == kSunday && last == 0 && first > 0) last = kSunday;
  if (first <= last) return Range{first, last};
  const int high = field.high == kSunday ? kSunday - 1 : field.high;
  const auto range = [](int from, int to) {
    return std::to_string(from) + (from == to ? "" : "-" + std::to_string(to));
  };
  return BadPart(
      field, text,
      "ends before it begins; write " + range(first, high) + "," + range(field.low, last));
}

Result<int> ParseStep(const Field& field, std::string_view part, std::string_view text) {
  const auto step = ToNumber(text);
  // A larger one hopes for what a field cannot do: "*/90" minutes would be one an hour.
  if (!step || *step < 1 || *step > field.high) {
    return BadPart(field, part,
                   "has a step that is no number from 1 to " + std::to_string(field.high));
  }
  return *step;
}

// One item of a field's list, as bits.
Result<std::uint64_t> ParseItem(const Field& field, std::string_view item) {
  const std::size_t slash = item.find('/');
  const std::string_view values = item.substr(0, slash);
  if (values.empty()) {
    return BadPart(field, item, "has nothing before its step; write *" + std::string(item));
  }
  const bool any = values == "*";
  Range range{field.low, field.high};
  if (!any) {
    WARDEN_ASSIGN_OR_RETURN(range, ParseRange(field, values));
  }
  int step = 1;
  if (slash != std::string_view::npos) {
    WARDEN_ASSIGN_OR_RETURN(step, ParseStep(field, item, item.substr(slash + 1)));
    if (!any && values.find('-') == std::string_view::npos) {
      return BadPart(field, item,
                     "has a step without a range; write " + std::to_string(range.first) + "-" +
                         std::to_string(field.high) + "/" + std::to_string(step));
    }
  }
  std::uint64_t bits = 0;
  for (int value = range.first; value <= range.last; value += step) bits |= 1ULL << value;
  return bits;
}

Result<std::uint64_t> ParseField(const Field& field, std::string_view text) {
  std::uint64_t bits = 0;
  for (const std::string_view item : Split(text, ',')) {
    if (item.empty()) {
      return BadPart(field, text, "has nothing before or after a comma");
    }
    WARDEN_ASSIGN_OR_RETURN(const std::uint64_t more, ParseItem(field, item));
    bits |= more;
  }
  return bits;
}

std::vector<std::string_view> Words(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

// The five fields, those that a shorthand stands for as well.
Result<std::vector<std::string_view>> FindFields(std::string_view text) {
  std::vector<std::string_view> words = Words(text);
  if (words.empty()) return Bad("is empty; write five fields: " + std::string(kFields));
  if (words.front().front() == '@') {
    for (const Shorthand& shorthand : kShorthands) {
      if (words.size() == 1 && words.front() == shorthand.name) return Words(shorthand.meaning);
    }
    return Bad(
        "is not known; use @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually or "
        "five fields: " +
        std::string(kFields));
  }
  if (words.front().find('=') != std::string_view::npos) {
    return Bad("sets " + Quoted(words.front()) + "; set the time zone apart from the expression");
  }
  if (words.size() == kSpecs.size()) return words;
  return Bad("has " + std::to_string(words.size()) +
             (words.size() == 1 ? " field; write five: " : " fields; write five: ") +
             std::string(kFields) +
             (words.size() == 6 ? "; seconds and years are not supported" : ""));
}

bool Has(std::uint64_t bits, unsigned value) {
  return (bits >> value & 1) != 0;
}

// The first value of `bits` from `earliest` on, which is below 64; 64 if there is none.
int FirstFrom(std::uint64_t bits, int earliest) {
  return std::countr_zero(bits & (~0ULL << earliest));
}

chrono::local_time<chrono::minutes> ToLocal(const CivilTime& civil) {
  const chrono::year_month_day date(chrono::year(civil.year),
                                    chrono::month(static_cast<unsigned>(civil.month)),
                                    chrono::day(static_cast<unsigned>(civil.day)));
  return chrono::local_days(date) + chrono::hours(civil.hour) + chrono::minutes(civil.minute);
}

CivilTime ToCivil(chrono::local_time<chrono::minutes> time) {
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<int>(static_cast<unsigned>(date.month())),
          .day = static_cast<int>(static_cast<unsigned>(date.day())),
          .hour = static_cast<int>(clock.hours().count()),
          .minute = static_cast<int>(clock.minutes().count())};
}

}  // namespace

Result<Cron> Cron::Parse(std::string_view text) {
  const auto fields = FindFields(text);
  if (!fields.ok()) return Bad(Quoted(text) + " " + fields.error().message());
  Cron cron;
  cron.text_ = text;
  cron.any_hour_ = (*fields)[1].front() == '*';
  cron.any_day_ = (*fields)[2].front() == '*';
  cron.any_weekday_ = (*fields)[4].front() == '*';
  const std::array<std::uint64_t*, kSpecs.size()> bits = {&cron.minutes_, &cron.hours_, &cron.days_,
                                                          &cron.months_, &cron.weekdays_};
  for (std::size_t i = 0; i < kSpecs.size(); ++i) {
    const auto parsed = ParseField(kSpecs[i], (*fields)[i]);
    if (!parsed.ok()) return Bad(Quoted(text) + " " + parsed.error().message());
    *bits[i] = *parsed;
  }
  if (Has(cron.weekdays_, kSunday)) cron.weekdays_ = (cron.weekdays_ | 1) & 0x7F;
  if (!cron.Next(WallTime(), TimeZone())) {
    return Bad(Quoted(text) + " never fires, since none of its months has such a day");
  }
  return cron;
}

bool Cron::MatchesDay(chrono::local_days day) const {
  const chrono::year_month_day date(day);
  if (!Has(months_, static_cast<unsigned>(date.month()))) return false;
  const bool day_matches = Has(days_, static_cast<unsigned>(date.day()));
  const bool weekday_matches = Has(weekdays_, chrono::weekday(day).c_encoding());
  return any_day_ || any_weekday_ ? day_matches && weekday_matches : day_matches || weekday_matches;
}

std::optional<chrono::minutes> Cron::TimeOfDayFrom(chrono::minutes earliest) const {
  const int hour = static_cast<int>(earliest / chrono::hours(1));
  if (Has(hours_, static_cast<unsigned>(hour))) {
    const int minute = FirstFrom(minutes_, static_cast<int>((earliest % chrono::hours(1)).count()));
    if (minute < 64) return chrono::hours(hour) + chrono::minutes(minute);
  }
  const int later = FirstFrom(hours_, hour + 1);
  if (later == 64) return std::nullopt;
  return chrono::hours(later) + chrono::minutes(FirstFrom(minutes_, 0));
}

std::optional<Cron::LocalMinute> Cron::MatchFrom(LocalMinute earliest,
                                                 chrono::year year_end) const {
  auto day = chrono::floor<chrono::days>(earliest);
  if (MatchesDay(day)) {
    if (const auto time = TimeOfDayFrom(earliest - day)) return day + *time;
  }
  day += chrono::days(1);
  for (chrono::year_month_day date(day); date.year() < year_end;
       date = chrono::year_month_day(day)) {
    if (MatchesDay(day)) return day + *TimeOfDayFrom(chrono::minutes(0));
    if (Has(months_, static_cast<unsigned>(date.month()))) {
      day += chrono::days(1);
    } else {
      day = chrono::local_days((date.year() / date.month() + chrono::months(1)) / chrono::day(1));
    }
  }
  return std::nullopt;
}

std::optional<WallTime> Cron::Next(WallTime after, const TimeZone& zone) const {
  const chrono::year year(zone.ToCivil(after).year);
  if (year >= kYearEnd) return std::nullopt;
  const chrono::year year_end = std::min(year + kYearsAhead, kYearEnd);
  return any_hour_ ? NextPassing(after, zone, year_end) : NextInCalendar(after, zone, year_end);
}

// Between two changes of the offset, the clock on the wall runs as that of UTC does.
std::optional<WallTime> Cron::NextPassing(WallTime after, const TimeZone& zone,
                                          chrono::year year_end) const {
  WallTime from = after + Nanoseconds(1);
  for (;;) {
    const Seconds offset = zone.OffsetAt(from);
    const chrono::local_time<Nanoseconds> shown((from + offset).time_since_epoch());
    const auto match = MatchFrom(chrono::ceil<chrono::minutes>(shown), year_end);
    if (!match) return std::nullopt;
    const WallTime found(match->time_since_epoch() - offset);
    const auto change = zone.NextChange(from);
    if (!change || found < *change) return found;
    from = *change;
  }
}

// The moments at which civil times are first shown, or skipped, are in the order of these times.
std::optional<WallTime> Cron::NextInCalendar(WallTime after, const TimeZone& zone,
                                             chrono::year year_end) const {
  LocalMinute minute = ToLocal(zone.ToCivil(after));
  for (;;) {
    const auto match = MatchFrom(minute + chrono::minutes(1), year_end);
    if (!match) return std::nullopt;
    const WallTime time = zone.FromCivil(ToCivil(*match)).first;
    if (time > after) return time;
    // It is shown a second time.
    minute = *match;
  }
}

}  // namespace warden::config
