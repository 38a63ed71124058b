// Pages compared with tests/golden/*.txt. WARDEN_UPDATE_GOLDEN=1 rewrites them: read the difference
// before it is committed.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "exporter/base/text.h"
#include "tests/support/promtool.h"

namespace warden::testing {

inline std::filesystem::path GoldenPath(const std::string& name) {
  return std::filesystem::path(WARDEN_SOURCE_DIR) / "tests" / "golden" / (name + ".txt");
}

inline std::string ReadGolden(const std::string& name) {
  std::ostringstream content;
  content << std::ifstream(GoldenPath(name)).rdbuf();
  return content.str();
}

// Lines of only one of the texts, marked as diff(1) does; both texts are sorted by family and
// label.
inline std::string Difference(const std::string& golden, const std::string& page) {
  const auto lines_of = [](const std::string& text) {
    std::multiset<std::string> lines;
    for (const std::string_view line : Split(text, '\n')) lines.emplace(line);
    return lines;
  };
  const auto old_lines = lines_of(golden);
  const auto new_lines = lines_of(page);
  std::string difference;
  for (const std::string& line : old_lines) {
    if (!new_lines.contains(line)) difference += "- " + line + '\n';
  }
  for (const std::string& line : new_lines) {
    if (!old_lines.contains(line)) difference += "+ " + line + '\n';
  }
  return difference.empty() ? "(the same lines in another order or number)\n" : difference;
}

// Expects the page to be as recorded, and promtool to have nothing to say about it.
inline void ExpectGoldenPage(const std::string& name, const std::string& page) {
  if (std::getenv("WARDEN_UPDATE_GOLDEN") != nullptr) std::ofstream(GoldenPath(name)) << page;
  const std::string golden = ReadGolden(name);
  EXPECT_TRUE(page == golden) << Difference(golden, page)
                              << "If this is meant, run with WARDEN_UPDATE_GOLDEN=1.";
  ExpectPromtoolClean(page);
}

}  // namespace warden::testing
