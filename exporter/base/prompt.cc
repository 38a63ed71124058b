#include "exporter/base/prompt.h"

#include <poll.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/base/posix_file.h"

namespace warden {
namespace {

constexpr Milliseconds kLook{100};  // between two looks at the stop token
constexpr std::size_t kLineBytesMax = 1000;

}  // namespace

bool InputIsTerminal() {
  return ::isatty(STDIN_FILENO) == 1;
}

Result<std::string> ReadInputLine(const std::stop_token& stop) {
  std::string line;
  // Byte by byte, so that nothing is taken which the next call, or somebody else, wants.
  while (line.size() <= kLineBytesMax) {
    if (stop.stop_requested())
      return Status(Code::kCancelled, "stopped while waiting for an answer");
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, static_cast<int>(kLook.count())) <= 0) continue;
    char byte = 0;
    const ssize_t count = RetryOnInterrupt([&] { return ::read(STDIN_FILENO, &byte, 1); });
    if (count <= 0) return Status(Code::kUnavailable, "standard input has ended");
    if (byte == '\n') return line;
    line += byte;
  }
  return Status(Code::kInvalidArgument, "a line of more than 1000 bytes");
}

}  // namespace warden
