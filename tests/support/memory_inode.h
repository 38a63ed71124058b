// The bytes of one file of a disk in memory, and what of them a power cut leaves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warden::testing {

// A file. What is appended goes to the end of `content`.
class MemoryInode {
 public:
  std::string content;

  // Puts the bytes over those that stand there.
  void Overwrite(std::size_t offset, std::string_view bytes) {
    if (overwrites_.empty()) synced_ = content.substr(0, synced_bytes_);
    overwrites_.push_back({offset, std::string(bytes)});
    content.replace(offset, bytes.size(), bytes);
  }
  void Sync() {
    synced_bytes_ = content.size();
    overwrites_.clear();
    synced_.clear();
  }
  // Ends where it was last synced. What was overwritten since then is new where `survives`
  // accepts its number, counted on from `first`, else old; says how many there were.
  std::size_t Lose(const std::function<bool(std::size_t)>& survives, std::size_t first) {
    const std::size_t count = overwrites_.size();
    content.resize(synced_bytes_);
    if (count > 0) content = std::move(synced_);
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [offset, bytes] = overwrites_[i];
      if (offset >= content.size() || !survives(first + i)) continue;
      const std::size_t kept = std::min(bytes.size(), content.size() - offset);
      content.replace(offset, kept, bytes, 0, kept);
    }
    Sync();
    return count;
  }

 private:
  struct Written {
    std::size_t offset;
    std::string bytes;
  };
  std::size_t synced_bytes_ = 0;
  std::string synced_;  // what a power cut leaves, once something was written over
  std::vector<Written> overwrites_;
};

}  // namespace warden::testing
