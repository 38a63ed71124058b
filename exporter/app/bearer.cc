#include "exporter/app/bearer.h"

#include <string>

namespace warden::app {

std::optional<http::Response> CheckBearer(const Env& env, const http::Request& request,
                                          const Secret& secret, std::string_view section) {
  const Result<std::string> token = secret.Read();
  if (!token.ok()) {
    env.log.Log(LogLevel::kError, "cannot read a bearer token",
                {{"section", section}, {"error", token.error()}});
    return http::ErrorResponse(503, "the server cannot read its bearer token");
  }
  if (http::HasBearerToken(request, *token)) return std::nullopt;
  env.log.Log(LogLevel::kWarn, "refused a request: wrong bearer token", {{"section", section}});
  http::Response refusal = http::ErrorResponse(401, "the bearer token is missing or wrong");
  refusal.headers.emplace_back("WWW-Authenticate", "Bearer");
  return refusal;
}

}  // namespace warden::app
