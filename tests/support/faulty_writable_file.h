// A file being written that fails when its owner wants it to.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "exporter/base/files.h"

namespace warden::testing {

enum class FileOperation {
  kCreate,
  kAppend,
  kWriteAt,
  kExtend,
  kSync,
  kClose,
  kRead,
  kRename,
  kRemove,
  kSyncDirectory,
  kMakeDirectories,
  kList,
  kStat,
  kFreeBytes,
  kLock,
  kChangeOwner,
};

// A refused operation does nothing, but for a write, which leaves half of its bytes.
class FaultyWritableFile final : public WritableFile {
 public:
  using Allow = std::function<Status(FileOperation)>;  // why it fails, if it does
  FaultyWritableFile(std::unique_ptr<WritableFile> file, Allow allow)
      : file_(std::move(file)), allow_(std::move(allow)) {}

  Status Append(std::span<const std::byte> bytes) override {
    Status allowed = allow_(FileOperation::kAppend);
    if (allowed.ok()) return file_->Append(bytes);
    WARDEN_RETURN_IF_ERROR(file_->Append(bytes.first(bytes.size() / 2)));
    return allowed;
  }
  Status WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    Status allowed = allow_(FileOperation::kWriteAt);
    if (allowed.ok()) return file_->WriteAt(offset, bytes);
    WARDEN_RETURN_IF_ERROR(file_->WriteAt(offset, bytes.first(bytes.size() / 2)));
    return allowed;
  }
  Status Extend(std::uint64_t size_bytes) override {
    WARDEN_RETURN_IF_ERROR(allow_(FileOperation::kExtend));
    return file_->Extend(size_bytes);
  }
  Status Sync() override {
    WARDEN_RETURN_IF_ERROR(allow_(FileOperation::kSync));
    return file_->Sync();
  }
  Status Close() override {
    WARDEN_RETURN_IF_ERROR(allow_(FileOperation::kClose));
    return file_->Close();
  }

 private:
  const std::unique_ptr<WritableFile> file_;
  const Allow allow_;
};

}  // namespace warden::testing
