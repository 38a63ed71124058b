// A password or token. It cannot be printed: there is no conversion to text but Read, which names
// itself in the code that uses it.
#pragma once

#include <filesystem>
#include <string>
#include <variant>

#include "exporter/base/result.h"

namespace warden {

class Secret {
 public:
  // A secret given directly (the command line's --user).
  static Secret Literal(std::string value);
  // A secret kept in a file. It is read at each use, so a rotated file needs no restart.
  static Secret File(std::filesystem::path path);

  // The secret, without white space around it. Fails if the file cannot be read, is empty, or is
  // larger than 64 KiB; the message names the file and never the content.
  Result<std::string> Read() const;

  // The same text given, or the same file named.
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  struct Text {
    std::string value;
    friend bool operator==(const Text&, const Text&) = default;
  };
  explicit Secret(std::variant<Text, std::filesystem::path> source) : source_(std::move(source)) {}
  std::variant<Text, std::filesystem::path> source_;
};

}  // namespace warden
