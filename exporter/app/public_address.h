// How the outside world reaches this program: --web.external-url and --web.route-prefix.
#pragma once

#include <string>
#include <string_view>

#include "exporter/base/result.h"

namespace warden::app {

struct PublicAddress {
  std::string scheme;  // "http" or "https"; empty, as `host` is: nothing was said
  std::string host;    // with its port
  // What stands before every path: "" or "/warden". Two, because a proxy may take a part away.
  std::string prefix;         // of the requests that arrive here
  std::string external_path;  // of those that the outside world sends
};

// What the two flags mean together; either may be empty. The path of `external_url` is what others
// see, and also what arrives here unless `route_prefix` ("/" for none) says otherwise; without a
// URL the outside world sees `route_prefix`. kInvalidArgument names the flag.
Result<PublicAddress> MakePublicAddress(std::string_view route_prefix,
                                        std::string_view external_url);

// Whether the text is a host (a name, an IPv4 address, or an IPv6 address in brackets) with an
// optional port; for what comes from outside.
bool LooksLikeAddress(std::string_view text);

}  // namespace warden::app
