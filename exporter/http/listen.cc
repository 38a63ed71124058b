#include "exporter/http/listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>

namespace warden::http {
namespace {

constexpr int kPortMax = 65'535;

struct Socket {
  explicit Socket(int family) : fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd >= 0) close(fd);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  const int fd;
};

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
};

// Binds the way civetweb does and lets go again: civetweb reports a failure only as text in its
// log. Returns 0 or errno.
int TryBind(const Endpoint& endpoint, bool dual_stack) {
  const Socket probe(endpoint.address.ss_family);
  if (probe.fd < 0) return errno;
  const int on = 1;
  const int v6_only = dual_stack ? 0 : 1;
  setsockopt(probe.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (endpoint.address.ss_family == AF_INET6) {
    setsockopt(probe.fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
  }
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.address);
  return bind(probe.fd, address, endpoint.length) == 0 ? 0 : errno;
}

Result<Endpoint> Resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const char* node = host.empty() ? "0.0.0.0" : host.c_str();
  const int failure = getaddrinfo(node, std::to_string(port).c_str(), &hints, &list);
  if (failure != 0) return Status(Code::kFailedPrecondition, gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  const addrinfo* chosen = list;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET) continue;
    chosen = each;
    break;
  }
  Endpoint endpoint;
  std::memcpy(&endpoint.address, chosen->ai_addr, chosen->ai_addrlen);
  endpoint.length = chosen->ai_addrlen;
  return endpoint;
}

Endpoint AnyIpv6(int port) {
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(static_cast<std::uint16_t>(port));
  Endpoint endpoint;
  std::memcpy(&endpoint.address, &any, sizeof(any));
  endpoint.length = sizeof(any);
  return endpoint;
}

Status BindFailure(int error) {
  return {Code::kFailedPrecondition, std::generic_category().message(error)};
}

Result<std::string> Prepare(const ListenAddress& address) {
  const std::string port = std::to_string(address.port);
  if (address.host.empty()) {
    const int error = TryBind(AnyIpv6(address.port), /*dual_stack=*/true);
    if (error == 0) return "+" + port;
    // Only a machine without IPv6 goes on with IPv4 alone.
    if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) return BindFailure(error);
  }
  WARDEN_ASSIGN_OR_RETURN(const Endpoint endpoint, Resolve(address.host, address.port));
  const int error = TryBind(endpoint, /*dual_stack=*/false);
  if (error != 0) return BindFailure(error);
  char numeric[NI_MAXHOST];
  const auto* socket_address = reinterpret_cast<const sockaddr*>(&endpoint.address);
  const int failure = getnameinfo(socket_address, endpoint.length, numeric, sizeof(numeric),
                                  nullptr, 0, NI_NUMERICHOST);
  if (failure != 0) return Status(Code::kFailedPrecondition, gai_strerror(failure));
  const bool is_ipv6 = endpoint.address.ss_family == AF_INET6;
  return (is_ipv6 ? "[" + std::string(numeric) + "]:" : std::string(numeric) + ":") + port;
}

}  // namespace

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const Status malformed(Code::kInvalidArgument, "want host:port, :port or [IPv6 address]:port");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed;
  ListenAddress address;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 3) return malformed;
    host = host.substr(1, host.size() - 2);
    if (host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
      return malformed;
    }
  } else if (host.find_first_of(":[], \t\r\n") != std::string_view::npos) {
    return malformed;
  }
  address.host = host;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || port.front() == '-' ||
      address.port > kPortMax) {
    return Status(Code::kInvalidArgument, "the port must be a number from 0 to 65535");
  }
  return address;
}

Result<std::string> PrepareListener(std::string_view text) {
  const std::string context = "listen on " + std::string(text);
  Result<ListenAddress> address = ParseListenAddress(text);
  if (!address.ok()) return address.error().WithContext(context);
  return Prepare(*address).WithContext(context);
}

}  // namespace warden::http
