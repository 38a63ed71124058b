// What a program that we start finds around it, and where it is found.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warden {

// Our own environment with the additions ("NAME=value") in the place of variables of the same name.
std::vector<std::string> EnvironmentWith(const std::vector<std::string>& additions);

// Where in PATH an executable file of that name is; a name with a slash is that file or nothing.
std::optional<std::filesystem::path> FindProgram(std::string_view name);

}  // namespace warden
