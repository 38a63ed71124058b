// Who sent a request, as its Authorization header says.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "exporter/http/request.h"

namespace warden::http {

// True if the request carries "Authorization: Bearer <token>"; compares in constant time.
bool HasBearerToken(const Request& request, std::string_view token);

struct Credentials {
  std::string user;
  std::string password;
  bool operator==(const Credentials&) const = default;
};

// Of "Authorization: Basic <base64 of user:password>"; nullopt if the header is missing, of another
// scheme or malformed.
std::optional<Credentials> ParseBasicAuth(const Request& request);

}  // namespace warden::http
