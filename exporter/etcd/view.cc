#include "exporter/etcd/view.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

namespace warden::etcd {
namespace {

constexpr std::array<std::string_view, kReasonCount> kReasonNames = {"dns",
                                                                     "connect",
                                                                     "tls",
                                                                     "timeout",
                                                                     "canceled",
                                                                     "unauthenticated",
                                                                     "permission_denied",
                                                                     "learner",
                                                                     "no_leader",
                                                                     "overload",
                                                                     "unimplemented",
                                                                     "other"};

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kKeyEnd = " \t:";

// Takes a whole number off the front of `text`.
template <typename Number>
std::optional<Number> TakeNumber(std::string_view& text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::string_view TakeUntil(std::string_view& text, std::string_view stops) {
  const std::string_view taken = text.substr(0, text.find_first_of(stops));
  text.remove_prefix(taken.size());
  return taken;
}

void SkipBlanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

struct Field {
  std::string_view key;
  std::string_view value;
};

// Takes "key:value" with any number of blanks around its parts; nullopt at the end or at other
// text.
std::optional<Field> TakeField(std::string_view& text) {
  Field field;
  SkipBlanks(text);
  field.key = TakeUntil(text, kKeyEnd);
  SkipBlanks(text);
  if (field.key.empty() || !text.starts_with(':')) return std::nullopt;
  text.remove_prefix(1);
  SkipBlanks(text);
  field.value = TakeUntil(text, kBlanks);
  if (field.value.empty()) return std::nullopt;
  return field;
}

AlarmType ParseAlarmType(std::string_view name) {
  for (const AlarmType type : {AlarmType::kNoSpace, AlarmType::kCorrupt}) {
    if (name == AlarmName(type)) return type;
  }
  return AlarmType::kUnknown;
}

// Reads the text form of etcd's AlarmMember. Its memberID is decimal and missing when it is 0.
std::optional<Alarm> ParseAlarm(std::string_view text) {
  Alarm alarm;
  bool raised = false;
  while (const std::optional<Field> field = TakeField(text)) {
    if (field->key == "memberID") {
      std::string_view digits = field->value;
      const std::optional<std::uint64_t> id = TakeNumber<std::uint64_t>(digits);
      if (!id || !digits.empty()) return std::nullopt;
      alarm.member_id = *id;
    } else if (field->key == "alarm") {
      raised = field->value != "NONE";
      alarm.type = ParseAlarmType(field->value);
    }
  }
  return raised ? std::optional(alarm) : std::nullopt;
}

}  // namespace

std::string_view ReasonName(Reason reason) {
  return kReasonNames.at(static_cast<std::size_t>(reason));
}

Status ToStatus(const RpcError& error) {
  return Status(error.code == Code::kOk ? Code::kUnknown : error.code, error.message);
}

std::string_view AlarmName(AlarmType type) {
  switch (type) {
    case AlarmType::kNoSpace:
      return "NOSPACE";
    case AlarmType::kCorrupt:
      return "CORRUPT";
    case AlarmType::kUnknown:
      break;
  }
  return "UNKNOWN";
}

bool VersionAtLeast(std::string_view version, int major, int minor, int patch) {
  const std::optional<int> found_major = TakeNumber<int>(version);
  if (!found_major || !version.starts_with('.')) return false;
  version.remove_prefix(1);
  const std::optional<int> found_minor = TakeNumber<int>(version);
  if (!found_minor) return false;
  if (version.starts_with('.')) version.remove_prefix(1);
  const int found_patch = TakeNumber<int>(version).value_or(0);
  return std::tuple(*found_major, *found_minor, found_patch) >= std::tuple(major, minor, patch);
}

std::vector<Alarm> ParseAlarms(const std::vector<std::string>& errors) {
  std::vector<Alarm> alarms;
  for (const std::string& error : errors) {
    if (const std::optional<Alarm> alarm = ParseAlarm(error)) alarms.push_back(*alarm);
  }
  return alarms;
}

}  // namespace warden::etcd
