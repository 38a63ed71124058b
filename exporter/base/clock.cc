#include "exporter/base/clock.h"

#include <condition_variable>
#include <mutex>

namespace warden {

WallTime SystemClock::Now() const {
  return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::Steady() const {
  return std::chrono::steady_clock::now();
}

void Pause(Milliseconds pause, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, pause, [] { return false; });
}

double ToUnixSeconds(WallTime time) {
  return ToSeconds(time.time_since_epoch());
}

double ToSeconds(Nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace warden
