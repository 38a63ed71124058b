// A mutex that clang's thread-safety analysis understands (preset `clang` makes its findings
// errors). No lock is held across I/O or a callback.
#pragma once

#include <condition_variable>
#include <mutex>

#include "exporter/base/clock.h"

#if defined(__clang__)
#define WARDEN_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define WARDEN_THREAD_ATTRIBUTE(x)
#endif
#define WARDEN_GUARDED_BY(x) WARDEN_THREAD_ATTRIBUTE(guarded_by(x))
#define WARDEN_REQUIRES(...) WARDEN_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define WARDEN_EXCLUDES(...) WARDEN_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace warden {

class WARDEN_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() WARDEN_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() WARDEN_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds the mutex for a scope.
class WARDEN_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) WARDEN_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() WARDEN_THREAD_ATTRIBUTE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits may wake without cause: callers loop over their condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) WARDEN_REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // Returns when notified or at `at`, whichever comes first.
  void WaitUntil(Mutex& mutex, SteadyTime at) WARDEN_REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_until(lock, at);
    lock.release();
  }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace warden
