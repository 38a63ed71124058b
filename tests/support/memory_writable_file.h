// A file being written on a disk in memory.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "exporter/base/files.h"
#include "exporter/base/mutex.h"
#include "tests/support/memory_disk.h"

namespace warden::testing {

// Thread-safe, by the disk's mutex, which outlives it.
class MemoryWritableFile final : public WritableFile {
 public:
  MemoryWritableFile(Mutex& mutex, std::shared_ptr<MemoryDisk::Inode> inode)
      : mutex_(mutex), inode_(std::move(inode)) {}

  Status Append(std::span<const std::byte> bytes) override {
    MutexLock lock(mutex_);
    inode_->content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  Status WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    MutexLock lock(mutex_);
    const std::uint64_t size = inode_->content.size();
    if (offset > size || bytes.size() > size - offset) {
      return Status(Code::kInvalidArgument, "write: past the end, on the disk in memory");
    }
    inode_->Overwrite(offset, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return {};
  }
  Status Extend(std::uint64_t size_bytes) override {
    MutexLock lock(mutex_);
    inode_->content.resize(std::max<std::size_t>(size_bytes, inode_->content.size()));
    return {};
  }
  Status Sync() override {
    MutexLock lock(mutex_);
    inode_->Sync();
    return {};
  }
  Status Close() override { return {}; }

 private:
  Mutex& mutex_;
  const std::shared_ptr<MemoryDisk::Inode> inode_;
};

}  // namespace warden::testing
