// Where an etcd member listens for clients, as an operator writes it.
#pragma once

#include <string>
#include <string_view>

#include "exporter/base/result.h"

namespace warden::config {

struct Endpoint {
  std::string url;     // as configured; label etcd_endpoint and what every message says
  std::string target;  // gRPC's name for it: "dns:///host:2379", "ipv6:[::1]:2379", "unix:/path"
  bool tls = false;    // https://, unixs://

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Accepts "http://host:port", "https://host:port", "https://[::1]:port", "unix:///abs/path",
// "unixs:///abs/path", and "host:port" (plain text, as etcdctl does). The port is required; a path,
// query or user info is refused. kInvalidArgument says what is wrong.
Result<Endpoint> ParseEndpoint(std::string_view url);

// Labels of ASCII letters, digits, - and _, such as DNS would be asked for; a final dot may end it.
bool IsHostName(std::string_view host);

}  // namespace warden::config
