// A configuration as YAML for people who may not see its secrets.
#pragma once

#include <string>

#include "exporter/config/yaml.h"

namespace warden::config {

inline constexpr std::string_view kMasked = "<secret>";

// The tree as YAML in the file's order, without its comments and with aliases written out; it reads
// as the same tree again. Replaced by kMasked are the values of keys that sound like a secret (one
// of their words is password, token, secret, key or hash, or its plural, and the last is not
// "file") and the user info of URLs.
std::string ShowYaml(const TreeNode& root);

}  // namespace warden::config
