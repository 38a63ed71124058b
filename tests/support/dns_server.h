// A name server on a free UDP port of 127.0.0.1 that knows one thing: the addresses the test set.
// The format of its messages: RFC 1035, section 4.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporter/base/mutex.h"

namespace warden::testing {

// Thread-safe.
class DnsServer {
 public:
  DnsServer() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (fd_ < 0 || bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no UDP port for the test");
    }
    port_ = ntohs(address.sin_port);
    server_ = std::thread([this] { Serve(); });
  }
  ~DnsServer() {
    shutdown(fd_, SHUT_RDWR);
    server_.join();
    close(fd_);
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // gRPC's target for "host:port" that is looked up here.
  std::string Target(const std::string& authority) const {
    return "dns://127.0.0.1:" + std::to_string(port_) + "/" + authority;
  }
  // Every name has these IPv4 addresses from now on; with none it does not exist.
  void Set(std::vector<std::string> addresses) {
    MutexLock lock(mutex_);
    addresses_ = std::move(addresses);
  }

 private:
  static constexpr std::size_t kHeaderBytes = 12;

  void Serve() {
    std::array<char, 512> buffer{};
    sockaddr_in peer{};
    while (true) {
      socklen_t size = sizeof(peer);
      const ssize_t got =
          recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
      if (got <= 0) return;
      const std::string answer = Answer({buffer.data(), static_cast<std::size_t>(got)});
      sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&peer), size);
    }
  }

  std::string Answer(const std::string& query) const {
    std::size_t end = kHeaderBytes;  // of the question: labels, a zero, type and class
    while (end < query.size() && query[end] != 0)
      end += static_cast<unsigned char>(query[end]) + 1U;
    end += 5;
    if (end > query.size()) return {};
    const bool wants_ipv4 = query[end - 3] == 1;
    std::vector<std::string> addresses;
    bool exists = false;
    {
      MutexLock lock(mutex_);
      exists = !addresses_.empty();
      if (wants_ipv4) addresses = addresses_;
    }
    std::string answer = query.substr(0, 2);                        // id
    answer += std::string("\x81", 1) + (exists ? '\x80' : '\x83');  // a response; no such name
    answer += std::string("\0\1\0", 3) + static_cast<char>(addresses.size());
    answer += std::string(4, '\0') + query.substr(kHeaderBytes, end - kHeaderBytes);
    for (const std::string& address : addresses) {
      // The name of the question, an address of the Internet, kept for no time, four bytes.
      answer += std::string("\xc0\x0c\0\1\0\1\0\0\0\0\0\4", 12);
      in_addr binary{};
      inet_pton(AF_INET, address.c_str(), &binary);
      answer.append(reinterpret_cast<const char*>(&binary), sizeof(binary));
    }
    return answer;
  }

  const int fd_;
  int port_ = 0;
  mutable Mutex mutex_;
  std::vector<std::string> addresses_ WARDEN_GUARDED_BY(mutex_);
  std::thread server_;
};

}  // namespace warden::testing
