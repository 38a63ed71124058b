// Bytes in memory as a file to read.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "exporter/base/files.h"

namespace warden::testing {

// Thread-safe as long as nobody changes the content.
class MemoryFile final : public ReadableFile {
 public:
  explicit MemoryFile(std::string content) : content_(std::move(content)) {}

  std::string& content() { return content_; }
  std::uint64_t size() const { return content_.size(); }

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> buffer) const override {
    const std::size_t start = std::min<std::uint64_t>(offset, content_.size());
    const std::size_t count = std::min(buffer.size(), content_.size() - start);
    std::memcpy(buffer.data(), content_.data() + start, count);
    return count;
  }
  Result<FileState> State() const override { return FileState{.size_bytes = content_.size()}; }

 private:
  std::string content_;
};

}  // namespace warden::testing
