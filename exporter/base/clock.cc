#include "exporter/base/clock.h"

namespace warden {

WallTime SystemClock::Now() const {
  return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::Steady() const {
  return std::chrono::steady_clock::now();
}

double ToUnixSeconds(WallTime time) {
  return ToSeconds(time.time_since_epoch());
}

double ToSeconds(Nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace warden
