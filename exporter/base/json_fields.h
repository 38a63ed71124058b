// The fields of a JSON object that has to have them: read one after the other, with one look at the
// end for the first that is missing or wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/base/clock.h"
#include "exporter/base/json.h"

namespace warden {

// The object outlives it. Not thread-safe. What is missing reads as empty or 0.
class JsonFields {
 public:
  explicit JsonFields(const ParsedJson& object, std::string prefix = "")
      : JsonFields(object, std::move(prefix), std::make_shared<std::optional<std::string>>()) {}

  std::string String(std::string_view key);
  std::string OptionalString(std::string_view key) { return FindString(object_, key).value_or(""); }
  bool Bool(std::string_view key);
  std::int64_t Integer(std::string_view key);
  std::uint64_t Count(std::string_view key);
  // 64 bits in hex.
  std::uint64_t Id(std::string_view key);
  // RFC 3339.
  WallTime Time(std::string_view key);
  // A number of seconds from 0 on.
  Nanoseconds Duration(std::string_view key);
  // An object inside; its complaints are this one's.
  JsonFields Object(std::string_view key);
  // An array of objects inside, each with its fields.
  std::vector<JsonFields> Objects(std::string_view key);

  const ParsedJson& object() const { return object_; }
  // "cluster.id": the first field that is missing or of the wrong type.
  const std::optional<std::string>& complaint() const { return *complaint_; }
  void Complain(std::string_view key);

 private:
  JsonFields(const ParsedJson& object, std::string prefix,
             std::shared_ptr<std::optional<std::string>> complaint)
      : object_(object), prefix_(std::move(prefix)), complaint_(std::move(complaint)) {}
  template <typename T>
  std::optional<T> Take(std::optional<T> value, std::string_view key);

  const ParsedJson& object_;
  const std::string prefix_;
  const std::shared_ptr<std::optional<std::string>> complaint_;
};

}  // namespace warden
