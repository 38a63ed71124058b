#include "exporter/base/environment.h"

#include <unistd.h>

#include <algorithm>

#include "exporter/base/text.h"

namespace warden {
namespace {

constexpr const char* kUsualPath = "/usr/local/bin:/usr/bin:/bin";

bool IsExecutable(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::string_view NameOf(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

}  // namespace

std::vector<std::string> EnvironmentWith(const std::vector<std::string>& additions) {
  std::vector<std::string> variables = additions;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const auto same = [&](const std::string& added) { return NameOf(added) == NameOf(*each); };
    if (std::ranges::none_of(additions, same)) variables.emplace_back(*each);
  }
  return variables;
}

std::optional<std::filesystem::path> FindProgram(std::string_view name) {
  if (name.find('/') != std::string_view::npos) {
    return IsExecutable(name) ? std::optional<std::filesystem::path>(name) : std::nullopt;
  }
  const std::vector<std::string> variables = EnvironmentWith({});
  const auto set = std::ranges::find(variables, "PATH", NameOf);
  const std::string path = set == variables.end() ? kUsualPath : set->substr(sizeof("PATH"));
  for (const std::string_view directory : Split(path, ':')) {
    // An empty entry would mean the working directory: whoever can write there is not trusted.
    if (directory.empty()) continue;
    const std::filesystem::path candidate = std::filesystem::path(directory) / name;
    if (IsExecutable(candidate)) return candidate;
  }
  return std::nullopt;
}

}  // namespace warden
