#include "exporter/http/gatekeeper.h"

namespace warden::http {
namespace {

Response Later(int code, std::string_view why) {
  Response response = ErrorResponse(code, why);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response WhoAreYou() {
  Response response = ErrorResponse(401, "a user name and its password are needed");
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"etcd-warden\"");
  return response;
}

}  // namespace

std::optional<Response> Gatekeeper::Refuse(const config::WebConfig& config, const Request& request,
                                           SteadyTime now) {
  if (!bucket_.Take(config.rate_limit, now))
    return Later(429, "more requests than rate_limit allows");
  if (config.users.empty()) return std::nullopt;
  const std::optional<Credentials> credentials = ParseBasicAuth(request);
  if (!credentials) return WhoAreYou();
  switch (passwords_.Check(config.users, *credentials)) {
    case Passwords::Verdict::kRight:
      return std::nullopt;
    case Passwords::Verdict::kWrong:
      return WhoAreYou();
    case Passwords::Verdict::kBusy:
      return Later(503, "too many logins at once");
  }
  return WhoAreYou();
}

}  // namespace warden::http
