#include "exporter/base/json_fields.h"

#include <algorithm>
#include <limits>

#include "exporter/base/text.h"

namespace warden {

template <typename T>
std::optional<T> JsonFields::Take(std::optional<T> value, std::string_view key) {
  if (!value) Complain(key);
  return value;
}

void JsonFields::Complain(std::string_view key) {
  if (!*complaint_) *complaint_ = prefix_ + std::string(key);
}

std::string JsonFields::String(std::string_view key) {
  return Take(FindString(object_, key), key).value_or("");
}

bool JsonFields::Bool(std::string_view key) {
  const ParsedJson* found = FindField(object_, key);
  const bool fits = found != nullptr && found->is_boolean();
  if (!fits) Complain(key);
  return fits && found->get<bool>();
}

std::int64_t JsonFields::Integer(std::string_view key) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  const ParsedJson* found = FindField(object_, key);
  const bool fits = found != nullptr && found->is_number_integer() &&
                    (!found->is_number_unsigned() || found->get<std::uint64_t>() <= kMax);
  if (!fits) Complain(key);
  return fits ? found->get<std::int64_t>() : 0;
}

std::uint64_t JsonFields::Count(std::string_view key) {
  // What is parsed without a sign is unsigned.
  const ParsedJson* found = FindField(object_, key);
  const bool fits = found != nullptr && found->is_number_unsigned();
  if (!fits) Complain(key);
  return fits ? found->get<std::uint64_t>() : 0;
}

std::uint64_t JsonFields::Id(std::string_view key) {
  const Result<std::uint64_t> id = ParseId(String(key));
  if (!id.ok()) Complain(key);
  return id.ok() ? *id : 0;
}

WallTime JsonFields::Time(std::string_view key) {
  const Result<WallTime> time = ParseTime(String(key));
  if (!time.ok()) Complain(key);
  return time.ok() ? *time : WallTime{};
}

Nanoseconds JsonFields::Duration(std::string_view key) {
  constexpr double kSecondsMax = 1e9;
  const ParsedJson* found = FindField(object_, key);
  const double seconds = found != nullptr && found->is_number() ? found->get<double>() : -1;
  if (seconds < 0 || seconds > kSecondsMax) Complain(key);
  const std::chrono::duration<double> duration(std::clamp(seconds, 0.0, kSecondsMax));
  // Rounded, or each rewriting would take a nanosecond off.
  return std::chrono::round<Nanoseconds>(duration);
}

JsonFields JsonFields::Object(std::string_view key) {
  static const ParsedJson empty = ParsedJson::object();
  const ParsedJson* found = FindField(object_, key);
  if (found == nullptr || !found->is_object()) Complain(key);
  return {found == nullptr ? empty : *found, prefix_ + std::string(key) + ".", complaint_};
}

std::vector<JsonFields> JsonFields::Objects(std::string_view key) {
  std::vector<JsonFields> objects;
  const ParsedJson* found = FindField(object_, key);
  if (found == nullptr || !found->is_array()) {
    Complain(key);
    return objects;
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string name = std::string(key) + "[" + std::to_string(i) + "]";
    if (!found->at(i).is_object()) Complain(name);
    objects.push_back(JsonFields(found->at(i), prefix_ + name + ".", complaint_));
  }
  return objects;
}

}  // namespace warden
