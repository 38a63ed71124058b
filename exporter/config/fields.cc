#include "exporter/config/fields.h"

#include "exporter/base/text.h"

namespace warden::config {
namespace {

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kNothing:
      return "nothing";
    case Kind::kText:
      return "text";
    case Kind::kList:
      return "a list";
    case Kind::kMapping:
      return "a mapping";
  }
  return "";
}

}  // namespace

bool Expect(Reading& reading, const TreeNode& node, Kind kind) {
  if (node.kind != kind) {
    reading.Fail(node, "expected " + std::string(NameOf(kind)) + ", found " +
                           std::string(NameOf(node.kind)));
    return false;
  }
  const bool empty =
      (kind == Kind::kText && node.text.empty()) || (kind == Kind::kList && node.children.empty());
  if (empty) reading.Fail(node, "is empty");
  return !empty;
}

std::optional<std::string> ReadText(Reading& reading, const TreeNode& node) {
  if (!Expect(reading, node, Kind::kText)) return std::nullopt;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(node.text.begin(), node.text.end(), is_control)) {
    reading.Fail(node, "holds a line break or another control character");
    return std::nullopt;
  }
  return node.text;
}

std::optional<Milliseconds> ReadDuration(Reading& reading, const TreeNode& node) {
  const auto text = ReadText(reading, node);
  if (!text) return std::nullopt;
  const Result<Milliseconds> duration = ParseDuration(*text);
  if (!reading.Check(node, duration.status())) return std::nullopt;
  return *duration;
}

std::optional<Seconds> ReadSeconds(Reading& reading, const TreeNode& node) {
  const auto duration = ReadDuration(reading, node);
  if (!duration) return std::nullopt;
  const auto seconds = std::chrono::floor<Seconds>(*duration);
  if (seconds == *duration) return seconds;
  reading.Fail(node, "\"" + ToSingleLine(node.text, 64) + "\" is no whole number of seconds");
  return std::nullopt;
}

std::optional<std::uint64_t> ReadBytes(Reading& reading, const TreeNode& node) {
  const auto text = ReadText(reading, node);
  if (!text) return std::nullopt;
  const Result<std::uint64_t> bytes = ParseBytes(*text);
  if (!reading.Check(node, bytes.status())) return std::nullopt;
  return *bytes;
}

std::optional<std::filesystem::path> ReadPath(Reading& reading, const TreeNode& node) {
  const auto text = ReadText(reading, node);
  if (!text) return std::nullopt;
  const std::filesystem::path path = (reading.directory / *text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

void FailUnknownKey(Reading& reading, const TreeNode& child,
                    const std::vector<std::string_view>& known) {
  std::string what = "unknown key; ";
  const std::string_view nearest = NearestWord(child.key, known);
  if (!nearest.empty()) {
    what += "did you mean \"" + std::string(nearest) + "\"?";
  } else {
    what += "known here: ";
    what += Join({known.begin(), known.end()}, ", ");
  }
  reading.problems.Add(child.key_at, PathOf(child), std::move(what));
}

}  // namespace warden::config
