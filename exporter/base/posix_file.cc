#include "exporter/base/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <system_error>

namespace warden {
namespace {

constexpr std::uint64_t kWriteBackBytes = 8ULL << 20;

}  // namespace

Code CodeOfError(int error) {
  switch (error) {
    case ENOENT:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case ENOTEMPTY:
      return Code::kFailedPrecondition;
    case ENOSPC:
    case EDQUOT:
      return Code::kResourceExhausted;
    default:
      return Code::kUnknown;
  }
}

Status SystemError(std::string_view action, const std::filesystem::path& path) {
  const int error = errno;
  return Status(CodeOfError(error), std::string(action) + " " + path.string() + ": " +
                                        std::generic_category().message(error));
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor OpenDescriptor(const std::filesystem::path& path, int flags, mode_t mode) {
  return Descriptor(
      RetryOnInterrupt([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
}

Result<std::size_t> PosixReadableFile::ReadAt(std::uint64_t offset,
                                              std::span<std::byte> buffer) const {
  std::size_t total = 0;
  while (total < buffer.size()) {
    const ssize_t count = RetryOnInterrupt([&] {
      return ::pread(descriptor_.get(), buffer.data() + total, buffer.size() - total,
                     static_cast<off_t>(offset + total));
    });
    if (count < 0) return SystemError("read", path_);
    if (count == 0) break;
    total += static_cast<std::size_t>(count);
  }
  return total;
}

Result<FileState> PosixReadableFile::State() const {
  struct stat info = {};
  if (::fstat(descriptor_.get(), &info) < 0) return SystemError("stat", path_);
  return FileState{.device = info.st_dev,
                   .inode = info.st_ino,
                   .size_bytes = static_cast<std::uint64_t>(info.st_size),
                   .changed_seconds = info.st_mtim.tv_sec,
                   .changed_nanoseconds = info.st_mtim.tv_nsec};
}

Status PosixWritableFile::Append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        RetryOnInterrupt([&] { return ::write(descriptor_.get(), bytes.data(), bytes.size()); });
    if (written < 0) return SystemError("write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
  if (size_ - started_ >= kWriteBackBytes) StartWriteBack();
  return {};
}

Status PosixWritableFile::WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset > size_ || bytes.size() > size_ - offset) {
    return Status(Code::kInvalidArgument, "write " + path_.string() + ": past its end");
  }
  while (!bytes.empty()) {
    const ssize_t written = RetryOnInterrupt([&] {
      return ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (written < 0) return SystemError("write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Status PosixWritableFile::Extend(std::uint64_t size_bytes) {
  if (size_bytes <= size_) return {};
  // As etcd does it; where the file system cannot, the C library writes into every block.
  int error = EINTR;
  while (error == EINTR) {
    error = ::posix_fallocate(descriptor_.get(), static_cast<off_t>(size_),
                              static_cast<off_t>(size_bytes - size_));
  }
  errno = error;  // it does not set it
  if (error != 0 || ::lseek(descriptor_.get(), static_cast<off_t>(size_bytes), SEEK_SET) < 0) {
    return SystemError("extend", path_);
  }
  size_ = size_bytes;
  return {};
}

Status PosixWritableFile::Sync() {
  if (RetryOnInterrupt([&] { return ::fsync(descriptor_.get()); }) < 0) {
    return SystemError("sync", path_);
  }
  return {};
}

Status PosixWritableFile::Close() {
  if (::close(descriptor_.Release()) < 0) return SystemError("close", path_);
  return {};
}

// Lets the disk begin with what has come so far, so that Sync has little left to wait for. A file
// system that cannot do so loses only that.
void PosixWritableFile::StartWriteBack() {
  (void)::sync_file_range(descriptor_.get(), static_cast<off_t>(started_),
                          static_cast<off_t>(size_ - started_), SYNC_FILE_RANGE_WRITE);
  started_ = size_;
}

}  // namespace warden
