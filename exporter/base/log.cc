#include "exporter/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "exporter/base/json.h"
#include "exporter/base/text.h"

namespace warden {
namespace {

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

// A bare word stays bare; anything else becomes a JSON string, which is how logfmt readers unquote.
std::string LogfmtValue(std::string_view value) {
  constexpr std::string_view kBare =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+%@,";
  if (!value.empty() && value.find_first_not_of(kBare) == std::string_view::npos) {
    return std::string(value);
  }
  return DumpJson(Json(std::string(value)));
}

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

class StderrLogger final : public Logger {
 public:
  StderrLogger(LogLevel level, LogFormat format)
      : format_(format), sink_("", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    sink_.set_level(SpdlogLevel(level));
    sink_.set_pattern("%v");
    sink_.flush_on(spdlog::level::debug);
  }

  void Log(LogLevel level, std::string_view message,
           std::initializer_list<LogField> fields) override {
    if (!sink_.should_log(SpdlogLevel(level))) return;
    sink_.log(SpdlogLevel(level),
              FormatLogLine(format_, FormatTime(SystemClock().Now()), level, message, fields));
  }

 private:
  const LogFormat format_;
  spdlog::logger sink_;
};

}  // namespace

LogField::LogField(std::string_view field_key, Nanoseconds duration) : key(field_key) {
  const auto milliseconds = std::chrono::duration_cast<Milliseconds>(duration).count();
  const std::string fraction = std::to_string(1000 + milliseconds % 1000).substr(1);
  value = std::to_string(milliseconds / 1000) + "." + fraction + "s";
}

std::string FormatLogLine(LogFormat format, std::string_view time_rfc3339, LogLevel level,
                          std::string_view message, std::initializer_list<LogField> fields) {
  if (format == LogFormat::kJson) {
    Json line;
    line["ts"] = time_rfc3339;
    line["level"] = LevelName(level);
    line["msg"] = message;
    for (const LogField& field : fields) line[std::string(field.key)] = field.value;
    return DumpJson(line);
  }
  std::string line = "ts=" + std::string(time_rfc3339) + " level=" + std::string(LevelName(level)) +
                     " msg=" + LogfmtValue(message);
  for (const LogField& field : fields) {
    line += " " + std::string(field.key) + "=" + LogfmtValue(field.value);
  }
  return line;
}

std::unique_ptr<Logger> MakeStderrLogger(LogLevel level, LogFormat format) {
  return std::make_unique<StderrLogger>(level, format);
}

Result<LogLevel> ParseLogLevel(std::string_view text) {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (text == LevelName(level)) return level;
  }
  return Status(Code::kInvalidArgument,
                "unknown log level \"" + std::string(text) + "\"; use debug, info, warn or error");
}

Result<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "logfmt") return LogFormat::kLogfmt;
  if (text == "json") return LogFormat::kJson;
  return Status(Code::kInvalidArgument,
                "unknown log format \"" + std::string(text) + "\"; use logfmt or json");
}

}  // namespace warden
