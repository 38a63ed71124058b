#include "exporter/base/interruption.h"

#include <csignal>
#include <cstdlib>
#include <ctime>

namespace warden {
namespace {

constexpr int kSignalled = 128;  // a shell's exit code is this and the signal's number
constexpr long kLookNanoseconds = 50'000'000;

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

Interruption::Interruption() {
  const sigset_t signals = Signals();
  // Threads started from now on do not get them either.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::jthread([this](const std::stop_token& end) {
    const sigset_t waited = Signals();
    while (!end.stop_requested()) {
      const timespec look{.tv_sec = 0, .tv_nsec = kLookNanoseconds};
      const int signal = sigtimedwait(&waited, nullptr, &look);
      if (signal < 0) continue;
      if (stop_.stop_requested()) std::_Exit(kSignalled + signal);
      stop_.request_stop();
    }
  });
}

Interruption::~Interruption() {
  thread_.request_stop();
  thread_.join();
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace warden
