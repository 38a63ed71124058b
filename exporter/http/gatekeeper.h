// Whether a request may be served: the rate limit and the users of the web configuration file.
#pragma once

#include <optional>

#include "exporter/base/clock.h"
#include "exporter/config/web.h"
#include "exporter/http/passwords.h"
#include "exporter/http/rate_limit.h"
#include "exporter/http/request.h"
#include "exporter/http/response.h"

namespace warden::http {

// Thread-safe.
class Gatekeeper {
 public:
  // The answer (401, 429, 503) to a request that is not served; nullopt if it is.
  std::optional<Response> Refuse(const config::WebConfig& config, const Request& request,
                                 SteadyTime now);

 private:
  TokenBucket bucket_;
  Passwords passwords_;
};

}  // namespace warden::http
