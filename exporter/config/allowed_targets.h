// Which hosts a probe may dial that are named by a request: the operator's list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/ip_address.h"
#include "exporter/base/result.h"

namespace warden::config {

// A value. Empty: nobody is allowed.
class AllowedTargets {
 public:
  // Adds "192.0.2.0/24", "2001:db8::/32", a single address, or a host name. kInvalidArgument says
  // what is wrong, such as bits set behind the prefix.
  Status Add(std::string_view entry);

  // Whether the name (case and a final dot do not matter) is listed itself: whatever address it has
  // is allowed then.
  bool AllowsName(std::string_view host) const;
  // An IPv6 network, however large, has no IPv4 address in it.
  bool AllowsAddress(const IpAddress& address) const;
  // Whether an address can be allowed at all.
  bool HasNetworks() const { return !networks_.empty(); }

  friend bool operator==(const AllowedTargets&, const AllowedTargets&) = default;

 private:
  struct Network {
    IpAddress prefix{};
    int bits = 0;  // of 128

    friend bool operator==(const Network&, const Network&) = default;
  };
  std::vector<std::string> names_;  // lower case
  std::vector<Network> networks_;
};

}  // namespace warden::config
