#include "exporter/config/shown.h"

#include <algorithm>
#include <array>

#include "exporter/base/text.h"
#include "exporter/config/fields.h"

namespace warden::config {
namespace {

constexpr std::array<std::string_view, 5> kSecretWords = {"password", "token", "secret", "key",
                                                          "hash"};
// What YAML takes for nothing when it stands without quotes.
constexpr std::array<std::string_view, 4> kNothingWords = {"~", "null", "Null", "NULL"};

bool IsSecretWord(std::string_view word) {
  const auto is = [&](std::string_view secret) {
    return word == secret || (word.ends_with('s') && word.substr(0, word.size() - 1) == secret);
  };
  return std::any_of(kSecretWords.begin(), kSecretWords.end(), is);
}

bool SoundsSecret(std::string_view key) {
  const std::string lower = ToLower(key);
  const std::vector<std::string_view> words = Split(lower, '_');
  return words.back() != "file" && std::any_of(words.begin(), words.end(), IsSecretWord);
}

// Up to the last @, for a password may hold any character; a URL without a host, such as that of a
// socket, has no user.
std::string WithoutUser(const std::string& text) {
  constexpr std::string_view kSeparator = "://";
  const std::size_t scheme = text.find(kSeparator);
  if (scheme == std::string::npos) return text;
  const std::size_t host = scheme + kSeparator.size();
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos || at < host || text[host] == '/') return text;
  return text.substr(0, host) + std::string(kMasked) + text.substr(at);
}

// Plain words need no quotes; whatever is doubtful gets them.
bool IsPlain(std::string_view text) {
  return !text.empty() && HasOnly(text.substr(0, 1), "/") && HasOnly(text, "_./:-") &&
         !text.ends_with(':') &&
         std::find(kNothingWords.begin(), kNothingWords.end(), text) == kNothingWords.end();
}

std::string Scalar(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += "\\x" + FormatHex({&byte, 1});
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

void Show(const TreeNode& node, const std::string& indent, std::string& out);

// What follows "key:" or "-": a scalar on the same line, or a block below it.
void ShowValue(const TreeNode& node, const std::string& indent, std::string& out) {
  switch (node.kind) {
    case Kind::kNothing:
      out += " ~\n";
      return;
    case Kind::kText:
      out += " " + Scalar(WithoutUser(node.text)) + "\n";
      return;
    case Kind::kList:
    case Kind::kMapping:
      if (node.children.empty()) {
        out += node.kind == Kind::kList ? " []\n" : " {}\n";
        return;
      }
      out += "\n";
      Show(node, indent, out);
  }
}

// The children of a list or mapping, each on a line that starts with `indent`.
void Show(const TreeNode& node, const std::string& indent, std::string& out) {
  for (const TreeNode& child : node.children) {
    out += indent;
    if (node.kind == Kind::kList) {
      out += "-";
    } else {
      out += Scalar(child.key) + ":";
      if (SoundsSecret(child.key)) {
        out += " " + Scalar(kMasked) + "\n";
        continue;
      }
    }
    // A mapping in a list starts beside its dash.
    if (node.kind == Kind::kList && child.kind == Kind::kMapping && !child.children.empty()) {
      std::string block;
      Show(child, indent + "  ", block);
      out += " " + block.substr(indent.size() + 2);
      continue;
    }
    ShowValue(child, indent + "  ", out);
  }
}

}  // namespace

std::string ShowYaml(const TreeNode& root) {
  std::string out;
  Show(root, "", out);
  return out;
}

}  // namespace warden::config
