// What a check found wrong, page by page, so that the first damaged page does not hide the others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/base/mutex.h"

namespace warden::bbolt {

using PageId = std::uint64_t;

struct Finding {
  std::optional<PageId> page;  // nullopt: not of one page
  std::string what;            // one line, printable
  friend bool operator==(const Finding&, const Finding&) = default;
};

// "page 17: the keys are out of order".
std::string Describe(const Finding& finding);

// Thread-safe.
class Findings {
 public:
  // The first so many are kept, the rest is counted.
  static constexpr std::size_t kKept = 100;
  // A walk ends after so many: nobody reads further.
  static constexpr std::size_t kEnough = 1'000;

  void Add(std::optional<PageId> page, std::string what) WARDEN_EXCLUDES(mutex_);
  std::size_t count() const WARDEN_EXCLUDES(mutex_);
  bool enough() const { return count() >= kEnough; }
  // Sorted by page, those without one first.
  std::vector<Finding> Kept() const WARDEN_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::size_t count_ WARDEN_GUARDED_BY(mutex_) = 0;
  std::vector<Finding> kept_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::bbolt
