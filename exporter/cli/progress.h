// How far long work has come, on one line of a terminal; nothing where nobody is watching.
#pragma once

#include <string>

#include "exporter/base/clock.h"
#include "exporter/base/mutex.h"
#include "exporter/cli/command.h"
#include "exporter/mvcc/inspect.h"

namespace warden::cli {

// Thread-safe. The line is gone when the meter is.
class ProgressMeter {
 public:
  // `what` stands before the figures, such as a file's name.
  ProgressMeter(Console& console, const Clock& clock, std::string what);
  ~ProgressMeter();
  ProgressMeter(const ProgressMeter&) = delete;
  ProgressMeter& operator=(const ProgressMeter&) = delete;

  // For the work to call; empty if there is no terminal. The meter outlives it.
  mvcc::Progress callback();

 private:
  void Show(std::uint64_t done, std::uint64_t total) WARDEN_EXCLUDES(mutex_);

  Console& console_;
  const Clock& clock_;
  const std::string what_;
  const bool shown_;
  const SteadyTime started_;
  Mutex mutex_;
  SteadyTime next_ WARDEN_GUARDED_BY(mutex_);
};

// "backup.db: 1.2 GB of 4.0 GB, 410 MB/s, 7s left"; pure.
std::string DescribeProgress(const std::string& what, std::uint64_t done, std::uint64_t total,
                             Nanoseconds elapsed);

}  // namespace warden::cli
