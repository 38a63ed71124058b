// The rules of the house as pure functions over sources; tests/tidy_test.cc holds the data and the
// tree.
#pragma once

#include <iosfwd>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/source.h"

namespace warden::tidy {

struct Finding {
  std::string path;
  int line = 1;
  std::string what;
};
using Findings = std::vector<Finding>;

// "path:line: what", the form that editors jump to.
std::ostream& operator<<(std::ostream& out, const Finding& finding);

struct Limits {
  int columns = 0;
  int header_lines = 0;
  int source_lines = 0;
  int function_lines = 0;
};

// A spelling that belongs to one place.
struct Ban {
  std::string_view what;     // how the finding names it
  std::string_view pattern;  // RE2, for one line
  std::string_view example;  // a line that it finds
  std::vector<std::string_view> homes =
      {};                        // where it may stand: files, or folders with a final '/'
  bool in_comments = false;      // looks at comments instead of the code
  std::string_view excuse = {};  // RE2: a comment on the line that permits it
};

Findings CheckSizes(const Source& source, const Limits& limits);

// A header starts with a comment and `#pragma once`. Quoted includes start at the repository root
// and name `paths` or generated files; a .cc with a header of its own includes that first.
Findings CheckIncludes(const Source& source, const std::set<std::string>& paths);

// A file below exporter/ includes its own folder and what stands to its left in `order`.
Findings CheckOrder(const Source& source, std::span<const std::string_view> order);

Findings CheckBans(const Source& source, std::span<const Ban> bans);

// What the CMakeLists.txt builds, relative to its folder.
std::set<std::string> ListedSources(std::string_view cmake);

// Under a version ("## ..."), an entry is "- [KIND] text" and goes on indented.
Findings CheckChangelog(const std::string& path, std::string_view text);

// Every line that contains `word`.
Findings CheckWord(const std::string& path, std::string_view text, std::string_view word);

}  // namespace warden::tidy
