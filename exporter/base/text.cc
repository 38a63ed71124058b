#include "exporter/base/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>

namespace warden {
namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

struct DurationUnit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<DurationUnit, 7> kDurationUnits = {{{"y", 365 * kDayMs},
                                                         {"w", 7 * kDayMs},
                                                         {"d", kDayMs},
                                                         {"h", 3600LL * 1000},
                                                         {"m", 60LL * 1000},
                                                         {"s", 1000},
                                                         {"ms", 1}}};

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 11> kSizeUnits = {{{"", 1},
                                                  {"B", 1},
                                                  {"kB", 1'000},
                                                  {"KB", 1'000},
                                                  {"MB", 1'000'000},
                                                  {"GB", 1'000'000'000},
                                                  {"TB", 1'000'000'000'000},
                                                  {"KiB", 1ULL << 10},
                                                  {"MiB", 1ULL << 20},
                                                  {"GiB", 1ULL << 30},
                                                  {"TiB", 1ULL << 40}}};

// Takes the digits at the front of `text`; nullopt if there are none or too many.
std::optional<std::uint64_t> TakeNumber(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

Status BadDuration(std::string_view text) {
  return Status(Code::kInvalidArgument, "\"" + ToSingleLine(text, 64) +
                                            "\" is not a duration; write it as 30s, 15m or 1h30m");
}

// The length of the valid UTF-8 sequence at the front of `text`, 0 if it is not one.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

// Reads exactly `digits` digits at `position` and moves on.
std::optional<int> TakeDigits(std::string_view text, std::size_t& position, std::size_t digits) {
  if (position + digits > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const char c = text[position + i];
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  position += digits;
  return value;
}

bool TakeChar(std::string_view text, std::size_t& position, std::string_view any_of) {
  if (position >= text.size() || any_of.find(text[position]) == std::string_view::npos)
    return false;
  ++position;
  return true;
}

// The part of RFC 3339 behind the seconds: fraction and offset.
std::optional<Nanoseconds> TakeFractionAndOffset(std::string_view text, std::size_t& position) {
  Nanoseconds shift{0};
  if (TakeChar(text, position, ".")) {
    std::int64_t scale = 100'000'000;
    const std::size_t start = position;
    for (; position < text.size() && std::isdigit(static_cast<unsigned char>(text[position])) != 0;
         ++position, scale /= 10) {
      shift += Nanoseconds((text[position] - '0') * scale);
    }
    if (position == start) return std::nullopt;
  }
  if (TakeChar(text, position, "Zz")) return shift;
  const bool east = position < text.size() && text[position] == '+';
  if (!TakeChar(text, position, "+-")) return std::nullopt;
  const auto hours = TakeDigits(text, position, 2);
  if (!hours || !TakeChar(text, position, ":")) return std::nullopt;
  const auto minutes = TakeDigits(text, position, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const Nanoseconds offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return east ? shift - offset : shift + offset;
}

}  // namespace

Result<Milliseconds> ParseDuration(std::string_view text) {
  constexpr std::int64_t kMaxMs = 100LL * 365 * kDayMs;
  if (text == "0") return Milliseconds(0);
  if (text.empty()) return BadDuration(text);
  std::string_view rest = text;
  std::int64_t total_ms = 0;
  auto unit = kDurationUnits.begin();
  while (!rest.empty()) {
    const auto number = TakeNumber(rest);
    if (!number) return BadDuration(text);
    const std::size_t length = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::string_view name = rest.substr(0, length);
    unit = std::find_if(unit, kDurationUnits.end(), [&](const auto& u) { return u.name == name; });
    if (unit == kDurationUnits.end()) return BadDuration(text);
    if (*number > static_cast<std::uint64_t>(kMaxMs / unit->milliseconds)) return BadDuration(text);
    total_ms += static_cast<std::int64_t>(*number) * unit->milliseconds;
    if (total_ms > kMaxMs) return BadDuration(text);
    rest.remove_prefix(length);
    ++unit;
  }
  return Milliseconds(total_ms);
}

std::string FormatDuration(Milliseconds duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string text = rest < 0 ? "-" : "";
  rest = rest < 0 ? -rest : rest;
  for (const DurationUnit& unit : kDurationUnits) {
    // Weeks and years hide the days that people count in.
    if (unit.name == "y" || unit.name == "w") continue;
    if (rest < unit.milliseconds) continue;
    text += std::to_string(rest / unit.milliseconds) + std::string(unit.name);
    rest %= unit.milliseconds;
  }
  return text;
}

Result<std::uint64_t> ParseBytes(std::string_view text) {
  std::string_view rest = text;
  const auto number = TakeNumber(rest);
  const auto unit = std::find_if(kSizeUnits.begin(), kSizeUnits.end(),
                                 [&](const SizeUnit& u) { return u.name == Trim(rest); });
  if (!number || unit == kSizeUnits.end() ||
      *number > std::numeric_limits<std::int64_t>::max() / unit->bytes) {
    return Status(Code::kInvalidArgument,
                  "\"" + ToSingleLine(text, 64) + "\" is not a size; write it as 8GiB or 500MB");
  }
  return *number * unit->bytes;
}

std::string FormatBytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 10) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), value < 10 ? "%.1f %s" : "%.0f %s", value,
                kUnits[unit].data());
  return buffer.data();
}

std::string FormatTime(WallTime time) {
  using std::chrono::floor;
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(floor<Milliseconds>(time - day));
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return buffer.data();
}

Result<WallTime> ParseTime(std::string_view text) {
  const Status bad(Code::kInvalidArgument,
                   "\"" + ToSingleLine(text, 64) + "\" is not an RFC 3339 time");
  std::size_t position = 0;
  const auto year = TakeDigits(text, position, 4);
  if (!year || !TakeChar(text, position, "-")) return bad;
  const auto month = TakeDigits(text, position, 2);
  if (!month || !TakeChar(text, position, "-")) return bad;
  const auto day = TakeDigits(text, position, 2);
  if (!day || !TakeChar(text, position, "Tt ")) return bad;
  const auto hour = TakeDigits(text, position, 2);
  if (!hour || !TakeChar(text, position, ":")) return bad;
  const auto minute = TakeDigits(text, position, 2);
  if (!minute || !TakeChar(text, position, ":")) return bad;
  const auto second = TakeDigits(text, position, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return bad;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  const auto shift = TakeFractionAndOffset(text, position);
  if (!date.ok() || !shift || position != text.size()) return bad;
  // Go's zero time, year 1, and years past 2262 do not fit 64 bits of nanoseconds.
  if (*year < 1678 || *year > 2261) return WallTime{};
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + Seconds(*second) + *shift;
}

std::string FormatId(std::uint64_t id) {
  std::array<char, 17> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%llx", static_cast<unsigned long long>(id));
  return buffer.data();
}

Result<std::uint64_t> ParseId(std::string_view hex) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), id, 16);
  if (error != std::errc() || end != hex.data() + hex.size()) {
    return Status(Code::kInvalidArgument, "\"" + ToSingleLine(hex, 64) + "\" is not a hex id");
  }
  return id;
}

std::string FormatHex(std::string_view bytes) {
  return FormatHex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string FormatHex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

std::string ToValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    valid += length == 0 ? "\uFFFD" : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return valid;
}

std::string ToSingleLine(std::string_view text, std::size_t bytes_max) {
  const bool cut = text.size() > bytes_max;
  std::string line(text.substr(0, bytes_max));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  line = ToValidUtf8(line);
  return cut ? line + "..." : line;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string joined;
  for (const std::string& part : parts) {
    if (!joined.empty()) joined += separator;
    joined += part;
  }
  return joined;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower;
}

bool HasOnly(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

}  // namespace warden
