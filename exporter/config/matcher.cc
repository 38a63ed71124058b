#include "exporter/config/matcher.h"

#include <re2/re2.h>

#include <optional>

#include "exporter/base/text.h"

namespace warden::config {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr std::string_view kLabelCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789";

Status Bad(std::string_view text, std::string_view what) {
  return {Code::kInvalidArgument, "matcher '" + ToSingleLine(text, 256) + "' " + std::string(what)};
}

std::string_view WithoutSpace(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool IsLabelName(std::string_view name) {
  return !name.empty() && (name.front() < '0' || name.front() > '9') &&
         name.find_first_not_of(kLabelCharacters) == std::string_view::npos;
}

// Resolves \" \\ and \n; a backslash before anything else stands for itself, so that "\d" needs no
// doubling. nullopt if a quote stands unescaped.
std::optional<std::string> Unescape(std::string_view raw) {
  std::string value;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '"') return std::nullopt;
    if (raw[i] == '\\' && i + 1 < raw.size()) {
      const char next = raw[i + 1];
      if (next == 'n' || next == '"' || next == '\\') {
        value += next == 'n' ? '\n' : next;
        ++i;
        continue;
      }
    }
    value += raw[i];
  }
  return value;
}

// Whether the quote at the end of `text` closes it rather than being escaped.
bool EndsWithQuote(std::string_view text) {
  if (!text.ends_with('"')) return false;
  text.remove_suffix(1);
  std::size_t backslashes = 0;
  for (; text.ends_with('\\'); text.remove_suffix(1)) ++backslashes;
  return backslashes % 2 == 0;
}

Result<std::string> ParseValue(std::string_view text, std::string_view raw) {
  if (raw.starts_with('"')) {
    raw.remove_prefix(1);
    if (!EndsWithQuote(raw)) return Bad(text, "has no closing quote at its end");
    raw.remove_suffix(1);
  } else {
    // Legal for Alertmanager's older parser, but always a slip: `a==b`, or two matchers in one
    // text.
    if (raw.find_first_of("=~!") == 0)
      return Bad(text, "has an unknown operator; use =, !=, =~ or !~");
    if (raw.find(',') != std::string_view::npos) {
      return Bad(text, "has a comma outside quotes; give one matcher per item or quote the value");
    }
  }
  auto value = Unescape(raw);
  if (!value) return Bad(text, "has a quote inside its value; write \\\"");
  return *std::move(value);
}

}  // namespace

Result<Matcher> Matcher::Parse(std::string_view text) {
  if (ToValidUtf8(text) != text) return Bad(text, "is not valid UTF-8");
  const std::size_t operator_at = text.find_first_of("=!");
  if (operator_at == std::string_view::npos) {
    return Bad(text, "has no operator; write it like alertname=\"X\"");
  }
  Matcher matcher;
  matcher.text_ = text;
  matcher.label_ = WithoutSpace(text.substr(0, operator_at));
  if (!IsLabelName(matcher.label_)) return Bad(text, "has no valid label name before its operator");
  std::string_view rest = text.substr(operator_at);
  matcher.negated_ = rest.front() == '!';
  const bool expression = rest.size() > 1 && rest[1] == '~';
  if (matcher.negated_ && !expression && !rest.starts_with("!=")) {
    return Bad(text, "has an unknown operator; use =, !=, =~ or !~");
  }
  rest.remove_prefix(matcher.negated_ || expression ? 2 : 1);
  WARDEN_ASSIGN_OR_RETURN(matcher.value_, ParseValue(text, WithoutSpace(rest)));
  if (!expression) return matcher;

  re2::RE2::Options options;
  options.set_log_errors(false);
  const auto compiled = std::make_shared<const re2::RE2>(matcher.value_, options);
  if (!compiled->ok()) {
    return Bad(text, "has an invalid regular expression: " + ToSingleLine(compiled->error(), 128));
  }
  matcher.expression_ = compiled;
  return matcher;
}

bool Matcher::Matches(const Labels& labels) const {
  const auto found = labels.find(label_);
  const std::string_view value = found == labels.end() ? std::string_view() : found->second;
  const bool equal = expression_ == nullptr
                         ? value == value_
                         : re2::RE2::FullMatch({value.data(), value.size()}, *expression_);
  return equal != negated_;
}

}  // namespace warden::config
