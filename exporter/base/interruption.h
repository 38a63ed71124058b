// Ctrl-C as a stop request, for commands that have something to put right before they end.
#pragma once

#include <stop_token>
#include <thread>

namespace warden {

// While it lives, the first SIGINT or SIGTERM requests the stop, and the second ends the process at
// once, as it would have without. Make it before any other thread is started, and one at a time.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace warden
