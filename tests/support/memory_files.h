// A disk in memory that can lose power: what was not synced is then gone, or not.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "exporter/base/files.h"
#include "exporter/base/mutex.h"
#include "tests/support/memory_disk.h"
#include "tests/support/memory_file.h"
#include "tests/support/memory_writable_file.h"

namespace warden::testing {

// Thread-safe. Directories are safe as soon as they are made; what is opened stays as it was then.
class MemoryFiles final : public Files {
 public:
  // Pulls the plug and boots; see MemoryDisk.
  void CutPower(const std::function<bool(std::size_t)>& survives) {
    MutexLock lock(mutex_);
    disk_.CutPower(survives);
    locks_.clear();
  }
  void SetFreeBytes(std::uint64_t bytes) {
    MutexLock lock(mutex_);
    free_bytes_ = bytes;
  }

  Result<std::unique_ptr<WritableFile>> Create(const Path& path) override {
    MutexLock lock(mutex_);
    if (disk_.Find(path)) return Refuse(Code::kAlreadyExists, "create", path);
    if (!disk_.IsDirectory(path.parent_path())) return Refuse(Code::kNotFound, "create", path);
    const auto inode = std::make_shared<MemoryDisk::Inode>();
    disk_.Link(path, inode);
    return std::unique_ptr<WritableFile>(std::make_unique<MemoryWritableFile>(mutex_, inode));
  }
  Result<std::string> ReadAll(const Path& path, std::size_t bytes_max) override {
    MutexLock lock(mutex_);
    const auto inode = disk_.Find(path);
    if (!inode) return Refuse(Code::kNotFound, "open", path);
    if (inode->content.size() > bytes_max) return Refuse(Code::kResourceExhausted, "read", path);
    return inode->content;
  }
  Result<std::unique_ptr<ReadableFile>> Open(const Path& path) override {
    MutexLock lock(mutex_);
    const auto inode = disk_.Find(path);
    if (!inode) return Refuse(Code::kNotFound, "open", path);
    return std::unique_ptr<ReadableFile>(std::make_unique<MemoryFile>(inode->content));
  }
  Status Rename(const Path& from, const Path& to) override {
    MutexLock lock(mutex_);
    if (!disk_.names().contains(from)) return Refuse(Code::kNotFound, "rename", from);
    disk_.Rename(from, to);
    return {};
  }
  Status RenameNew(const Path& from, const Path& to) override {
    if (Stat(to).ok()) return Status(Code::kAlreadyExists, to.string() + ": exists");
    return Rename(from, to);
  }
  Status Remove(const Path& path) override {
    MutexLock lock(mutex_);
    if (!disk_.Find(path)) return Refuse(Code::kNotFound, "remove", path);
    disk_.Unlink(path);
    return {};
  }
  Status RemoveDirectory(const Path& path) override {
    MutexLock lock(mutex_);
    if (!disk_.IsDirectory(path)) return Refuse(Code::kNotFound, "remove", path);
    if (!disk_.IsEmpty(path)) return Refuse(Code::kFailedPrecondition, "remove", path);
    disk_.Unlink(path);
    return {};
  }
  Status SyncDirectory(const Path& directory) override {
    MutexLock lock(mutex_);
    disk_.SyncDirectory(directory);
    return {};
  }
  Status MakeDirectories(const Path& directory) override {
    MutexLock lock(mutex_);
    for (Path path = directory; path.has_relative_path(); path = path.parent_path()) {
      disk_.MakeDirectory(path);
    }
    return {};
  }
  Result<std::vector<DirectoryEntry>> List(const Path& directory) override {
    MutexLock lock(mutex_);
    if (!disk_.IsDirectory(directory)) return Refuse(Code::kNotFound, "list", directory);
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, inode] : disk_.names()) {
      if (name.parent_path() == directory) entries.push_back(Describe(name, inode.get()));
    }
    return entries;
  }
  Result<DirectoryEntry> Stat(const Path& path) override {
    MutexLock lock(mutex_);
    if (!disk_.names().contains(path)) return Refuse(Code::kNotFound, "stat", path);
    return Describe(path, disk_.Find(path).get());
  }
  // Everything belongs to one user here, and is on one file system; what is missing is a user's,
  // too.
  Result<FileOwner> Owner(const Path& /*path*/) override { return FileOwner{}; }
  Status ChangeOwner(const Path& path, const FileOwner& /*owner*/) override {
    return Stat(path).status();
  }
  Result<std::uint64_t> Device(const Path& /*path*/) override { return 1; }
  Result<bool> IsMountPoint(const Path& /*path*/) override { return false; }
  Result<std::uint64_t> FreeBytes(const Path& /*directory*/) override {
    MutexLock lock(mutex_);
    return free_bytes_;
  }
  Result<std::unique_ptr<FileLock>> Lock(const Path& path) override {
    MutexLock lock(mutex_);
    if (!disk_.Find(path)) disk_.Link(path, std::make_shared<MemoryDisk::Inode>());
    if (!locks_[path].expired()) return Refuse(Code::kFailedPrecondition, "lock", path);
    auto held = std::make_unique<HeldLock>();
    locks_[path] = held->sign;
    return std::unique_ptr<FileLock>(std::move(held));
  }
  Result<bool> IsLocked(const Path& path) override {
    MutexLock lock(mutex_);
    if (!disk_.Find(path)) return Refuse(Code::kNotFound, "ask for a lock on", path);
    const auto held = locks_.find(path);
    return held != locks_.end() && !held->second.expired();
  }

 private:
  struct HeldLock final : FileLock {
    std::shared_ptr<int> sign = std::make_shared<int>();
  };

  static Status Refuse(Code code, const std::string& action, const Path& path) {
    return Status(code, action + " " + path.string() + ": refused by the disk in memory");
  }
  static DirectoryEntry Describe(const Path& path, const MemoryDisk::Inode* inode) {
    return {.name = path.filename().string(),
            .size_bytes = inode == nullptr ? 0 : inode->content.size(),
            .is_regular = inode != nullptr,
            .is_directory = inode == nullptr};
  }
  Mutex mutex_;
  MemoryDisk disk_ WARDEN_GUARDED_BY(mutex_);
  std::map<Path, std::weak_ptr<int>> locks_ WARDEN_GUARDED_BY(mutex_);
  std::uint64_t free_bytes_ WARDEN_GUARDED_BY(mutex_) = 1ULL << 40;
};

}  // namespace warden::testing
