#include "exporter/base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "exporter/base/posix_file.h"

namespace warden {
namespace {

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

namespace {

// For file systems that cannot refuse by themselves. The call replaces nothing but an empty
// directory, which somebody would have to make between the look and the call.
Status RenameNewDirectory(const Files::Path& from, const Files::Path& to) {
  struct stat info = {};
  const std::string action = "rename " + from.string() + " to";
  if (::lstat(to.c_str(), &info) == 0) {
    errno = EEXIST;
    return SystemError(action, to);
  }
  if (::rename(from.c_str(), to.c_str()) < 0) return SystemError(action, to);
  return {};
}

}  // namespace

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
  const Result<DirectoryEntry> source = Stat(from);
  if (source.ok() && source->is_directory) return RenameNewDirectory(from, to);
  // A file system without that flag (NFS is one) has hard links, which replace nothing either.
  if (::link(from.c_str(), to.c_str()) < 0) return SystemError(action, to);
  return Remove(from);
}

Status PosixFiles::Remove(const Path& path) {
  if (::unlink(path.c_str()) < 0) return SystemError("remove", path);
  return {};
}

Status PosixFiles::RemoveDirectory(const Path& path) {
  if (::rmdir(path.c_str()) < 0) return SystemError("remove directory", path);
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
    return Status(CodeOfError(error.value()),
                  "list " + directory.string() + ": " + error.message());
  }
  return entries;
}

Result<DirectoryEntry> PosixFiles::Stat(const Path& path) {
  struct stat info = {};
  if (::lstat(path.c_str(), &info) < 0) return SystemError("stat", path);
  return DirectoryEntry{.name = path.filename().string(),
                        .size_bytes = static_cast<std::uint64_t>(info.st_size),
                        .is_regular = S_ISREG(info.st_mode),
                        .is_directory = S_ISDIR(info.st_mode)};
}

Result<FileOwner> PosixFiles::Owner(const Path& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) < 0) return SystemError("stat", path);
  return FileOwner{.user = info.st_uid, .group = info.st_gid};
}

Status PosixFiles::ChangeOwner(const Path& path, const FileOwner& owner) {
  if (::lchown(path.c_str(), owner.user, owner.group) < 0) {
    return SystemError("change the owner of", path);
  }
  return {};
}

Result<std::uint64_t> PosixFiles::Device(const Path& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) < 0) return SystemError("stat", path);
  return static_cast<std::uint64_t>(info.st_dev);
}

Result<bool> PosixFiles::IsMountPoint(const Path& path) {
  struct statx info = {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) < 0) {
    return SystemError("stat", path);
  }
  if (!S_ISDIR(info.stx_mode)) return false;
  if ((info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0) {
    return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  }
  // Before Linux 5.8 only another file system can be told.
  struct stat own = {};
  struct stat around = {};
  if (::stat(path.c_str(), &own) < 0) return SystemError("stat", path);
  if (::stat((path / "..").c_str(), &around) < 0) return SystemError("stat", path / "..");
  return own.st_dev != around.st_dev;
}

Result<std::uint64_t> PosixFiles::FreeBytes(const Path& directory) {
  struct statvfs info = {};
  if (RetryOnInterrupt([&] { return ::statvfs(directory.c_str(), &info); }) < 0) {
    return SystemError("ask for the free space of", directory);
  }
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<std::unique_ptr<FileLock>> PosixFiles::Lock(const Path& path) {
  // Never through a symbolic link, and only a new file is given away: the directory may be somebody
  // else's, and the link lead to a file that is not.
  Descriptor descriptor = OpenDescriptor(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (descriptor.valid()) {
    BelongToDirectory(
        path, [&](uid_t user, gid_t group) { return ::fchown(descriptor.get(), user, group); });
  } else {
    descriptor = OpenDescriptor(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  }
  if (!descriptor.valid()) return SystemError("open", path);
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return SystemError("lock", path);
    return Status(Code::kFailedPrecondition, "lock " + path.string() + ": held by another process");
  }
  return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(std::move(descriptor)));
}

Result<bool> PosixFiles::IsLocked(const Path& path) {
  const Descriptor descriptor = OpenDescriptor(path, O_RDONLY | O_NONBLOCK);
  if (!descriptor.valid()) return SystemError("open", path);
  // Shared: two who ask at the same moment are not in each other's way.
  if (::flock(descriptor.get(), LOCK_SH | LOCK_NB) == 0) return false;
  if (errno != EWOULDBLOCK) return SystemError("ask for a lock on", path);
  return true;
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
  return files.SyncDirectory(path.has_parent_path() ? path.parent_path() : Files::Path("."));
}

}  // namespace warden
