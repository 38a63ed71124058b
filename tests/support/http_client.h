// A client of raw sockets: it sends what a test says, however wrong, and waits for nothing longer
// than ten seconds.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/http_reply.h"

namespace warden::testing {

// One TCP connection to this machine. Not thread-safe.
class HttpConnection {
 public:
  // AF_INET connects to 127.0.0.1, AF_INET6 to [::1].
  explicit HttpConnection(int port, int family = AF_INET)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const sockaddr_in6 v6{AF_INET6, v4.sin_port, 0, in6addr_loopback, 0};
    const int failed = family == AF_INET
                           ? connect(fd_, reinterpret_cast<const sockaddr*>(&v4), sizeof(v4))
                           : connect(fd_, reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
    EXPECT_EQ(failed, 0) << "connect to the server under test";
  }
  HttpConnection(const HttpConnection&) = delete;
  ~HttpConnection() {
    tls_.reset();
    close(fd_);
  }

  // From here on everything goes through TLS. False if the handshake fails; with TLS 1.3 a refused
  // client certificate shows only when something is read.
  bool StartTls(SSL_CTX* context) {
    tls_.reset(SSL_new(context));
    SSL_set_fd(tls_.get(), fd_);
    return SSL_connect(tls_.get()) == 1;
  }
  // What was agreed on; after StartTls.
  SSL* tls() const { return tls_.get(); }

  // False once the server has closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent =
          tls_ == nullptr ? send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                          : SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Everything until the server closes.
  std::string ReadAll() {
    while (ReadMore()) {
    }
    return std::exchange(pending_, {});
  }

  // One answer; what follows it stays for the next call. `head`: it has no body whatever its header
  // says. `on_bytes`, if any, is told what has come of the body, and may take its time.
  HttpReply ReadReply(bool head = false,
                      const std::function<void(std::size_t)>& on_bytes = nullptr) {
    std::size_t end = 0;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadMore()) return {};
    }
    HttpReply reply = ParseReplyHeader(pending_.substr(0, end + 2));
    pending_.erase(0, end + 4);
    const auto length = reply.headers.find("content-length");
    if (head || length == reply.headers.end()) return reply;
    const std::size_t wanted = std::stoul(length->second);
    for (std::size_t had = pending_.size(); had < wanted && ReadMore(); had = pending_.size()) {
      if (on_bytes) on_bytes(pending_.size() - had);
    }
    reply.body = pending_.substr(0, wanted);
    pending_.erase(0, wanted);
    return reply;
  }

 private:
  bool ReadMore() {
    char buffer[4096];
    errno = 0;
    const ssize_t count = tls_ == nullptr ? recv(fd_, buffer, sizeof(buffer), 0)
                                          : SSL_read(tls_.get(), buffer, sizeof(buffer));
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      ADD_FAILURE() << "the server neither answered nor closed within ten seconds";
    }
    if (count > 0) pending_.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  const int fd_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, &SSL_free};
  std::string pending_;
};

// One request on a connection of its own.
inline HttpReply Ask(int port, std::string_view method, std::string_view path,
                     const HttpHeaders& headers = {}, std::string_view body = {}) {
  HttpConnection connection(port);
  connection.Send(FormatRequest(method, path, headers, body));
  return connection.ReadReply(method == "HEAD");
}

inline HttpReply Get(int port, std::string_view path, const HttpHeaders& headers = {}) {
  return Ask(port, "GET", path, headers);
}

inline HttpReply Post(int port, std::string_view path, std::string_view body,
                      const HttpHeaders& headers = {}) {
  return Ask(port, "POST", path, headers, body);
}

// Sends the bytes as they are and returns everything until the server closes.
inline std::string SendRaw(int port, std::string_view bytes) {
  HttpConnection connection(port);
  connection.Send(bytes);
  return connection.ReadAll();
}

}  // namespace warden::testing
