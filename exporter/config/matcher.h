// Label matchers as Alertmanager spells them: `alertname="X"`, `job!="a"`, `alertname=~"Etcd.*"`,
// `severity!~"info|none"`; quotes around the value are optional, white space around the operator is
// not significant, regular expressions are RE2 and anchored at both ends. A missing label reads as
// "".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/result.h"

namespace re2 {
class RE2;
}

namespace warden::config {

using Labels = std::map<std::string, std::string, std::less<>>;

// A value; copies share the compiled expression. Matching is thread-safe.
class Matcher {
 public:
  // kInvalidArgument says what is wrong with the text: operator, label name, quoting, expression.
  static Result<Matcher> Parse(std::string_view text);

  bool Matches(const Labels& labels) const;
  // As it was written.
  const std::string& text() const { return text_; }

 private:
  Matcher() = default;
  std::string text_;
  std::string label_;
  std::string value_;
  bool negated_ = false;
  std::shared_ptr<const re2::RE2> expression_;  // null for = and !=
};

}  // namespace warden::config
