#include "exporter/config/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "exporter/base/text.h"

namespace warden::config {
namespace {

struct Scheme {
  std::string_view name;
  bool tls;
  bool unix_socket;
};
constexpr std::array<Scheme, 4> kSchemes = {
    {{"http", false, false}, {"https", true, false}, {"unix", false, true}, {"unixs", true, true}}};
constexpr std::string_view kSeparator = "://";
constexpr std::size_t kUnixPathBytesMax = 107;  // sockaddr_un::sun_path without its final NUL

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsOneOf(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

// User info is refused, but an operator who tried it typed a password: it never reaches a message.
std::string Shown(std::string_view url) {
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos) return "\"" + ToSingleLine(url, 128) + "\"";
  return "\"***@" + ToSingleLine(url.substr(at + 1), 128) + "\"";
}

Status Bad(std::string_view url, std::string_view what) {
  return {Code::kInvalidArgument, Shown(url) + " " + std::string(what)};
}

bool LooksLikeIpv4(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// The address in its shortest spelling, so that two spellings of one address are one target.
std::optional<std::string> NormalIpv6(std::string_view address) {
  if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
    return std::nullopt;
  }
  in6_addr binary{};
  if (inet_pton(AF_INET6, std::string(address).c_str(), &binary) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &binary, text.data(), text.size());
  return std::string(text.data());
}

// gRPC's name for the host, up to its port.
Result<std::string> HostTarget(std::string_view url, std::string_view host) {
  if (host.starts_with('[')) {
    const auto address = NormalIpv6(host.substr(1, host.size() - 2));
    if (!address) return Bad(url, "has no valid IPv6 address between its brackets");
    return "ipv6:[" + *address + "]";
  }
  if (host.empty()) return Bad(url, "has no host");
  if (LooksLikeIpv4(host)) {
    in_addr ignored{};
    if (inet_pton(AF_INET, std::string(host).c_str(), &ignored) != 1) {
      return Bad(url, "has no valid IPv4 address");
    }
    return "ipv4:" + std::string(host);
  }
  if (!IsHostName(host)) return Bad(url, "has no valid host name");
  return "dns:///" + ToLower(host);
}

Result<std::string> SocketTarget(std::string_view url, std::string_view path) {
  if (!path.starts_with('/'))
    return Bad(url, "needs an absolute path, as in unix:///run/etcd.sock");
  if (path.size() < 2 || path.ends_with('/')) return Bad(url, "names no socket");
  if (path.size() > kUnixPathBytesMax) return Bad(url, "is longer than a socket's path may be");
  for (const char c : path) {
    // gRPC reads the path as part of a URI; what would need an escape there is refused.
    if (!IsAlphanumeric(c) && !IsOneOf(c, "/._-~+@=:")) {
      return Bad(url, "has a character in its path that is none of A-Z a-z 0-9 / . _ - ~ + @ = :");
    }
  }
  return "unix:" + std::string(path);
}

std::optional<unsigned> ParsePort(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (port < 1 || port > 65535) return std::nullopt;
  return port;
}

Result<std::string> NetworkTarget(std::string_view url, std::string_view scheme,
                                  std::string_view rest) {
  if (IsOneOf('@', rest)) return Bad(url, "names a user; set the user apart from the endpoint");
  if (IsOneOf(',', rest)) return Bad(url, "holds several endpoints; give each one on its own");
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    return Bad(url, "has a path or a query; end it after the port");
  }
  const std::string suggested = std::string(scheme.empty() ? "https" : scheme) + "://";
  std::size_t host_end = std::min(rest.find(':'), rest.size());
  if (rest.starts_with('[')) {
    host_end = rest.find(']') + 1;  // 0 if there is none
    if (host_end == 0) return Bad(url, "has no closing \"]\"");
  } else if (host_end != std::min(rest.rfind(':'), rest.size())) {
    return Bad(url, "needs brackets around its IPv6 address; write " + suggested + "[::1]:2379");
  }
  const std::string_view host = rest.substr(0, host_end);
  const std::string_view tail = rest.substr(host_end);
  WARDEN_ASSIGN_OR_RETURN(std::string target, HostTarget(url, host));
  if (tail.empty() || tail == ":") {
    return Bad(url, "has no port; write " + suggested + std::string(host) + ":2379");
  }
  if (!tail.starts_with(':')) return Bad(url, "has no \":\" between its host and its port");
  const auto port = ParsePort(tail.substr(1));
  if (!port) return Bad(url, "has a port that is no number from 1 to 65535");
  return target + ":" + std::to_string(*port);
}

}  // namespace

bool IsHostName(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return false;
  const auto labels = Split(host, '.');
  return std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(),
                       [](char c) { return IsAlphanumeric(c) || IsOneOf(c, "-_"); });
  });
}

Result<Endpoint> ParseEndpoint(std::string_view url) {
  if (url.empty()) return Status(Code::kInvalidArgument, "an endpoint is empty");
  const std::size_t separator = url.find(kSeparator);
  if (separator == std::string_view::npos) {
    WARDEN_ASSIGN_OR_RETURN(std::string target, NetworkTarget(url, "", url));
    return Endpoint{std::string(url), std::move(target), false};
  }
  const std::string_view name = url.substr(0, separator);
  const std::string_view rest = url.substr(separator + kSeparator.size());
  const auto* scheme = std::find_if(kSchemes.begin(), kSchemes.end(),
                                    [&](const Scheme& known) { return known.name == name; });
  if (scheme == kSchemes.end()) {
    return Bad(url, "has an unknown scheme; use https, http, unixs or unix");
  }
  Result<std::string> target =
      scheme->unix_socket ? SocketTarget(url, rest) : NetworkTarget(url, name, rest);
  if (!target.ok()) return target.error();
  return Endpoint{std::string(url), *std::move(target), scheme->tls};
}

}  // namespace warden::config
