// Which records a reader at one revision sees: of each key the newest up to there, unless it is a
// tombstone. What etcd keeps in its index is found here within bounded memory.
#pragma once

#include <cstdint>
#include <stop_token>
#include <vector>

#include "exporter/base/result.h"
#include "exporter/mvcc/key_space.h"

namespace warden::mvcc {

// One bit for each record, by its number.
class VisibleRecords {
 public:
  bool Contains(std::uint64_t number) const { return number < bits_.size() && bits_[number]; }
  std::uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }

 private:
  friend class VisibleFinder;
  void Set(std::uint64_t number, bool visible);

  std::vector<bool> bits_;
  std::uint64_t count_ = 0;
};

// Keys that one pass over the records has room for; with more there are several passes, each over a
// part of the keys.
inline constexpr std::size_t kKeysAtOnce = 700'000;

// Of the records up to `revision`. Keys are told apart by a hash of 128 bits. Fails as ForEach
// does.
Result<VisibleRecords> FindVisible(const KeySpace& key_space, std::int64_t revision,
                                   const std::stop_token& stop,
                                   std::size_t keys_at_once = kKeysAtOnce);

}  // namespace warden::mvcc
