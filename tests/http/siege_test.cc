// Clients that connect and do not get on: everybody else is served all the same.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <memory>
#include <thread>

#include "tests/http/http_server.h"
#include "tests/support/bcrypt.h"
#include "tests/support/certificates.h"
#include "tests/support/tls_client.h"

namespace warden::http {
namespace {

using Crowd = std::vector<std::unique_ptr<HttpConnection>>;

constexpr int kIdle = 1000;
constexpr int kDripping = 200;
constexpr int kProbes = 20;
// Far below a second where the machine has nothing else to do; a busy one may take longer once or
// twice.
constexpr Seconds kUsually{1};
constexpr Seconds kPatience{5};

class Siege : public HttpServer {
 protected:
  Siege() {
    // Both ends of each connection are in this process.
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }

  void StartTls() {
    ca_.Issue("server");
    Start({.listen_addresses = {},
           .web_config_file = dir_.Write("web.yml",
                                         "tls_server_config:\n  cert_file: server.crt\n"
                                         "  key_file: server.key\n")});
  }

  Crowd Connect(int count) const {
    Crowd crowd;
    for (int i = 0; i < count; ++i) crowd.push_back(std::make_unique<HttpConnection>(port_));
    return crowd;
  }

  // Asks for the health time and again, each time on a connection of its own.
  void ExpectHealth(const testing::TlsClient* tls = nullptr) const {
    std::vector<Nanoseconds> durations;
    for (int i = 0; i < kProbes; ++i) {
      const SteadyTime start = SystemClock().Steady();
      const HttpReply reply =
          tls == nullptr ? Get(port_, "/-/healthy") : tls->Get(port_, "/-/healthy");
      EXPECT_EQ(reply.code, 200) << "probe " << i;
      durations.emplace_back(SystemClock().Steady() - start);
    }
    std::sort(durations.begin(), durations.end());
    EXPECT_LT(durations[kProbes / 2], kUsually);
    const Nanoseconds slowest = durations.back();
    EXPECT_LT(slowest, kPatience);
    RecordProperty("slowest_probe_milliseconds",
                   std::to_string(std::chrono::duration_cast<Milliseconds>(slowest).count()));
    std::cout << "slowest probe: " << std::chrono::duration_cast<Milliseconds>(slowest).count()
              << " ms\n";
  }

  testing::TempDir dir_;
  testing::CertificateAuthority ca_{dir_};
};

// Sends a byte on every connection now and then, until it ends.
class Drip {
 public:
  Drip(Crowd& crowd, std::string_view start) : crowd_(crowd) {
    for (const auto& connection : crowd_) connection->Send(start);
    thread_ = std::thread([this] {
      while (!done_) {
        for (const auto& connection : crowd_) connection->Send("x");
        std::this_thread::sleep_for(Milliseconds(5));
      }
    });
  }
  ~Drip() {
    done_ = true;
    thread_.join();
  }
  Drip(const Drip&) = delete;
  Drip& operator=(const Drip&) = delete;

 private:
  Crowd& crowd_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

// Connects crowd after crowd, each of which sends a few bytes, until it ends: threads are scarce
// all the time.
class Newcomers {
 public:
  explicit Newcomers(int port)
      : thread_([this, port] {
          while (!done_) {
            Crowd crowd;
            for (int i = 0; i < kDripping; ++i) {
              crowd.push_back(std::make_unique<HttpConnection>(port));
            }
            for (int i = 0; i < 10 && !done_; ++i) {
              for (const auto& connection : crowd) connection->Send("x");
              std::this_thread::sleep_for(Milliseconds(5));
            }
          }
        }) {}
  ~Newcomers() {
    done_ = true;
    thread_.join();
  }
  Newcomers(const Newcomers&) = delete;
  Newcomers& operator=(const Newcomers&) = delete;

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

TEST_F(Siege, OfIdleConnectionsKeepsNobodyWaiting) {
  Start({});
  const Crowd crowd = Connect(kIdle);
  ExpectHealth();
}

TEST_F(Siege, OfHeadersThatDripKeepsNobodyWaiting) {
  Start({});
  Crowd crowd = Connect(kDripping);
  const Drip drip(crowd, "GET /hello HTTP/1.1\r\nX-Long: ");
  ExpectHealth();
}

TEST_F(Siege, OfNewHeadersThatDripKeepsNobodyWaiting) {
  Start({});
  const Newcomers newcomers(port_);
  ExpectHealth();
}

TEST_F(Siege, OfBodiesWithoutEndKeepsNobodyWaiting) {
  Start({});
  Crowd crowd = Connect(kDripping);
  const Drip drip(crowd, "POST /nowhere HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n");
  ExpectHealth();
}

TEST_F(Siege, OfChunksWithoutEndKeepsNobodyWaiting) {
  Start({});
  Crowd crowd = Connect(kDripping);
  const Drip drip(crowd, "GET /hello HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n");
  ExpectHealth();
}

TEST_F(Siege, OfHeadersWithoutEndKeepsNobodyWaiting) {
  Start({});
  std::atomic<bool> done = false;
  std::vector<std::thread> attackers;
  for (int i = 0; i < 4; ++i) {
    attackers.emplace_back([&] {
      const std::string line = "X-Line: " + std::string(1000, 'x') + "\r\n";
      while (!done) {
        HttpConnection connection(port_);
        bool open = connection.Send("GET /hello HTTP/1.1\r\n");
        while (open && !done) open = connection.Send(line);
      }
    });
  }
  ExpectHealth();
  done = true;
  for (std::thread& attacker : attackers) attacker.join();
}

TEST_F(Siege, OfAnswersThatNobodyReadsKeepsNobodyWaiting) {
  Start({});
  Crowd crowd = Connect(kDripping / 2);
  for (const auto& connection : crowd) connection->Send(FormatRequest("GET", "/page", {}, ""));
  ExpectHealth();
}

// The whole answer takes many times what a client that reads nothing is given.
TEST_F(Siege, LeavesAnAnswerToWhoReadsItSlowlyButSteadily) {
  constexpr std::size_t kBytes = 10'000'000;
  constexpr std::size_t kBytesBetweenRests = 64UL * 1024;
  more_routes_.push_back(MakeRoute("GET", "/long", [](const Request&) {
    return Response{.body = std::string(kBytes, 'x'), .headers = {}};
  }));
  Start({});
  const Newcomers newcomers(port_);
  HttpConnection reader(port_);
  reader.Send(FormatRequest("GET", "/long", {}, ""));
  std::size_t since_rest = 0;
  const HttpReply reply = reader.ReadReply(false, [&](std::size_t count) {
    since_rest += count;
    if (since_rest < kBytesBetweenRests) return;
    since_rest = 0;
    std::this_thread::sleep_for(Milliseconds(20));
  });
  EXPECT_EQ(reply.code, 200);
  EXPECT_EQ(reply.body.size(), kBytes);
}

TEST_F(Siege, OfConnectionsBetweenTwoRequestsKeepsNobodyWaiting) {
  Start({});
  Crowd crowd = Connect(kIdle);
  for (const auto& connection : crowd) connection->Send(FormatRequest("GET", "/hello", {}, ""));
  ExpectHealth();
}

TEST_F(Siege, OfSilenceBeforeTheHandshakeKeepsNobodyWaiting) {
  StartTls();
  const testing::TlsClient client({.ca = ca_.file()});
  const Crowd crowd = Connect(kIdle);
  ExpectHealth(&client);
}

TEST_F(Siege, OfHalfAHandshakeKeepsNobodyWaiting) {
  StartTls();
  const testing::TlsClient client({.ca = ca_.file()});
  Crowd crowd = Connect(kDripping);
  // A record that announces a ClientHello of 500 bytes, of which a byte comes now and then.
  using std::string_view_literals::operator""sv;
  const Drip drip(crowd, "\x16\x03\x01\x01\xf8\x01\x00\x01\xf4\x03\x03"sv);
  ExpectHealth(&client);
}

TEST_F(Siege, OfSilenceAfterTheHandshakeKeepsNobodyWaiting) {
  StartTls();
  const testing::TlsClient client({.ca = ca_.file()});
  Crowd crowd;
  for (int i = 0; i < kDripping; ++i) {
    crowd.push_back(std::make_unique<HttpConnection>(port_));
    crowd.back()->StartTls(client.context());
  }
  ExpectHealth(&client);
}

TEST_F(Siege, OfGuessedPasswordsKeepsNobodyWaiting) {
  std::string hash = testing::Bcrypt("right");
  hash.replace(4, 2, "10");
  Start({.listen_addresses = {},
         .web_config_file = dir_.Write("web.yml", "basic_auth_users: {alice: '" + hash + "'}\n")});
  std::atomic<bool> done = false;
  std::vector<std::thread> attackers;
  for (const char first : std::string("ABCDEFGHIJKLMNOP")) {
    attackers.emplace_back([&, first] {
      // "alice:" and three bytes, in base64.
      for (int i = 0; !done; ++i) {
        const std::string guess = first + std::to_string(100 + i % 900);
        EXPECT_NE(Get(port_, "/hello", {{"Authorization", "Basic YWxpY2U6" + guess}}).code, 200);
      }
    });
  }
  ExpectHealth();
  done = true;
  for (std::thread& attacker : attackers) attacker.join();
}

TEST_F(Siege, LeavesARunningHandlerAlone) {
  std::atomic<bool> release = false;
  more_routes_.push_back(MakeRoute("GET", "/slow", [&](const Request&) {
    while (!release) std::this_thread::sleep_for(Milliseconds(1));
    return Response{.body = "at last", .headers = {}};
  }));
  Start({});
  HttpConnection patient(port_);
  patient.Send(FormatRequest("GET", "/slow", {}, ""));
  const Crowd crowd = Connect(kIdle);
  ExpectHealth();
  release = true;
  EXPECT_EQ(patient.ReadReply().body, "at last");
}

}  // namespace
}  // namespace warden::http
