// The only place that starts other programs: an argument vector, never a shell. A program gets a
// process group of its own, of what is ours only the environment, and no more time than is given.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/environment.h"
#include "exporter/base/result.h"

namespace warden {

struct Command {
  // The program, looked up in PATH unless it has a slash, and its arguments. Everybody on the
  // machine can read them: no secrets.
  std::vector<std::string> argv;
  // "NAME=value", beside our own environment and before it.
  std::vector<std::string> environment;

  // Its stdin, one of: an open file, what `source` says piece by piece until a piece is empty, or
  // (neither given) nothing. A failure of `source` ends the program and is the failure of the run.
  int stdin_descriptor = -1;
  std::function<Result<std::span<const std::byte>>()> source;

  // Its stdout, one of: an open file, `sink`, or nowhere. A failure of `sink` is as one of
  // `source`.
  int stdout_descriptor = -1;
  std::function<Status(std::span<const std::byte>)> sink;
};

// How a program ended.
struct Ended {
  std::string program;
  int exit_code = 0;  // -1 if a signal ended it
  int signal = 0;     // 0 if none did
  // The end of what it wrote to stderr, at most kErrorBytes.
  std::string errors;
  // Whether it read all that `source` had.
  bool took_all_input = true;

  bool succeeded() const { return exit_code == 0; }
  // Success, or "NAME exited with 3: the last lines of its stderr" as kUnknown, or "NAME was ended
  // by signal 9" as kUnavailable.
  Status ToStatus() const;

  static constexpr std::size_t kErrorBytes = 4096;
};

// Runs the program to its end; it and what it started in its group are gone when this returns, and
// the program itself when we are killed, where setpriv (util-linux) is installed.
// Past the deadline, at a stop and when `source` or `sink` fail, the group gets SIGTERM and, after
// 2 s, SIGKILL. kNotFound: it is not installed. `source` and `sink` are called on this thread.
// Thread-safe.
Result<Ended> RunProgram(const Command& command, const Deadline& deadline);

}  // namespace warden
