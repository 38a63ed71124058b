// A TCP connection's way to a server of 127.0.0.1 that can be narrowed.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <thread>

#include "tests/support/tcp_port.h"

namespace warden::testing {

// Relays one connection to the port. Thread-safe.
class Relay {
 public:
  explicit Relay(int port) : port_(port), worker_([this] { Serve(); }) {}
  ~Relay() {
    ended_ = true;
    worker_.join();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  config::Endpoint endpoint() const { return listener_.endpoint(); }
  // The client gets this many bytes more and then nothing.
  void Narrow(std::int64_t bytes) { left_ = bytes; }
  void Widen() { left_ = kUnlimited; }

 private:
  static constexpr int kPollMs = 5;
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  void Serve() {
    const int client = WaitFor(listener_.fd()) ? accept(listener_.fd(), nullptr, nullptr) : -1;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      while (!ended_ && Move(client, server, kUnlimited) && MoveBack(server, client)) {
      }
    }
    close(server);
    if (client >= 0) close(client);
  }

  bool MoveBack(int server, int client) {
    const std::int64_t left = left_;
    if (left == 0) return true;
    const std::int64_t before = moved_;
    const bool open = Move(server, client, left);
    // Unless it was set anew meanwhile.
    std::int64_t expected = left;
    left_.compare_exchange_strong(expected, left - (moved_ - before));
    return open;
  }

  // Moves what there is, at most `bytes`; false at the end.
  bool Move(int from, int to, std::int64_t bytes) {
    if (!IsReadable(from)) return true;
    std::array<char, 4096> buffer{};
    const auto most = static_cast<std::size_t>(std::min<std::int64_t>(bytes, buffer.size()));
    const ssize_t got = recv(from, buffer.data(), most, 0);
    if (got <= 0) return false;
    moved_ += got;
    return send(to, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
  }

  static bool IsReadable(int fd) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&waiting, 1, kPollMs) == 1;
  }

  bool WaitFor(int fd) const {
    while (!ended_) {
      if (IsReadable(fd)) return true;
    }
    return false;
  }

  const int port_;
  const TcpPort listener_{TcpPort::Kind::kHangs};
  std::atomic<bool> ended_ = false;
  std::atomic<std::int64_t> left_ = kUnlimited;
  std::int64_t moved_ = 0;
  std::thread worker_;
};

}  // namespace warden::testing
