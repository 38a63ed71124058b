#include "exporter/base/open_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "exporter/base/posix_file.h"

namespace warden {

Result<OpenDirectory> OpenDirectory::Open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SystemError("open", path);
  return OpenDirectory(fd);
}

OpenDirectory::~OpenDirectory() {
  if (fd_ >= 0) ::close(fd_);
}

OpenDirectory::OpenDirectory(OpenDirectory&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

std::filesystem::path OpenDirectory::ShortPath() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_);
}

}  // namespace warden
