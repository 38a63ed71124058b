// Time as an argument. Wall time is for records and ages, steady time for budgets and durations.
#pragma once

#include <chrono>
#include <stop_token>

namespace warden {

using Nanoseconds = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

// The only source of time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual SteadyTime Steady() const = 0;
};

// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  WallTime Now() const override;
  SteadyTime Steady() const override;
};

// How long a call may block, and the wish that it end sooner. Every blocking call takes one; a call
// whose `stop` is requested returns kCancelled promptly (within about 100 ms), one past `at`
// kDeadlineExceeded.
struct Deadline {
  SteadyTime at;
  std::stop_token stop;
};

// Blocks for so long by the machine's own time, or until `stop` is requested.
void Pause(Milliseconds pause, const std::stop_token& stop);

// Seconds since the Unix epoch, as Prometheus wants timestamps.
double ToUnixSeconds(WallTime time);
double ToSeconds(Nanoseconds duration);

}  // namespace warden
