// A TCP port of 127.0.0.1 that is no etcd.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "exporter/config/endpoint.h"

namespace warden::testing {

class TcpPort {
 public:
  enum class Kind {
    kRefuses,
    kHangs,  // connects and says nothing: the look of an etcd that waits for its quorum
  };
  explicit TcpPort(Kind kind) : fd_(Bind()) {
    if (kind == Kind::kHangs) Listen();
  }
  // Says `greeting` to everybody and closes.
  explicit TcpPort(std::string greeting) : fd_(Bind()) {
    Listen();
    greeter_ = std::thread([this, text = std::move(greeting)] {
      for (int peer = 0; (peer = accept(fd_, nullptr, nullptr)) >= 0; close(peer)) {
        send(peer, text.data(), text.size(), MSG_NOSIGNAL);
      }
    });
  }
  ~TcpPort() {
    shutdown(fd_, SHUT_RDWR);
    if (greeter_.joinable()) greeter_.join();
    close(fd_);
  }
  TcpPort(const TcpPort&) = delete;
  TcpPort& operator=(const TcpPort&) = delete;

  int fd() const { return fd_; }

  config::Endpoint endpoint(bool tls = false) const {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    Require(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const std::string text = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    return {.url = (tls ? "https://" : "http://") + text, .target = "ipv4:" + text, .tls = tls};
  }

 private:
  static void Require(bool ok) {
    if (!ok) throw std::runtime_error("no TCP port for the test");
  }

  static int Bind() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Require(fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    return fd;
  }

  void Listen() const { Require(listen(fd_, 16) == 0); }

  const int fd_;
  std::thread greeter_;
};

}  // namespace warden::testing
