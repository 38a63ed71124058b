#include "tests/tidy/source.h"

#include <re2/re2.h>

#include <cctype>
#include <utility>

namespace warden::tidy {
namespace {

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Reads a file once, character by character.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Line> Run() {
    while (at_ < text_.size()) Step();
    if (!line_.text.empty()) EndLine();
    return std::move(lines_);
  }

 private:
  enum class State { kCode, kLineComment, kBlockComment, kLiteral, kRawLiteral };

  void Step() {
    if (text_[at_] == '\n') {
      if (state_ != State::kBlockComment && state_ != State::kRawLiteral) state_ = State::kCode;
      EndLine();
      ++at_;
      return;
    }
    switch (state_) {
      case State::kCode:
        return StepInCode();
      case State::kLineComment:
        return Take(1, &line_.comment);
      case State::kBlockComment:
        return EndAt("*/", &line_.comment, nullptr);
      case State::kLiteral:
        if (text_[at_] == '\\') return Take(text_.substr(at_, 2) == "\\\n" ? 1 : 2, nullptr);
        return EndAt(end_, nullptr, &line_.code);
      case State::kRawLiteral:
        return EndAt(end_, nullptr, nullptr);
    }
  }

  void StepInCode() {
    const std::string_view rest = text_.substr(at_);
    const char before = line_.code.empty() ? ' ' : line_.code.back();
    if (rest.starts_with("//")) {
      state_ = State::kLineComment;
      Take(2, nullptr);
    } else if (rest.starts_with("/*")) {
      state_ = State::kBlockComment;
      Take(2, nullptr);
    } else if (rest.front() == '"' && before == 'R') {
      state_ = State::kRawLiteral;
      const std::size_t open = rest.find('(');
      end_ = ")" + std::string(rest.substr(1, open - 1)) + "\"";
      Take(open + 1, nullptr);
      line_.code += "\"\"";
    } else if (rest.front() == '"' || (rest.front() == '\'' && !IsWordChar(before))) {
      state_ = State::kLiteral;
      end_ = rest.substr(0, 1);
      Take(1, &line_.code);
    } else {
      Take(1, &line_.code);
    }
  }

  // Leaves the state after `end`, else moves on by one character.
  void EndAt(std::string_view end, std::string* inside, std::string* closing) {
    if (!text_.substr(at_).starts_with(end)) return Take(1, inside);
    state_ = State::kCode;
    Take(end.size(), closing);
  }

  void Take(std::size_t count, std::string* also) {
    const std::string_view taken = text_.substr(at_, count);
    line_.text += taken;
    if (also != nullptr) *also += taken;
    at_ += taken.size();
  }

  void EndLine() { lines_.push_back(std::exchange(line_, {})); }

  const std::string_view text_;
  std::size_t at_ = 0;
  State state_ = State::kCode;
  std::string end_;
  Line line_;
  std::vector<Line> lines_;
};

bool IsAccess(std::string_view head) {
  return head == "public" || head == "private" || head == "protected";
}

// Follows the braces of one file.
class FunctionFinder {
 public:
  std::vector<Function> Run(const Source& source) {
    bool directive = false;
    for (const Line& line : source.lines) {
      ++number_;
      directive = directive || line.code.starts_with('#');
      if (!directive) {
        for (const char c : line.code) Step(c);
        head_ += ' ';
      }
      directive = directive && line.code.ends_with('\\');
    }
    return std::move(functions_);
  }

 private:
  enum class Kind { kScope, kFunction, kOther };
  struct Block {
    Kind kind;
    int first;
  };

  void Step(char c) {
    if (c == '(') ++parentheses_;
    if (c == ')') --parentheses_;
    if (c == '{') {
      blocks_.push_back({Classify(), head_first_});
      head_.clear();
    } else if (c == '}') {
      Close();
      head_.clear();
    } else if ((c == ';' && parentheses_ == 0) || (c == ':' && IsAccess(head_))) {
      head_.clear();
    } else if (c != ' ' || !head_.empty()) {
      if (head_.find_first_not_of(' ') == std::string::npos) {
        head_.clear();
        head_first_ = number_;
      }
      head_ += c;
    }
  }

  Kind Classify() const {
    static const RE2 scope(
        R"(^(template\s*<.*>\s*)?((inline\s+)?namespace|class|struct|union|enum|extern\s+"")\b)");
    static const RE2 function(R"(\).*[^=\s]\s*$|\)\s*$)");
    if (parentheses_ > 0) return Kind::kOther;
    if (!blocks_.empty() && blocks_.back().kind != Kind::kScope) return Kind::kOther;
    if (RE2::PartialMatch(head_, scope)) return Kind::kScope;
    return RE2::PartialMatch(head_, function) ? Kind::kFunction : Kind::kOther;
  }

  void Close() {
    if (blocks_.empty()) return;
    if (blocks_.back().kind == Kind::kFunction) {
      functions_.push_back({.first = blocks_.back().first, .last = number_});
    }
    blocks_.pop_back();
  }

  int number_ = 0;
  int parentheses_ = 0;
  int head_first_ = 0;
  std::string head_;  // what was read since the last `;` or brace
  std::vector<Block> blocks_;
  std::vector<Function> functions_;
};

}  // namespace

Source ParseSource(std::string path, std::string_view text) {
  return {.path = std::move(path), .lines = Lexer(text).Run()};
}

std::vector<Include> FindIncludes(const Source& source) {
  static const RE2 include(R"(^#\s*include\s*(["<])([^">]*)[">])");
  std::vector<Include> includes;
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    std::string mark;
    std::string path;
    const Line& line = source.lines[i];
    if (!line.code.starts_with('#') || !RE2::PartialMatch(line.text, include, &mark, &path)) {
      continue;
    }
    includes.push_back(
        {.line = static_cast<int>(i) + 1, .path = std::move(path), .quoted = mark == "\""});
  }
  return includes;
}

std::vector<Function> FindFunctions(const Source& source) {
  return FunctionFinder().Run(source);
}

}  // namespace warden::tidy
