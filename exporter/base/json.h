// JSON in and out. One library for everything that is JSON (webhook bodies, manifests, answers,
// command output): it keeps unknown fields and prints 64-bit counts as numbers, which Protobuf's
// mapping does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"

namespace warden {

// To write: keeps the order of the fields.
using Json = nlohmann::ordered_json;
// To read: looks fields up in logarithmic time, whatever somebody sends.
using ParsedJson = nlohmann::json;

// Parses one document, at most `depth_max` arrays and objects deep. Never throws.
Result<ParsedJson> ParseJson(std::string_view text, std::size_t depth_max = 32);

// The document as text; invalid UTF-8 inside strings is replaced, never thrown about.
// `indent` < 0 prints one line.
std::string DumpJson(const Json& json, int indent = -1);

// A time to write: RFC 3339, or null.
Json TimeOrNull(const std::optional<WallTime>& time);

// Typed look-ups in an object: nullptr or nullopt when the field is missing, null, of another
// type, or a number that does not fit.
const ParsedJson* FindField(const ParsedJson& object, std::string_view key);
std::optional<std::string> FindString(const ParsedJson& object, std::string_view key);
std::optional<std::int64_t> FindInteger(const ParsedJson& object, std::string_view key);
// A time as RFC 3339; other text is none.
std::optional<WallTime> FindTime(const ParsedJson& object, std::string_view key);
// The texts in an array, whatever else stands there; empty if there is no array.
std::vector<std::string> FindStrings(const ParsedJson& object, std::string_view key);

}  // namespace warden
