// A token bucket: so many requests at once, and one more after each interval.
#pragma once

#include "exporter/base/clock.h"
#include "exporter/base/mutex.h"
#include "exporter/config/web.h"

namespace warden::http {

// Thread-safe.
class TokenBucket {
 public:
  // Takes a token, or returns false if there is none. The limit may differ from call to call.
  bool Take(const config::RateLimit& limit, SteadyTime now);

 private:
  Mutex mutex_;
  SteadyTime full_at_ WARDEN_GUARDED_BY(mutex_);  // when every token is back
};

}  // namespace warden::http
