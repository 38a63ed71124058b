#include "exporter/config/allowed_targets.h"

#include <algorithm>
#include <charconv>

#include "exporter/base/text.h"
#include "exporter/config/endpoint.h"

namespace warden::config {
namespace {

constexpr int kBitsMax = 128;

bool HasPrefix(const IpAddress& address, const IpAddress& prefix, int bits) {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(prefix.begin(), prefix.begin() + bits / 8, address.begin())) return false;
  const int rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (address.at(whole) & mask) == (prefix.at(whole) & mask);
}

IpAddress Masked(IpAddress address, int bits) {
  for (int bit = bits; bit < kBitsMax; ++bit) {
    address.at(static_cast<std::size_t>(bit / 8)) &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
  }
  return address;
}

std::string NormalName(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return ToLower(host);
}

Status Bad(std::string_view entry, std::string_view what) {
  return {Code::kInvalidArgument, "\"" + ToSingleLine(entry, 128) + "\" " + std::string(what)};
}

}  // namespace

Status AllowedTargets::Add(std::string_view entry) {
  const std::size_t slash = entry.find('/');
  const Result<IpAddress> address = ParseIpAddress(entry.substr(0, slash));
  if (slash == std::string_view::npos) {
    if (address.ok()) {
      networks_.push_back({*address, kBitsMax});
      return {};
    }
    // What looks like an address must be one.
    if (!IsHostName(entry) || entry.find_first_not_of("0123456789.") == std::string::npos) {
      return Bad(entry, "is no address, network (192.0.2.0/24) or host name");
    }
    names_.push_back(NormalName(entry));
    return {};
  }
  if (!address.ok()) return Bad(entry, "has no IP address before its /");
  const std::string_view digits = entry.substr(slash + 1);
  const int most = IsIpv4(*address) ? kBitsMax - kIpv4PrefixBits : kBitsMax;
  int bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits < 0 || bits > most) {
    return Bad(entry, "needs a number from 0 to " + std::to_string(most) + " behind its /");
  }
  if (IsIpv4(*address)) bits += kIpv4PrefixBits;
  if (Masked(*address, bits) != *address) {
    return Bad(entry, "has bits set behind its prefix; write " +
                          FormatIpAddress(Masked(*address, bits)) + "/" + std::string(digits));
  }
  networks_.push_back({*address, bits});
  return {};
}

bool AllowedTargets::AllowsName(std::string_view host) const {
  return std::find(names_.begin(), names_.end(), NormalName(host)) != names_.end();
}

bool AllowedTargets::AllowsAddress(const IpAddress& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    // IPv4 is mapped into IPv6 here, and yet "::/0" means IPv6 alone.
    return IsIpv4(address) == IsIpv4(network.prefix) &&
           HasPrefix(address, network.prefix, network.bits);
  });
}

}  // namespace warden::config
