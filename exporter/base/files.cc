#include "exporter/base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

namespace warden {
namespace {

Code CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return Code::kResourceExhausted;
    default:
      return Code::kUnknown;
  }
}

// "open /x/y: No space left on device", from errno.
Status SystemError(std::string_view action, const std::filesystem::path& path) {
  const int error = errno;
  return Status(CodeOf(error), std::string(action) + " " + path.string() + ": " +
                                   std::generic_category().message(error));
}

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
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Descriptor OpenDescriptor(const std::filesystem::path& path, int flags, mode_t mode = 0) {
  return Descriptor(
      RetryOnInterrupt([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
}

// Opens a regular file to read. O_NONBLOCK: opening a FIFO must not wait for a writer.
Result<Descriptor> OpenRegular(const std::filesystem::path& path) {
  Descriptor descriptor = OpenDescriptor(path, O_RDONLY | O_NONBLOCK);
  if (!descriptor.valid()) return SystemError("open", path);
  struct stat info = {};
  if (::fstat(descriptor.get(), &info) < 0) return SystemError("stat", path);
  if (S_ISREG(info.st_mode)) return descriptor;
  return Status(Code::kInvalidArgument,
                "read " + path.string() + ": " +
                    (S_ISDIR(info.st_mode) ? "is a directory" : "not a regular file"));
}

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::filesystem::path path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> buffer) const override {
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

  Result<FileState> State() const override {
    struct stat info = {};
    if (::fstat(descriptor_.get(), &info) < 0) return SystemError("stat", path_);
    return FileState{.device = info.st_dev,
                     .inode = info.st_ino,
                     .size_bytes = static_cast<std::uint64_t>(info.st_size),
                     .changed_seconds = info.st_mtim.tv_sec,
                     .changed_nanoseconds = info.st_mtim.tv_nsec};
  }

 private:
  const std::filesystem::path path_;
  const Descriptor descriptor_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::filesystem::path path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  Status Append(std::span<const std::byte> bytes) override {
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

  Status WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
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

  Status Extend(std::uint64_t size_bytes) override {
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

  Status Sync() override {
    if (RetryOnInterrupt([&] { return ::fsync(descriptor_.get()); }) < 0) {
      return SystemError("sync", path_);
    }
    return {};
  }

  Status Close() override {
    if (::close(descriptor_.Release()) < 0) return SystemError("close", path_);
    return {};
  }

 private:
  // Lets the disk begin with what has come so far, so that Sync has little left to wait for. A file
  // system that cannot do so loses only that.
  void StartWriteBack() {
    (void)::sync_file_range(descriptor_.get(), static_cast<off_t>(started_),
                            static_cast<off_t>(size_ - started_), SYNC_FILE_RANGE_WRITE);
    started_ = size_;
  }

  static constexpr std::uint64_t kWriteBackBytes = 8ULL << 20;
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

}  // namespace

// What root makes in a directory of somebody else's, by hand beside a daemon for example, is theirs
// to read and to replace. Best effort: whoever may not use it is told so.
template <typename Chown>
void BelongToDirectory(const Files::Path& path, Chown chown) {
  if (::geteuid() != 0) return;
  struct stat info = {};
  const Files::Path parent = path.parent_path();
  if (::stat(parent.empty() ? "." : parent.c_str(), &info) < 0 || info.st_uid == 0) return;
  (void)!chown(info.st_uid, info.st_gid);
}

Result<std::unique_ptr<WritableFile>> PosixFiles::Create(const Path& path) {
  Descriptor descriptor = OpenDescriptor(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!descriptor.valid()) return SystemError("create", path);
  BelongToDirectory(
      path, [&](uid_t user, gid_t group) { return ::fchown(descriptor.get(), user, group); });
  return std::unique_ptr<WritableFile>(
      std::make_unique<PosixWritableFile>(path, std::move(descriptor)));
}

Result<std::string> PosixFiles::ReadAll(const Path& path, std::size_t bytes_max) {
  WARDEN_ASSIGN_OR_RETURN(const Descriptor descriptor, OpenRegular(path));
  std::string content;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t count =
        RetryOnInterrupt([&] { return ::read(descriptor.get(), buffer, sizeof(buffer)); });
    if (count < 0) return SystemError("read", path);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > bytes_max) {
      return Status(Code::kResourceExhausted, "read " + path.string() + ": larger than " +
                                                  std::to_string(bytes_max) + " bytes");
    }
  }
}

Result<std::unique_ptr<ReadableFile>> PosixFiles::Open(const Path& path) {
  WARDEN_ASSIGN_OR_RETURN(Descriptor descriptor, OpenRegular(path));
  return std::unique_ptr<ReadableFile>(
      std::make_unique<PosixReadableFile>(path, std::move(descriptor)));
}

Status PosixFiles::Rename(const Path& from, const Path& to) {
  if (::rename(from.c_str(), to.c_str()) < 0) {
    return SystemError("rename " + from.string() + " to", to);
  }
  return {};
}

Status PosixFiles::RenameNew(const Path& from, const Path& to) {
  const std::string action = "rename " + from.string() + " to";
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return SystemError(action, to);
  // A file system without that flag (NFS is one) has hard links, which replace nothing either.
  if (::link(from.c_str(), to.c_str()) < 0) return SystemError(action, to);
  return Remove(from);
}

Status PosixFiles::Remove(const Path& path) {
  if (::unlink(path.c_str()) < 0) return SystemError("remove", path);
  return {};
}

Status PosixFiles::SyncDirectory(const Path& directory) {
  const Descriptor descriptor = OpenDescriptor(directory, O_RDONLY | O_DIRECTORY);
  if (!descriptor.valid()) return SystemError("open", directory);
  if (RetryOnInterrupt([&] { return ::fsync(descriptor.get()); }) < 0) {
    return SystemError("sync", directory);
  }
  return {};
}

Status PosixFiles::MakeDirectories(const Path& directory) {
  const Result<DirectoryEntry> found = Stat(directory);
  if (found.ok()) {
    std::error_code ignored;
    if (std::filesystem::is_directory(directory, ignored)) return {};
    errno = ENOTDIR;
    return SystemError("create directory", directory);
  }
  if (found.error().code() != Code::kNotFound) return found.error();
  const Path parent = directory.parent_path();
  if (parent != directory && !parent.empty()) WARDEN_RETURN_IF_ERROR(MakeDirectories(parent));
  if (::mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST) {
    return SystemError("create directory", directory);
  }
  BelongToDirectory(
      directory, [&](uid_t user, gid_t group) { return ::chown(directory.c_str(), user, group); });
  return SyncDirectory(parent.empty() ? Path(".") : parent);
}

Result<std::vector<DirectoryEntry>> PosixFiles::List(const Path& directory) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  std::vector<DirectoryEntry> entries;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    Result<DirectoryEntry> found = Stat(entry->path());
    // An entry may vanish between the listing and the look.
    if (found.ok()) entries.push_back(*std::move(found));
  }
  if (error) {
    return Status(CodeOf(error.value()), "list " + directory.string() + ": " + error.message());
  }
  return entries;
}

Result<DirectoryEntry> PosixFiles::Stat(const Path& path) {
  struct stat info = {};
  if (::lstat(path.c_str(), &info) < 0) return SystemError("stat", path);
  return DirectoryEntry{.name = path.filename().string(),
                        .size_bytes = static_cast<std::uint64_t>(info.st_size),
                        .is_regular = S_ISREG(info.st_mode)};
}

Result<std::uint64_t> PosixFiles::FreeBytes(const Path& directory) {
  struct statvfs info = {};
  if (RetryOnInterrupt([&] { return ::statvfs(directory.c_str(), &info); }) < 0) {
    return SystemError("ask for the free space of", directory);
  }
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<std::unique_ptr<FileLock>> PosixFiles::Lock(const Path& path) {
  Descriptor descriptor = OpenDescriptor(path, O_RDWR | O_CREAT, 0600);
  if (!descriptor.valid()) return SystemError("open", path);
  BelongToDirectory(
      path, [&](uid_t user, gid_t group) { return ::fchown(descriptor.get(), user, group); });
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return SystemError("lock", path);
    return Status(Code::kFailedPrecondition, "lock " + path.string() + ": held by another process");
  }
  return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(std::move(descriptor)));
}

Status WriteAtomically(Files& files, const Files::Path& path, std::string_view content) {
  Files::Path partial = path;
  partial += kPartialSuffix;
  if (Status removed = files.Remove(partial); !removed.ok() && removed.code() != Code::kNotFound) {
    return removed;
  }
  WARDEN_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files.Create(partial));
  Status written = file->Append(std::as_bytes(std::span(content)));
  if (written.ok()) written = file->Sync();
  if (written.ok()) written = file->Close();
  if (written.ok()) written = files.Rename(partial, path);
  if (!written.ok()) {
    // Best effort: the next write or start removes what stays.
    files.Remove(partial).ok();
    return written;
  }
  return files.SyncDirectory(path.parent_path());
}

}  // namespace warden
