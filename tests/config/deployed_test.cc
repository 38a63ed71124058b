// What ships in deploy/ and speaks of the configuration.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "exporter/config/loader.h"

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
