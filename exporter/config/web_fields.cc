#include "exporter/config/web_fields.h"

#include "exporter/base/text.h"

namespace warden::config {

bool IsUnset(const TreeNode& node) {
  return node.kind == Kind::kNothing || (node.kind == Kind::kText && node.text.empty());
}

std::optional<std::string> ReadOptionalText(Reading& reading, const TreeNode& node) {
  return IsUnset(node) ? std::string() : ReadText(reading, node);
}

std::optional<bool> ReadGoBool(Reading& reading, const TreeNode& node) {
  const auto text = ReadText(reading, node);
  if (!text) return std::nullopt;
  const std::string word = ToLower(*text);
  if (word == "true" || word == "yes" || word == "on" || word == "y") return true;
  if (word == "false" || word == "no" || word == "off" || word == "n") return false;
  reading.Fail(node, Quoted(*text) + " is neither true nor false");
  return std::nullopt;
}

}  // namespace warden::config
