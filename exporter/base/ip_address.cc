#include "exporter/base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "exporter/base/text.h"

namespace warden {
namespace {

constexpr std::size_t kIpv4At = kIpv4PrefixBits / 8;

}  // namespace

IpAddress MapIpv4(const std::uint8_t* bytes) {
  IpAddress mapped{};
  mapped[kIpv4At - 2] = mapped[kIpv4At - 1] = 0xff;
  std::copy_n(bytes, sizeof(in_addr), mapped.begin() + kIpv4At);
  return mapped;
}

bool IsIpv4(const IpAddress& address) {
  const IpAddress mapped = MapIpv4(address.data() + kIpv4At);
  return address == mapped;
}

Result<IpAddress> ParseIpAddress(std::string_view text) {
  const std::string address(text);
  in_addr v4{};
  in6_addr v6{};
  // inet_pton would stop at a NUL and read the rest as if it were not there.
  if (text.find('\0') == std::string_view::npos) {
    if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
      return MapIpv4(reinterpret_cast<const std::uint8_t*>(&v4));
    }
    if (inet_pton(AF_INET6, address.c_str(), &v6) == 1) {
      IpAddress result{};
      std::copy(std::begin(v6.s6_addr), std::end(v6.s6_addr), result.begin());
      return result;
    }
  }
  return Status(Code::kInvalidArgument, "\"" + ToSingleLine(text, 128) + "\" is no IP address");
}

std::string FormatIpAddress(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IsIpv4(address)) {
    inet_ntop(AF_INET, address.data() + kIpv4At, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  }
  return text.data();
}

}  // namespace warden
