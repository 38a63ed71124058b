// The only door to the file system, so that tests can make any call fail or lose what was not
// synced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.h"

namespace warden {

// A file being written. Not thread-safe. Destroying it closes it without syncing.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // Writes all bytes or fails.
  virtual Status Append(std::span<const std::byte> bytes) = 0;
  // Writes all bytes over what was appended at `offset`, or fails; kInvalidArgument, and nothing is
  // written, where they would reach past the end.
  virtual Status WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  // Makes the file that long, with zeros behind what it has; a longer one stays. Their room on the
  // disk is taken at once, so that its lack is found here. What is appended follows the zeros.
  virtual Status Extend(std::uint64_t size_bytes) = 0;
  // Returns when the content is on stable storage.
  virtual Status Sync() = 0;
  // Reports what the kernel held back; call once, after Sync.
  virtual Status Close() = 0;
};

// What tells one content of a file from another, as far as the file system knows.
struct FileState {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  // When the content last changed, by the file system's clock.
  std::int64_t changed_seconds = 0;
  std::int64_t changed_nanoseconds = 0;
  friend bool operator==(const FileState&, const FileState&) = default;
};

// A file to be read from any offset. Reads, not a mapping: a file that shrinks under a mapping
// kills the process. Thread-safe.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Fills `buffer` with what stands at `offset`; the count is smaller only at the end of the file.
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> buffer) const = 0;
  virtual Result<FileState> State() const = 0;
};

// Held as long as the object lives; the kernel drops it when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;
  std::uint64_t size_bytes = 0;
  bool is_regular = false;
  bool is_directory = false;
};

// Whose a file or directory is, by the numbers of the system.
struct FileOwner {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  friend bool operator==(const FileOwner&, const FileOwner&) = default;
};

// Thread-safe. Every failure names the call, the path and the system's reason; ENOENT is kNotFound,
// EACCES, EPERM and EROFS kPermissionDenied, ENOSPC and EDQUOT kResourceExhausted.
class Files {
 public:
  using Path = std::filesystem::path;
  virtual ~Files() = default;

  // Creates the file with mode 0600; an existing one is kAlreadyExists.
  virtual Result<std::unique_ptr<WritableFile>> Create(const Path& path) = 0;
  // Reads a regular file of at most `bytes_max` bytes; a larger one is kResourceExhausted.
  virtual Result<std::string> ReadAll(const Path& path, std::size_t bytes_max) = 0;
  // Opens a regular file, through symbolic links; anything else is kInvalidArgument.
  virtual Result<std::unique_ptr<ReadableFile>> Open(const Path& path) = 0;
  virtual Status Rename(const Path& from, const Path& to) = 0;
  // The same, and for directories as well, but an existing `to` stays and is kAlreadyExists.
  virtual Status RenameNew(const Path& from, const Path& to) = 0;
  // Removes a file; a missing one is kNotFound.
  virtual Status Remove(const Path& path) = 0;
  // An empty directory; a missing one is kNotFound, one with entries kFailedPrecondition.
  virtual Status RemoveDirectory(const Path& path) = 0;
  // Makes renames, creations and removals in the directory durable.
  virtual Status SyncDirectory(const Path& directory) = 0;
  // Creates the directory and its parents where missing, mode 0700, durably.
  virtual Status MakeDirectories(const Path& directory) = 0;
  // Entries in no particular order, without "." and "..".
  virtual Result<std::vector<DirectoryEntry>> List(const Path& directory) = 0;
  virtual Result<DirectoryEntry> Stat(const Path& path) = 0;
  virtual Result<FileOwner> Owner(const Path& path) = 0;  // follows symbolic links
  // Of the path itself, be it a symbolic link. Only root may give anything away.
  virtual Status ChangeOwner(const Path& path, const FileOwner& owner) = 0;
  // Which file system the path, or what it links to, is on: the same number, the same one.
  virtual Result<std::uint64_t> Device(const Path& path) = 0;
  // Whether something is mounted at this directory: then it cannot be renamed.
  virtual Result<bool> IsMountPoint(const Path& path) = 0;
  // Bytes that an unprivileged process may still write there.
  virtual Result<std::uint64_t> FreeBytes(const Path& directory) = 0;
  // An exclusive advisory lock on the file, created if missing; kFailedPrecondition if another
  // process (or this one) holds it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const Path& path) = 0;
  // Whether somebody holds one, as a running etcd does on its database. Makes no file.
  virtual Result<bool> IsLocked(const Path& path) = 0;
};

// The machine's own file system. Stateless.
class PosixFiles final : public Files {
 public:
  Result<std::unique_ptr<WritableFile>> Create(const Path& path) override;
  Result<std::string> ReadAll(const Path& path, std::size_t bytes_max) override;
  Result<std::unique_ptr<ReadableFile>> Open(const Path& path) override;
  Status Rename(const Path& from, const Path& to) override;
  Status RenameNew(const Path& from, const Path& to) override;
  Status Remove(const Path& path) override;
  Status RemoveDirectory(const Path& path) override;
  Status SyncDirectory(const Path& directory) override;
  Status MakeDirectories(const Path& directory) override;
  Result<std::vector<DirectoryEntry>> List(const Path& directory) override;
  Result<DirectoryEntry> Stat(const Path& path) override;
  Result<FileOwner> Owner(const Path& path) override;
  Status ChangeOwner(const Path& path, const FileOwner& owner) override;
  Result<std::uint64_t> Device(const Path& path) override;
  Result<bool> IsMountPoint(const Path& path) override;
  Result<std::uint64_t> FreeBytes(const Path& directory) override;
  Result<std::unique_ptr<FileLock>> Lock(const Path& path) override;
  Result<bool> IsLocked(const Path& path) override;
};

// The suffix of every file that is not finished; whatever bears it may be removed at start.
inline constexpr std::string_view kPartialSuffix = ".partial";

// Replaces `path` so that a reader, and a machine after a power cut, sees the old content or the
// new, never a mixture: writes `path`.partial, syncs, renames, syncs the directory.
Status WriteAtomically(Files& files, const Files::Path& path, std::string_view content);

}  // namespace warden
