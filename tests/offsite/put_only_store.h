// An object store whose credentials may do one thing: put objects. It notes what it is asked.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace warden::testing {

// Thread-safe.
class PutOnlyStore {
 public:
  PutOnlyStore() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd_, generic, size) != 0 || ::listen(fd_, 16) != 0 ||
        ::getsockname(fd_, generic, &size) != 0) {
      throw std::runtime_error("no TCP port for the test");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int peer = 0; (peer = ::accept(fd_, nullptr, nullptr)) >= 0; ::close(peer)) Serve(peer);
    });
  }
  ~PutOnlyStore() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  PutOnlyStore(const PutOnlyStore&) = delete;
  PutOnlyStore& operator=(const PutOnlyStore&) = delete;

  int port() const { return port_; }
  // "PUT /bucket/name", in order.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // The body of the last put.
  std::string object() const {
    const std::lock_guard lock(mutex_);
    return object_;
  }

 private:
  static bool Receive(int peer, std::string& text) {
    char buffer[65536];
    const ssize_t count = ::recv(peer, buffer, sizeof(buffer), 0);
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  // One request for each connection.
  void Serve(int peer) {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      if (!Receive(peer, text)) return;
    }
    const std::size_t head = text.find("\r\n\r\n") + 4;
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t at = text.substr(0, head).find(kLength);
    const std::size_t length =
        at == std::string::npos ? 0 : std::stoul(text.substr(at + kLength.size(), 20));
    while (text.size() < head + length) {
      if (!Receive(peer, text)) return;
    }
    const bool is_put = text.starts_with("PUT ");
    const std::string reply = std::string("HTTP/1.1 ") + (is_put ? "200 OK" : "403 Forbidden") +
                              "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(text.substr(0, text.find_first_of(" ?", text.find(' ') + 1)));
      if (is_put) object_ = text.substr(head);
    }
    ::send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
  }

  const int fd_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::string object_;
  std::thread thread_;
};

}  // namespace warden::testing
