#include "exporter/base/tcp_probe.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace warden {
namespace {

// A port of 127.0.0.1 that is taken, and answers once it listens.
class Port {
 public:
  Port() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    number_ = ntohs(address.sin_port);
  }
  ~Port() { close(fd_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  void Listen() const { EXPECT_EQ(listen(fd_, 4), 0); }
  std::uint16_t number() const { return number_; }

 private:
  int fd_;
  std::uint16_t number_ = 0;
};

Deadline In(Milliseconds time, std::stop_token stop = {}) {
  return {.at = std::chrono::steady_clock::now() + time, .stop = std::move(stop)};
}

class TcpProbe : public ::testing::Test {
 protected:
  SystemClock clock_;
  SystemResolver resolver_{clock_};
};

TEST_F(TcpProbe, TellsAListenerFromAPortWithoutOne) {
  const Port port;
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    EXPECT_FALSE(*AcceptsTcp(resolver_, host, port.number(), In(Seconds(5)))) << host;
  }
  port.Listen();
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    EXPECT_TRUE(*AcceptsTcp(resolver_, host, port.number(), In(Seconds(5)))) << host;
  }
}

TEST_F(TcpProbe, SaysThatANameHasNoAddress) {
  EXPECT_FALSE(AcceptsTcp(resolver_, "no-such-host.invalid", 2380, In(Seconds(5))).ok());
}

TEST_F(TcpProbe, EndsAtAStop) {
  std::stop_source stop;
  stop.request_stop();
  // An address for documentation, which nobody has: refused at once or silent, and then stopped.
  const auto answer = AcceptsTcp(resolver_, "192.0.2.1", 2380, In(Seconds(60), stop.get_token()));
  EXPECT_TRUE(!answer.ok() || !*answer);
}

}  // namespace
}  // namespace warden
