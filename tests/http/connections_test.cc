#include "exporter/http/connections.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <vector>

namespace warden::http {
namespace {

// A connection as the server sees it, and its client's end.
class Pair {
 public:
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets_), 0); }
  ~Pair() {
    close(sockets_[0]);
    close(sockets_[1]);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  int socket() const { return sockets_[0]; }
  // Only its address counts.
  const mg_connection* id() const { return reinterpret_cast<const mg_connection*>(this); }
  // Whether the client sees the end within the time.
  bool Ends(Milliseconds patience) const {
    pollfd wanted{.fd = sockets_[1], .events = POLLIN, .revents = 0};
    return poll(&wanted, 1, static_cast<int>(patience.count())) == 1;
  }

 private:
  int sockets_[2] = {-1, -1};
};

constexpr Milliseconds kLong{10'000};
constexpr Milliseconds kShort{100};

class Threads : public ::testing::Test {
 protected:
  // Of eight threads two are to be free.
  Connections connections_{8};
  std::vector<std::unique_ptr<Pair>> pairs_;

  Pair& Begin() {
    Pair& pair = *pairs_.emplace_back(std::make_unique<Pair>());
    connections_.Begin(pair.id(), pair.socket());
    return pair;
  }
  void TearDown() override {
    for (const auto& pair : pairs_) connections_.End(pair->id());
  }
};

TEST_F(Threads, AreLeftToWhoeverWaitsWhileSomeAreFree) {
  for (int i = 0; i < 6; ++i) Begin();
  EXPECT_FALSE(pairs_.front()->Ends(kShort));
}

TEST_F(Threads, AreTakenFromWhoeverWaitsLongest) {
  for (int i = 0; i < 8; ++i) Begin();
  EXPECT_TRUE(pairs_[0]->Ends(kLong));
  EXPECT_TRUE(pairs_[1]->Ends(kLong));
  for (int i = 2; i < 8; ++i)
    EXPECT_FALSE(pairs_[static_cast<std::size_t>(i)]->Ends(Milliseconds(10)));
}

TEST_F(Threads, AreLeftToWhoeverWorks) {
  for (int i = 0; i < 8; ++i) connections_.Work(Begin().id());
  EXPECT_FALSE(pairs_.front()->Ends(kShort));
  // The last one to work becomes the first to wait.
  connections_.Wait(pairs_.back()->id(), Connections::kRequestPatience);
  EXPECT_TRUE(pairs_.back()->Ends(kLong));
  EXPECT_FALSE(pairs_.front()->Ends(Milliseconds(10)));
}

TEST_F(Threads, AreFreeAgainAtTheEnd) {
  for (int i = 0; i < 20; ++i) {
    Pair& pair = Begin();
    connections_.End(pair.id());
  }
  Pair& last = Begin();
  EXPECT_FALSE(last.Ends(kShort));
}

TEST_F(Threads, AreNotKeptByBeginningAgain) {
  for (int i = 0; i < 8; ++i) Begin();
  const SteadyTime patience = SystemClock().Steady() + kLong;
  while (!pairs_[0]->Ends(Milliseconds(1)) && SystemClock().Steady() < patience) {
    connections_.Begin(pairs_[0]->id(), pairs_[0]->socket());
  }
  EXPECT_TRUE(pairs_[0]->Ends(Milliseconds(0)));
}

}  // namespace
}  // namespace warden::http
