#include "exporter/bbolt/findings.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "exporter/base/text.h"

namespace warden::bbolt {

std::string Describe(const Finding& finding) {
  return finding.page ? "page " + std::to_string(*finding.page) + ": " + finding.what
                      : finding.what;
}

void Findings::Add(std::optional<PageId> page, std::string what) {
  what = ToSingleLine(what);
  MutexLock lock(mutex_);
  if (++count_ <= kKept) kept_.push_back({page, std::move(what)});
}

std::size_t Findings::count() const {
  MutexLock lock(mutex_);
  return count_;
}

std::vector<Finding> Findings::Kept() const {
  std::vector<Finding> kept;
  {
    MutexLock lock(mutex_);
    kept = kept_;
  }
  std::sort(kept.begin(), kept.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.page, a.what) < std::tie(b.page, b.what);
  });
  return kept;
}

}  // namespace warden::bbolt
