#include "exporter/base/tcp_probe.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

namespace warden {
namespace {

constexpr Milliseconds kLook{50};  // between two looks at a stop request

class Socket {
 public:
  explicit Socket(int family)
      : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

sockaddr_storage MakeAddress(const IpAddress& address, std::uint16_t port, socklen_t& size) {
  sockaddr_storage storage{};
  if (IsIpv4(address)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.data() + kIpv4PrefixBits / 8, sizeof(v4.sin_addr));
    std::memcpy(&storage, &v4, size = sizeof(v4));
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.data(), sizeof(v6.sin6_addr));
    std::memcpy(&storage, &v6, size = sizeof(v6));
  }
  return storage;
}

// Until the connection is made or refused.
Result<bool> Finish(int fd, const Deadline& deadline) {
  while (true) {
    if (deadline.stop.stop_requested()) return Status(Code::kCancelled, "stopped");
    const auto left = deadline.at - std::chrono::steady_clock::now();
    if (left <= Nanoseconds::zero()) return false;
    pollfd wanted{.fd = fd, .events = POLLOUT, .revents = 0};
    const auto wait = std::min(kLook, std::chrono::ceil<Milliseconds>(left));
    if (::poll(&wanted, 1, static_cast<int>(wait.count())) <= 0) continue;
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
    return error == 0;
  }
}

Result<bool> Connect(const IpAddress& address, std::uint16_t port, const Deadline& deadline) {
  const Socket socket(IsIpv4(address) ? AF_INET : AF_INET6);
  if (socket.get() < 0) {
    // A machine without IPv6 reaches nobody there.
    if (errno == EAFNOSUPPORT) return false;
    return Status(Code::kUnknown, "make a socket: " + std::generic_category().message(errno));
  }
  socklen_t size = 0;
  const sockaddr_storage to = MakeAddress(address, port, size);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), size) == 0) return true;
  if (errno != EINPROGRESS && errno != EINTR) return false;
  return Finish(socket.get(), deadline);
}

}  // namespace

Result<bool> AcceptsTcp(Resolver& resolver, const std::string& host, std::uint16_t port,
                        const Deadline& deadline) {
  std::vector<IpAddress> addresses;
  if (const Result<IpAddress> literal = ParseIpAddress(host); literal.ok()) {
    addresses = {*literal};
  } else {
    WARDEN_ASSIGN_OR_RETURN(addresses, resolver.Resolve(host, deadline.at));
  }
  // One that is silent must not take the others' time.
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const SteadyTime now = std::chrono::steady_clock::now();
    const auto share = (deadline.at - now) / static_cast<std::int64_t>(addresses.size() - i);
    const Result<bool> accepted =
        Connect(addresses[i], port, {.at = now + share, .stop = deadline.stop});
    if (!accepted.ok() || *accepted) return accepted;
  }
  return false;
}

}  // namespace warden
