// A directory under another, short name for as long as it is held: what lies in it can be reached
// where a path may not be long. (That of a socket has 107 bytes at most.)
#pragma once

#include <filesystem>

#include "exporter/base/result.h"

namespace warden {

// Not thread-safe.
class OpenDirectory {
 public:
  static Result<OpenDirectory> Open(const std::filesystem::path& path);
  ~OpenDirectory();
  OpenDirectory(OpenDirectory&& other) noexcept;
  OpenDirectory& operator=(OpenDirectory&&) = delete;

  // "/proc/<pid>/fd/<n>", for this process and the programs that it starts.
  std::filesystem::path ShortPath() const;

 private:
  explicit OpenDirectory(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace warden
