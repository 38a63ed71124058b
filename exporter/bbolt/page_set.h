// A set of pages, one bit each.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "exporter/bbolt/findings.h"

namespace warden::bbolt {

// Thread-safe. Memory is taken only for the parts of the range that are used, so a sparse file of
// any size costs what its tree costs.
class PageSet {
 public:
  explicit PageSet(PageId page_count)
      : words_(
            static_cast<std::uint64_t*>(std::calloc(page_count / 64 + 1, sizeof(std::uint64_t)))) {
    if (words_ == nullptr) std::abort();
  }

  // False if the page, below page_count, is in it already.
  bool Insert(PageId page) {
    const std::uint64_t bit = std::uint64_t{1} << (page % 64);
    const std::atomic_ref word(words_.get()[page / 64]);
    return (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  }
  bool Contains(PageId page) const {
    const std::atomic_ref word(words_.get()[page / 64]);
    return (word.load(std::memory_order_relaxed) >> (page % 64) & 1) != 0;
  }

 private:
  struct Free {
    void operator()(std::uint64_t* words) const { std::free(words); }
  };
  std::unique_ptr<std::uint64_t, Free> words_;
};

}  // namespace warden::bbolt
