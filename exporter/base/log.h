// Structured logging to stderr, as logfmt (default) or JSON. One event, one line, an action as
// message and the facts as fields. Field values are escaped, so hostile text cannot forge a line.
#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"

namespace warden {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

struct LogField {
  LogField(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const char* text) : key(field_key), value(text) {}
  template <std::integral T>
  LogField(std::string_view field_key, T number) : key(field_key), value(std::to_string(number)) {}
  // A duration, written in seconds.
  LogField(std::string_view field_key, Nanoseconds duration);
  LogField(std::string_view field_key, const Status& status)
      : key(field_key), value(status.message()) {}

  std::string_view key;
  std::string value;
};

// Thread-safe.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void Log(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields = {}) = 0;
};

// Writes lines at `level` and above to stderr.
std::unique_ptr<Logger> MakeStderrLogger(LogLevel level, LogFormat format);

// "debug", "info", "warn", "error" and "logfmt", "json", as Prometheus spells them.
Result<LogLevel> ParseLogLevel(std::string_view text);
Result<LogFormat> ParseLogFormat(std::string_view text);

// One line without its newline; exposed for tests.
std::string FormatLogLine(LogFormat format, std::string_view time_rfc3339, LogLevel level,
                          std::string_view message, std::initializer_list<LogField> fields);

}  // namespace warden
