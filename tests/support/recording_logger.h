// A logger that keeps its lines, for tests that assert what an operator is told.
#pragma once

#include <string>
#include <vector>

#include "exporter/base/log.h"
#include "exporter/base/mutex.h"

namespace warden::testing {

class RecordingLogger final : public Logger {
 public:
  void Log(LogLevel level, std::string_view message,
           std::initializer_list<LogField> fields) override {
    MutexLock lock(mutex_);
    lines_.push_back(FormatLogLine(LogFormat::kLogfmt, "T", level, message, fields));
  }
  std::vector<std::string> lines() const {
    MutexLock lock(mutex_);
    return lines_;
  }
  bool Contains(std::string_view text) const {
    MutexLock lock(mutex_);
    for (const std::string& line : lines_) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> lines_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::testing
