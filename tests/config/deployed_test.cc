// What ships in deploy/ and speaks of the configuration.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "exporter/config/loader.h"
#include "exporter/config/web.h"

namespace warden::config {
namespace {

std::string ReadDeployed(std::string_view name) {
  std::ifstream file(std::filesystem::path(WARDEN_SOURCE_DIR) / "deploy" / name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(ConfigPage, DescribesTheKeysThatExistAndNoOthers) {
  // A key's row starts with "| `path` |".
  std::set<std::string> described;
  for (const std::string& line : LinesOf(ReadDeployed("CONFIG.md"))) {
    if (line.starts_with("| `")) described.insert(line.substr(3, line.find('`', 3) - 3));
  }
  const std::vector<std::string> known = KnownKeys();
  EXPECT_EQ(described, std::set<std::string>(known.begin(), known.end()));
}

TEST(ConfigPage, DescribesTheKeysOfTheWebConfigurationFile) {
  std::set<std::string> described;
  bool in_section = false;
  for (const std::string& line : LinesOf(ReadDeployed("CONFIG.md"))) {
    if (line.starts_with("## ")) in_section = line == "## The web configuration file";
    if (in_section && line.starts_with("| ")) {
      described.insert(line.substr(2, line.find(" |") - 2));
    }
  }
  described.erase("key");
  const std::vector<std::string> known = KnownWebKeys();
  EXPECT_EQ(described, std::set<std::string>(known.begin(), known.end()));
}

TEST(ConfigPage, HasNoRowOutsideATable) {
  // A row whose previous line is none begins a table: the line after it must then be its rule.
  const std::vector<std::string> lines = LinesOf(ReadDeployed("CONFIG.md"));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with("| ") || (i > 0 && lines[i - 1].starts_with("|"))) continue;
    EXPECT_TRUE(i + 1 < lines.size() && lines[i + 1].starts_with("|---"))
        << "CONFIG.md:" << i + 1 << ": no row of a table: " << lines[i];
  }
}

TEST(ConfigExample, IsValidAndShowsEveryKey) {
  const std::string text = ReadDeployed("etcd-warden.example.yaml");
  EXPECT_EQ(Loader("etcd-warden.yaml").CheckText(text).message(), "");
  for (const std::string& path : KnownKeys()) {
    const std::string key = path.substr(path.find_last_of('.') + 1) + ":";
    EXPECT_NE(text.find(key), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace warden::config
