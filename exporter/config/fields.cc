#include "exporter/config/fields.h"

#include <charconv>

#include "exporter/base/text.h"

namespace warden::config {
namespace {

constexpr std::size_t kNameBytesMax = 128;

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
  reading.Fail(node, Quoted(node.text) + " is no whole number of seconds");
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

std::optional<bool> ReadFlag(Reading& reading, const TreeNode& node) {
  const auto text = ReadText(reading, node);
  if (!text) return std::nullopt;
  if (*text == "true") return true;
  if (*text == "false") return false;
  reading.Fail(node, Quoted(*text) + " is neither true nor false");
  return std::nullopt;
}

std::optional<int> ReadNumber(Reading& reading, const TreeNode& node, int least, int most) {
  const auto text = ReadText(reading, node);
  if (!text) return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool whole = error == std::errc() && end == text->data() + text->size();
  if (whole && number >= least && number <= most) return number;
  reading.Fail(node, Quoted(*text) + " is no whole number from " + std::to_string(least) + " to " +
                         std::to_string(most));
  return std::nullopt;
}

std::optional<std::string> ReadName(Reading& reading, const TreeNode& node) {
  auto name = ReadText(reading, node);
  if (!name) return std::nullopt;
  if (name->size() > kNameBytesMax) {
    reading.Fail(node, "is longer than " + std::to_string(kNameBytesMax) + " characters");
    return std::nullopt;
  }
  if (HasOnly(*name, "_.:-") && HasOnly(name->substr(0, 1), "_")) return name;
  reading.Fail(node, Quoted(*name) +
                         " is no name; use letters, digits, _ . : and -, starting with a letter, a "
                         "digit or _");
  return std::nullopt;
}

void ReadTextInto(Reading& reading, const TreeNode& node, std::string& into) {
  if (auto text = ReadText(reading, node)) into = *std::move(text);
}

void ReadPathInto(Reading& reading, const TreeNode& node, std::filesystem::path& into) {
  if (auto path = ReadPath(reading, node)) into = *std::move(path);
}

void ReadSecretInto(Reading& reading, const TreeNode& node, Secret& into) {
  const auto path = ReadPath(reading, node);
  if (!path) return;
  into = Secret::File(*path);
  if (reading.check_files) reading.Check(node, into.Read().status());
}

std::string Quoted(std::string_view text) {
  return "\"" + ToSingleLine(text, 64) + "\"";
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
