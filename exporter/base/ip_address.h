// IP addresses as values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/base/result.h"

namespace warden {

// IPv4 is written as IPv6 does it (::ffff:192.0.2.1), so that both spellings are one.
using IpAddress = std::array<std::uint8_t, 16>;
inline constexpr int kIpv4PrefixBits = 96;  // of ::ffff:0:0/96

// From the four bytes of an IPv4 address.
IpAddress MapIpv4(const std::uint8_t* bytes);
bool IsIpv4(const IpAddress& address);

// "192.0.2.1", "2001:db8::1" (no brackets, no zone); kInvalidArgument otherwise.
Result<IpAddress> ParseIpAddress(std::string_view text);
// The usual spelling; IPv4 as IPv4.
std::string FormatIpAddress(const IpAddress& address);

}  // namespace warden
