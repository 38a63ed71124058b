// Open files of the machine's file system, for files.cc.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include "exporter/base/files.h"
#include "exporter/base/result.h"

namespace warden {

// The code that Files promises for an errno.
Code CodeOfError(int error);

// "open /x/y: No space left on device", from errno.
Status SystemError(std::string_view action, const std::filesystem::path& path);

template <typename Call>
auto RetryOnInterrupt(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Not valid, and errno says why, if it cannot be opened.
Descriptor OpenDescriptor(const std::filesystem::path& path, int flags, mode_t mode = 0);

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::filesystem::path path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> buffer) const override;
  Result<FileState> State() const override;

 private:
  const std::filesystem::path path_;
  const Descriptor descriptor_;
};

class PosixWritableFile final : public WritableFile {
 public:
  // The file is new and empty.
  PosixWritableFile(std::filesystem::path path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
  Status Append(std::span<const std::byte> bytes) override;
  Status WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Status Extend(std::uint64_t size_bytes) override;
  Status Sync() override;
  Status Close() override;

 private:
  void StartWriteBack();

  const std::filesystem::path path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
  std::uint64_t started_ = 0;  // so much has been given to the disk
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

}  // namespace warden
