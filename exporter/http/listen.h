// Listen addresses as people write them, made into what civetweb takes.
#pragma once

#include <string>
#include <string_view>

#include "exporter/base/result.h"

namespace warden::http {

struct ListenAddress {
  std::string host;  // empty: every address; IPv6 without its brackets
  int port = 0;      // 0: the system picks one
};

// "host:port", ":port" or "[::1]:port". Anything else is kInvalidArgument. Pure.
Result<ListenAddress> ParseListenAddress(std::string_view text);

// Resolves a host name (to its first address, IPv4 preferred), checks that the address can be bound
// now, and returns it in civetweb's notation. A host that is unknown or an address that is not free
// is kFailedPrecondition: "listen on 127.0.0.1:12379: Address already in use".
Result<std::string> PrepareListener(std::string_view text);

}  // namespace warden::http
