#include "exporter/http/rate_limit.h"

#include <algorithm>

namespace warden::http {

bool TokenBucket::Take(const config::RateLimit& limit, SteadyTime now) {
  if (limit.interval <= Nanoseconds(0)) return true;
  MutexLock lock(mutex_);
  const SteadyTime full_at = std::max(full_at_, now) + limit.interval;
  if (full_at - now > limit.interval * limit.burst) return false;
  full_at_ = full_at;
  return true;
}

}  // namespace warden::http
