// A range of numbers worked off by processes, so that one that crashes or hangs is only an outcome.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <span>
#include <type_traits>

namespace warden::corruption {

// Memory that is the same in this process and in those it forks, all zero at first.
template <typename T>
class SharedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit SharedArray(std::size_t count) : count_(count) {
    void* memory =
        mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    items_ = static_cast<T*>(memory);
  }
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;
  ~SharedArray() { munmap(items_, bytes()); }

  std::span<T> items() { return {items_, count_}; }

 private:
  std::size_t bytes() const { return (count_ + 1) * sizeof(T); }

  std::size_t count_;
  T* items_ = nullptr;
};

// Calls `work` once for each number below `count`, in `processes` forked from this one, which must
// have no threads. `crashed` is told here of each number whose call ended its process or took
// longer than `seconds_each`; the numbers behind it go on in a new one.
void WorkInProcesses(std::size_t count, std::size_t processes, unsigned seconds_each,
                     const std::function<void(std::size_t number)>& work,
                     const std::function<void(std::size_t number)>& crashed);

}  // namespace warden::corruption
