#include "tests/tidy/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <ostream>
#include <sstream>

namespace warden::tidy {
namespace {

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

bool IsHeader(const Source& source) {
  return source.path.ends_with(".h");
}

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Characters, not bytes: the continuation bytes of UTF-8 take no column.
int Columns(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// "exporter/base/text.cc" is of "base", "exporter/main.cc" of "main.cc"; empty outside exporter/.
std::string_view ModuleOf(std::string_view path) {
  constexpr std::string_view kRoot = "exporter/";
  if (!path.starts_with(kRoot)) return {};
  path.remove_prefix(kRoot.size());
  return path.substr(0, path.find('/'));
}

bool IsAtHome(std::string_view path, const Ban& ban) {
  return std::any_of(ban.homes.begin(), ban.homes.end(), [path](std::string_view home) {
    return home.ends_with('/') ? path.starts_with(home) : path == home;
  });
}

std::string HomesOf(const Ban& ban) {
  std::string homes;
  for (const std::string_view home : ban.homes) {
    homes += (homes.empty() ? "; it belongs to " : ", ") + std::string(home);
  }
  return homes;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Finding& finding) {
  return out << finding.path << ":" << finding.line << ": " << finding.what;
}

Findings CheckSizes(const Source& source, const Limits& limits) {
  Findings findings;
  const auto check = [&](int line, int size, int limit, const std::string& what) {
    if (size <= limit) return;
    findings.push_back({source.path, line,
                        what + std::to_string(size) + ", the limit is " + std::to_string(limit)});
  };
  int number = 0;
  for (const Line& line : source.lines) {
    check(++number, Columns(line.text), limits.columns, "columns: ");
  }
  check(number, number, IsHeader(source) ? limits.header_lines : limits.source_lines,
        "lines of the file: ");
  for (const Function& function : FindFunctions(source)) {
    check(function.first, function.last - function.first + 1, limits.function_lines,
          "lines of the function: ");
  }
  return findings;
}

Findings CheckIncludes(const Source& source, const std::set<std::string>& paths) {
  Findings findings;
  const auto add = [&](int line, std::string what) {
    findings.push_back({source.path, line, std::move(what)});
  };
  if (IsHeader(source)) {
    const auto is_code = [](const Line& line) { return !line.code.empty(); };
    const auto first = std::find_if(source.lines.begin(), source.lines.end(), is_code);
    if (first == source.lines.end() || first->code != "#pragma once") {
      add(1, "the first line of code in a header is `#pragma once`");
    } else if (first == source.lines.begin()) {
      add(1, "a header starts with a comment that says what it is for");
    }
  }
  const std::vector<Include> includes = FindIncludes(source);
  for (const Include& include : includes) {
    const bool generated = include.path.ends_with(".pb.h");
    if (include.quoted && !generated && !paths.contains(include.path)) {
      add(include.line, "\"" + include.path + "\" is no file from the repository root");
    }
    if (!include.quoted && paths.contains(include.path)) {
      add(include.line, "<" + include.path + "> is ours: quote it");
    }
  }
  if (source.path.ends_with(".cc")) {
    const std::string own = source.path.substr(0, source.path.size() - 2) + "h";
    if (paths.contains(own) && (includes.empty() || includes.front().path != own)) {
      add(includes.empty() ? 1 : includes.front().line, "the first include is \"" + own + "\"");
    }
  }
  return findings;
}

Findings CheckOrder(const Source& source, std::span<const std::string_view> order) {
  const auto place = [order](std::string_view module) {
    return std::find(order.begin(), order.end(), module) - order.begin();
  };
  const auto end = static_cast<std::ptrdiff_t>(order.size());
  const std::string_view own = ModuleOf(source.path);
  if (own.empty()) return {};
  if (place(own) == end) {
    return {{source.path, 1, std::string(own) + " has no place in the order of the modules"}};
  }
  Findings findings;
  for (const Include& include : FindIncludes(source)) {
    const std::string_view other = ModuleOf(include.path);
    if (!include.quoted || (!other.empty() && place(other) <= place(own))) continue;
    findings.push_back({source.path, include.line,
                        std::string(own) + " must not include \"" + include.path +
                            "\": only its own folder and folders to its left"});
  }
  return findings;
}

Findings CheckBans(const Source& source, std::span<const Ban> bans) {
  Findings findings;
  for (const Ban& ban : bans) {
    if (IsAtHome(source.path, ban)) continue;
    const RE2 pattern(Piece(ban.pattern));
    const RE2 excuse(Piece(ban.excuse));
    int number = 0;
    for (const Line& line : source.lines) {
      ++number;
      if (!RE2::PartialMatch(ban.in_comments ? line.comment : line.code, pattern)) continue;
      if (!ban.excuse.empty() && RE2::PartialMatch(line.comment, excuse)) continue;
      findings.push_back({source.path, number, std::string(ban.what) + HomesOf(ban)});
    }
  }
  return findings;
}

std::set<std::string> ListedSources(std::string_view cmake) {
  static const RE2 call(
      R"((warden_\w+|add_executable|add_library|target_sources|set)\(([^()]*)\))");
  std::string text(cmake);
  RE2::GlobalReplace(&text, "#[^\n]*", "");
  RE2::GlobalReplace(&text, R"(\$\{CMAKE_CURRENT_SOURCE_DIR\}/)", "");
  std::set<std::string> sources;
  re2::StringPiece rest(text);
  std::string command;
  std::string arguments;
  while (RE2::FindAndConsume(&rest, call, &command, &arguments)) {
    std::istringstream words(arguments);
    std::string name;
    words >> name;
    if (command == "warden_fuzzer") sources.insert(name + ".cc");
    const std::string folder = command == "warden_module" ? name + "/" : "";
    for (std::string word; words >> word;) {
      if (word.ends_with(".cc") || word.ends_with(".proto")) sources.insert(folder + word);
    }
  }
  return sources;
}

Findings CheckChangelog(const std::string& path, std::string_view text) {
  static const RE2 entry(R"(- \[(CHANGE|FEATURE|ENHANCEMENT|BUGFIX)\] \S.*)");
  static const RE2 continuation(R"(  \S.*)");
  Findings findings;
  bool in_version = false;
  bool in_entry = false;
  int number = 0;
  for (const std::string& line : SplitLines(text)) {
    ++number;
    const bool starts_entry = RE2::FullMatch(line, entry);
    if (line.starts_with("## ")) {
      in_version = true;
    } else if (in_version && !line.empty() && !starts_entry &&
               !(in_entry && RE2::FullMatch(line, continuation))) {
      findings.push_back({path, number,
                          "an entry is `- [CHANGE|FEATURE|ENHANCEMENT|BUGFIX] text`, "
                          "its further lines are indented by two"});
    }
    in_entry = starts_entry || (in_entry && line.starts_with("  "));
  }
  if (!in_version) findings.push_back({path, 1, "no version (`## ...`) is listed"});
  return findings;
}

Findings CheckWord(const std::string& path, std::string_view text, std::string_view word) {
  Findings findings;
  if (text.find(word) == std::string_view::npos) return findings;
  int number = 0;
  for (const std::string& line : SplitLines(text)) {
    ++number;
    if (line.find(word) == std::string::npos) continue;
    findings.push_back({path, number, "\"" + std::string(word) + "\" names a machine, not ours"});
  }
  return findings;
}

}  // namespace warden::tidy
