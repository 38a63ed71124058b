// Requests that prove themselves by a token of their own, whoever else may use the server.
#pragma once

#include <optional>
#include <string_view>

#include "exporter/app/common.h"
#include "exporter/base/secret.h"
#include "exporter/http/server.h"

namespace warden::app {

// nullopt if the request bears the token, which is read anew each time; else the refusal, which is
// logged. `section` is that of the configuration which names the token.
std::optional<http::Response> CheckBearer(const Env& env, const http::Request& request,
                                          const Secret& secret, std::string_view section);

}  // namespace warden::app
