#include "exporter/base/log.h"

#include <gtest/gtest.h>

#include "exporter/base/json.h"

namespace warden {
namespace {

std::string Line(LogFormat format, std::string_view message,
                 std::initializer_list<LogField> fields) {
  return FormatLogLine(format, "2026-11-23T10:15:00.000Z", LogLevel::kWarn, message, fields);
}

TEST(Log, WritesLogfmtWithQuotesOnlyWhereNeeded) {
  EXPECT_EQ(Line(LogFormat::kLogfmt, "backup failed",
                 {{"job", "20261123T101500042Z-3fa9c1d2"}, {"error", "disk full"}, {"tries", 3}}),
            "ts=2026-11-23T10:15:00.000Z level=warn msg=\"backup failed\" "
            "job=20261123T101500042Z-3fa9c1d2 error=\"disk full\" tries=3");
}

TEST(Log, CannotBeMadeToForgeALine) {
  const std::string line =
      Line(LogFormat::kLogfmt, "alert", {{"name", "x\nlevel=error msg=\"forged\" \xff"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_NE(line.find(R"(name="x\nlevel=error msg=\"forged\" )"), std::string::npos);
}

TEST(Log, WritesJsonThatParses) {
  const ParsedJson line = *ParseJson(Line(LogFormat::kJson, "a \"b\"", {{"k", "v\n"}}));
  EXPECT_EQ(FindString(line, "msg"), "a \"b\"");
  EXPECT_EQ(FindString(line, "level"), "warn");
  EXPECT_EQ(FindString(line, "k"), "v\n");
}

TEST(Log, WritesDurationsInSeconds) {
  EXPECT_EQ(LogField("d", Nanoseconds(1'050'000'000)).value, "1.050s");
  EXPECT_EQ(LogField("d", Nanoseconds(999)).value, "0.000s");
}

TEST(Log, KnowsPrometheusLevelsAndFormatsOnly) {
  EXPECT_EQ(*ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_FALSE(ParseLogLevel("verbose").ok());
  EXPECT_EQ(*ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_FALSE(ParseLogFormat("xml").ok());
}

}  // namespace
}  // namespace warden
