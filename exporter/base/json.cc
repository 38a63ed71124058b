#include "exporter/base/json.h"

#include <algorithm>
#include <limits>

#include "exporter/base/text.h"

namespace warden {
namespace {

// How deep arrays and objects are nested; brackets inside strings do not count. Text that is not
// JSON gives some number, and is refused by the parser afterwards.
std::size_t NestingDepth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Result<ParsedJson> ParseJson(std::string_view text, std::size_t depth_max) {
  if (NestingDepth(text) > depth_max) {
    return Status(Code::kInvalidArgument,
                  "JSON nested more than " + std::to_string(depth_max) + " deep");
  }
  ParsedJson json = ParsedJson::parse(text, nullptr, false);
  if (json.is_discarded()) return Status(Code::kInvalidArgument, "not valid JSON");
  return json;
}

std::string DumpJson(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json TimeOrNull(const std::optional<WallTime>& time) {
  return time ? Json(FormatTime(*time)) : Json(nullptr);
}

const ParsedJson* FindField(const ParsedJson& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> FindString(const ParsedJson& object, std::string_view key) {
  const ParsedJson* field = FindField(object, key);
  if (field == nullptr || !field->is_string()) return std::nullopt;
  return field->get<std::string>();
}

std::optional<std::int64_t> FindInteger(const ParsedJson& object, std::string_view key) {
  const ParsedJson* field = FindField(object, key);
  if (field == nullptr || !field->is_number_integer()) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (field->is_number_unsigned() && field->get<std::uint64_t>() > kMax) return std::nullopt;
  return field->get<std::int64_t>();
}

std::optional<WallTime> FindTime(const ParsedJson& object, std::string_view key) {
  const std::optional<std::string> text = FindString(object, key);
  if (!text) return std::nullopt;
  const Result<WallTime> time = ParseTime(*text);
  return time.ok() ? std::optional(*time) : std::nullopt;
}

std::vector<std::string> FindStrings(const ParsedJson& object, std::string_view key) {
  std::vector<std::string> strings;
  const ParsedJson* found = FindField(object, key);
  if (found == nullptr || !found->is_array()) return strings;
  for (const ParsedJson& each : *found) {
    if (each.is_string()) strings.push_back(each.get<std::string>());
  }
  return strings;
}

}  // namespace warden
