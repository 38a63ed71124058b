// YAML text -> Config. The seam below Load: text in memory, and a switch for what touches the disk.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.h"
#include "exporter/config/config.h"
#include "exporter/config/fields.h"

namespace warden::config {

// The only maker of ValidConfig. A value for one file.
class Loader {
 public:
  // `file` names the file in messages; relative paths are relative to its directory.
  explicit Loader(std::filesystem::path file) : file_(std::move(file)) {}

  // Reads the file, and all that the configuration names.
  Result<ValidConfig> Load() const;

  // Checks the text alone: syntax, keys, values and how they go together. No file is opened.
  Status CheckText(std::string_view text) const;

 private:
  Reading MakeReading(bool check_files) const;

  std::filesystem::path file_;
};

// The path of every key there is, as in "clusters[].tls.ca_file".
std::vector<std::string> KnownKeys();

}  // namespace warden::config
