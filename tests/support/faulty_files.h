// Files that fail when a test wants them to, over any other Files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/mutex.h"
#include "tests/support/faulty_writable_file.h"

namespace warden::testing {

// Thread-safe. A refused operation does nothing, but for a write, which leaves half of its bytes.
class FaultyFiles final : public Files {
 public:
  // True for an operation that fails; called for one after the other.
  using Judge = std::function<bool(FileOperation, const Path&)>;
  // kUnknown, which stands for EIO, or kResourceExhausted, for ENOSPC.
  explicit FaultyFiles(Files& files, Code code = Code::kResourceExhausted)
      : files_(files), code_(code) {}

  void FailWhere(Judge judge) {
    MutexLock lock(mutex_);
    judge_ = std::move(judge);
    failed_ = false;
  }
  // The n-th operation from now, counted from 1, fails.
  void FailNth(int n) {
    FailWhere([n](FileOperation, const Path&) mutable { return --n == 0; });
  }
  // The n-th operation from now and all after it fail.
  void FailFrom(int n) {
    FailWhere([n](FileOperation, const Path&) mutable { return n > 0 ? --n == 0 : true; });
  }
  void FailNever() { FailWhere(nullptr); }
  // Whether any operation failed since the last of these calls.
  bool failed() const {
    MutexLock lock(mutex_);
    return failed_;
  }

  Result<std::unique_ptr<WritableFile>> Create(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kCreate, path));
    WARDEN_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files_.Create(path));
    const auto allow = [this, path](FileOperation operation) { return Allow(operation, path); };
    return std::unique_ptr<WritableFile>(
        std::make_unique<FaultyWritableFile>(std::move(file), allow));
  }
  Result<std::string> ReadAll(const Path& path, std::size_t bytes_max) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kRead, path));
    return files_.ReadAll(path, bytes_max);
  }
  Result<std::unique_ptr<ReadableFile>> Open(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kRead, path));
    return files_.Open(path);
  }
  Status Rename(const Path& from, const Path& to) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kRename, to));
    return files_.Rename(from, to);
  }
  Status RenameNew(const Path& from, const Path& to) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kRename, to));
    return files_.RenameNew(from, to);
  }
  Status Remove(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kRemove, path));
    return files_.Remove(path);
  }
  Status RemoveDirectory(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kRemove, path));
    return files_.RemoveDirectory(path);
  }
  Status SyncDirectory(const Path& directory) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kSyncDirectory, directory));
    return files_.SyncDirectory(directory);
  }
  Status MakeDirectories(const Path& directory) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kMakeDirectories, directory));
    return files_.MakeDirectories(directory);
  }
  Result<std::vector<DirectoryEntry>> List(const Path& directory) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kList, directory));
    return files_.List(directory);
  }
  Result<DirectoryEntry> Stat(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kStat, path));
    return files_.Stat(path);
  }
  Result<FileOwner> Owner(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kStat, path));
    return files_.Owner(path);
  }
  Status ChangeOwner(const Path& path, const FileOwner& owner) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kChangeOwner, path));
    return files_.ChangeOwner(path, owner);
  }
  Result<std::uint64_t> Device(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kStat, path));
    return files_.Device(path);
  }
  Result<bool> IsMountPoint(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kStat, path));
    return files_.IsMountPoint(path);
  }
  Result<std::uint64_t> FreeBytes(const Path& directory) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kFreeBytes, directory));
    return files_.FreeBytes(directory);
  }
  Result<std::unique_ptr<FileLock>> Lock(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kLock, path));
    return files_.Lock(path);
  }
  Result<bool> IsLocked(const Path& path) override {
    WARDEN_RETURN_IF_ERROR(Allow(FileOperation::kLock, path));
    return files_.IsLocked(path);
  }

 private:
  Status Allow(FileOperation operation, const Path& path) {
    MutexLock lock(mutex_);
    if (!judge_ || !judge_(operation, path)) return {};
    failed_ = true;
    const char* why = code_ == Code::kUnknown ? "Input/output error" : "No space left on device";
    return Status(code_, "write " + path.string() + ": " + why);
  }
  Files& files_;
  const Code code_;
  mutable Mutex mutex_;
  Judge judge_ WARDEN_GUARDED_BY(mutex_);
  bool failed_ WARDEN_GUARDED_BY(mutex_) = false;
};

}  // namespace warden::testing
