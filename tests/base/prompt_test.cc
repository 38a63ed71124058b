// Lines from standard input, which is a pipe here.
#include "exporter/base/prompt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

namespace warden {
namespace {

// Stands for what somebody types.
class Typed {
 public:
  explicit Typed(std::string_view text) {
    EXPECT_EQ(::pipe(ends_.data()), 0);
    ::dup2(ends_[0], STDIN_FILENO);
    EXPECT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  ~Typed() {
    End();
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
    ::close(ends_[0]);
  }
  Typed(const Typed&) = delete;
  Typed& operator=(const Typed&) = delete;
  void End() {
    if (!ended_) ::close(ends_[1]);
    ended_ = true;
  }

 private:
  const int before_ = ::dup(STDIN_FILENO);
  std::array<int, 2> ends_{};
  bool ended_ = false;
};

TEST(Prompt, ReadsLineAfterLineUntilTheInputEnds) {
  Typed typed("yes\n\nrest");
  typed.End();
  EXPECT_FALSE(InputIsTerminal());
  EXPECT_EQ(*ReadInputLine({}), "yes");
  EXPECT_EQ(*ReadInputLine({}), "");
  EXPECT_EQ(ReadInputLine({}).status().code(), Code::kUnavailable);
}

TEST(Prompt, AStopEndsTheWait) {
  Typed typed("half");
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(ReadInputLine(stop.get_token()).status().code(), Code::kCancelled);
}

TEST(Prompt, ALineHasALimit) {
  Typed typed(std::string(1000, 'a') + "\n" + std::string(1001, 'b'));
  EXPECT_EQ(*ReadInputLine({}), std::string(1000, 'a'));
  EXPECT_EQ(ReadInputLine({}).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace warden
