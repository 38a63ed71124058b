// From nodes to values: each reader returns what the node says or records what is wrong with it. A
// mapping is read by a table of its keys, so that a key cannot be known without being read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/secret.h"
#include "exporter/config/problems.h"
#include "exporter/config/yaml.h"

namespace warden::config {

// What every reader shares.
struct Reading {
  std::filesystem::path directory;  // where relative paths start; absolute
  bool check_files = false;         // false: no file that the configuration names is opened
  Problems problems;

  void Fail(const TreeNode& node, std::string what) {
    problems.Add(node.at, PathOf(node), std::move(what));
  }
  // Records a failure. Returns whether it was success.
  bool Check(const TreeNode& node, const Status& status) {
    if (!status.ok()) Fail(node, status.message());
    return status.ok();
  }
};

// One key of a mapping that becomes a T.
template <typename T>
struct Field {
  std::string_view key;
  bool required;
  void (*read)(Reading& reading, const TreeNode& node, T& into);
};

// Whether the node is of that kind; records the failure if not. Text, lists and mappings must not
// be empty, except that a mapping may.
bool Expect(Reading& reading, const TreeNode& node, Kind kind);

std::optional<std::string> ReadText(Reading& reading, const TreeNode& node);
std::optional<Milliseconds> ReadDuration(Reading& reading, const TreeNode& node);
// A duration of whole seconds.
std::optional<Seconds> ReadSeconds(Reading& reading, const TreeNode& node);
std::optional<std::uint64_t> ReadBytes(Reading& reading, const TreeNode& node);
// "true" or "false", no other spelling.
std::optional<bool> ReadFlag(Reading& reading, const TreeNode& node);
// A whole number in decimal digits, from `least` to `most`.
std::optional<int> ReadNumber(Reading& reading, const TreeNode& node, int least, int most);
// Absolute and lexically normal, without a trailing slash.
std::optional<std::filesystem::path> ReadPath(Reading& reading, const TreeNode& node);
// [A-Za-z0-9_][A-Za-z0-9_.:-]*, at most 128 characters.
std::optional<std::string> ReadName(Reading& reading, const TreeNode& node);

// The same into a place that keeps its value where the node is wrong. A secret's file is opened
// only if the reading checks files.
void ReadTextInto(Reading& reading, const TreeNode& node, std::string& into);
void ReadPathInto(Reading& reading, const TreeNode& node, std::filesystem::path& into);
void ReadSecretInto(Reading& reading, const TreeNode& node, Secret& into);

// The text in quotes, cut short, for a message.
std::string Quoted(std::string_view text);

// Records that the mapping has a key which is none of `known`.
void FailUnknownKey(Reading& reading, const TreeNode& child,
                    const std::vector<std::string_view>& known);

// Reads a mapping. Unknown keys and missing required ones are problems.
template <typename T, std::size_t kSize>
void ReadMapping(Reading& reading, const TreeNode& node, const Field<T> (&fields)[kSize], T& into) {
  if (!Expect(reading, node, Kind::kMapping)) return;
  for (const TreeNode& child : node.children) {
    const auto* field = std::find_if(std::begin(fields), std::end(fields),
                                     [&](const Field<T>& known) { return known.key == child.key; });
    if (field != std::end(fields)) {
      field->read(reading, child, into);
      continue;
    }
    std::vector<std::string_view> known;
    for (const Field<T>& each : fields) known.push_back(each.key);
    FailUnknownKey(reading, child, known);
  }
  for (const Field<T>& field : fields) {
    if (!field.required || node.Find(field.key) != nullptr) continue;
    reading.problems.Add(node.at, PathOf(node, field.key), "is required");
  }
}

// Adds the path of every key of the table.
template <typename T, std::size_t kSize>
void AppendKeys(std::vector<std::string>& keys, std::string_view prefix,
                const Field<T> (&fields)[kSize]) {
  for (const Field<T>& field : fields) {
    keys.push_back(std::string(prefix) + std::string(field.key));
  }
}

}  // namespace warden::config
