// A clock that moves when told to.
#pragma once

#include "exporter/base/clock.h"
#include "exporter/base/mutex.h"

namespace warden::testing {

class FakeClock final : public Clock {
 public:
  // Starts at 2026-11-23T10:15:00Z.
  FakeClock() = default;
  explicit FakeClock(WallTime now) : now_(now) {}

  WallTime Now() const override {
    MutexLock lock(mutex_);
    return now_;
  }
  SteadyTime Steady() const override {
    MutexLock lock(mutex_);
    return steady_;
  }
  void Advance(Nanoseconds by) {
    MutexLock lock(mutex_);
    now_ += by;
    steady_ += std::chrono::duration_cast<SteadyTime::duration>(by);
  }
  // A clock step: wall time jumps, steady time does not.
  void StepWall(Nanoseconds by) {
    MutexLock lock(mutex_);
    now_ += by;
  }

 private:
  mutable Mutex mutex_;
  WallTime now_ WARDEN_GUARDED_BY(mutex_){Seconds(1'795'428'900)};
  SteadyTime steady_ WARDEN_GUARDED_BY(mutex_){Seconds(1'000)};
};

}  // namespace warden::testing
