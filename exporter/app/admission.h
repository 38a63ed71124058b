// How many scrapes and probes are answered at once.
#pragma once

#include <atomic>
#include <memory>

namespace warden::app {

// Thread-safe; outlives its permits.
class Admission {
 public:
  struct Leave {
    void operator()(std::atomic<int>* inside) const { --*inside; }
  };
  // Held for as long as the work lasts; null: refused.
  using Permit = std::unique_ptr<std::atomic<int>, Leave>;

  // Never waits: a caller that would wait is better told so than answered too late.
  Permit TryEnter(int max) {
    if (++inside_ <= max) return Permit(&inside_);
    --inside_;
    return nullptr;
  }

  int inside() const { return inside_; }

 private:
  std::atomic<int> inside_ = 0;
};

}  // namespace warden::app
