#include "exporter/app/public_address.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "exporter/base/ip_address.h"
#include "exporter/base/text.h"
#include "exporter/config/endpoint.h"

namespace warden::app {
namespace {

bool IsPort(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return HasOnly(text, "") && error == std::errc() && end == text.data() + text.size() &&
         port >= 1 && port <= 65535;
}

bool IsBracketedIpv6(std::string_view host) {
  if (!host.starts_with('[') || !host.ends_with(']')) return false;
  host = host.substr(1, host.size() - 2);
  return host.find(':') != std::string_view::npos && ParseIpAddress(host).ok();
}

// "host" and "80" of "host:80"; the port is missing where there is no colon outside brackets.
std::pair<std::string_view, std::optional<std::string_view>> SplitPort(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const std::size_t bracket = address.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return {address, std::nullopt};
  }
  return {address.substr(0, colon), address.substr(colon + 1)};
}

Result<std::string> NormalPrefix(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!HasOnly(path, "-._~/") || path.find("//") != std::string_view::npos) {
    return Status(Code::kInvalidArgument, "the path \"" + ToSingleLine(path, 128) +
                                              "\" may have letters, digits and -._~ between /");
  }
  return path.empty() ? std::string() : "/" + std::string(path);
}

// The parts of http(s)://host[:port][/path].
Result<PublicAddress> ParseUrl(std::string_view url) {
  const Status malformed(Code::kInvalidArgument, "\"" + ToSingleLine(url, 128) +
                                                     "\" is no URL such as "
                                                     "https://example.org/warden");
  PublicAddress address;
  const std::size_t separator = url.find("://");
  if (separator == std::string_view::npos) return malformed;
  address.scheme = ToLower(url.substr(0, separator));
  if (address.scheme != "http" && address.scheme != "https") return malformed;
  const std::string_view rest = url.substr(separator + 3);
  const std::size_t host_end = std::min(rest.find_first_of("/?#"), rest.size());
  address.host = rest.substr(0, host_end);
  if (!LooksLikeAddress(address.host)) return malformed;
  // Prometheus' targets have a port; a URL may leave it to the scheme.
  if (!SplitPort(address.host).second) {
    address.host += address.scheme == "https" ? ":443" : ":80";
  }
  WARDEN_ASSIGN_OR_RETURN(address.external_path, NormalPrefix(rest.substr(host_end)));
  return address;
}

}  // namespace

Result<PublicAddress> MakePublicAddress(std::string_view route_prefix,
                                        std::string_view external_url) {
  PublicAddress address;
  if (!external_url.empty()) {
    Result<PublicAddress> external = ParseUrl(external_url);
    if (!external.ok()) return external.error().WithContext("--web.external-url");
    address = *std::move(external);
  }
  address.prefix = address.external_path;
  if (!route_prefix.empty()) {
    Result<std::string> prefix = NormalPrefix(route_prefix);
    if (!prefix.ok()) return prefix.error().WithContext("--web.route-prefix");
    address.prefix = *std::move(prefix);
    if (external_url.empty()) address.external_path = address.prefix;
  }
  // Whoever protects /-/reload by its path would not protect what stands beside it.
  if ((address.prefix + "/").starts_with("/-/")) {
    return Status(Code::kInvalidArgument, "--web.route-prefix: \"" + address.prefix +
                                              "\" must not begin with /-/, where the paths of "
                                              "this program's own management are");
  }
  return address;
}

bool LooksLikeAddress(std::string_view text) {
  const auto [host, port] = SplitPort(text);
  if (port && !IsPort(*port)) return false;
  return config::IsHostName(host) || IsBracketedIpv6(host);
}

}  // namespace warden::app
