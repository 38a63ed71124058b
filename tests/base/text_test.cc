#include "exporter/base/text.h"

#include <gtest/gtest.h>

namespace warden {
namespace {

TEST(Duration, ReadsPrometheusSyntax) {
  const std::pair<const char*, std::int64_t> cases[] = {{"0", 0},
                                                        {"0s", 0},
                                                        {"1ms", 1},
                                                        {"15m", 900'000},
                                                        {"1h30m", 5'400'000},
                                                        {"2d", 172'800'000},
                                                        {"1w", 604'800'000},
                                                        {"1h0m1s", 3'601'000}};
  for (const auto& [text, ms] : cases) EXPECT_EQ(ParseDuration(text)->count(), ms) << text;
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"", "5", "-1s", "1.5s", "1s1h", "1s1s", "s", "1 s", "1S", "1hh", "101y",
                           "99999999999999999999s", "9223372036854775807ms", "1h-1m"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(Duration, IsPrintedAsItIsRead) {
  for (const char* text : {"0s", "1ms", "15m", "1h30m", "2d", "1d2h3m4s5ms"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
}

TEST(Bytes, ReadsDecimalAndBinaryUnits) {
  EXPECT_EQ(*ParseBytes("4096"), 4096U);
  EXPECT_EQ(*ParseBytes("8GiB"), 8ULL << 30);
  EXPECT_EQ(*ParseBytes("10 MB"), 10'000'000U);
  for (const char* text : {"", "GiB", "-1", "1.5GiB", "8gib", "99999999999TiB", "1XB"}) {
    EXPECT_FALSE(ParseBytes(text).ok()) << text;
  }
}

TEST(Bytes, IsPrintedAsEtcdctlPrintsIt) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(20'480), "20 kB");
  EXPECT_EQ(FormatBytes(1'300'000), "1.3 MB");
  EXPECT_EQ(FormatBytes(256'000'000), "256 MB");
}

TEST(Time, GoesThereAndBack) {
  const WallTime time = *ParseTime("2026-11-23T10:15:00.042Z");
  EXPECT_EQ(FormatTime(time), "2026-11-23T10:15:00.042Z");
  EXPECT_EQ(FormatTime(WallTime{}), "1970-01-01T00:00:00.000Z");
}

TEST(Time, ReadsWhatGoWrites) {
  EXPECT_EQ(FormatTime(*ParseTime("2026-11-23T12:15:00.123456789+02:00")),
            "2026-11-23T10:15:00.123Z");
  EXPECT_EQ(FormatTime(*ParseTime("2026-11-23T00:15:00-05:30")), "2026-11-23T05:45:00.000Z");
  // Go's zero time does not fit into nanoseconds; it is the epoch here, and no error.
  EXPECT_EQ(*ParseTime("0001-01-01T00:00:00Z"), WallTime{});
}

TEST(Time, RefusesWhatIsNotRfc3339) {
  for (const char* text :
       {"", "now", "2026-11-23", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
        "2026-11-23T24:00:00Z", "2026-11-23T10:15:00", "2026-11-23T10:15:00.Z",
        "2026-11-23T10:15:00+0200", "2026-11-23T10:15:00Zx", "2026-11-23T10:15:0Z"}) {
    EXPECT_FALSE(ParseTime(text).ok()) << text;
  }
}

TEST(Id, IsUnpaddedLowercaseHex) {
  EXPECT_EQ(FormatId(0x0878b10fcba94909), "878b10fcba94909");
  EXPECT_EQ(*ParseId("878b10fcba94909"), 0x0878b10fcba94909U);
  EXPECT_EQ(FormatId(0), "0");
  for (const char* text : {"", "x", "12g", "11112222333344445", " 1"}) {
    EXPECT_FALSE(ParseId(text).ok()) << text;
  }
}

TEST(Utf8, ReplacesEveryInvalidByteAndKeepsTheRest) {
  EXPECT_EQ(ToValidUtf8("héllo €\U0001F600"), "héllo €\U0001F600");
  EXPECT_EQ(ToValidUtf8("a\xff\xfe"), "a\uFFFD\uFFFD");
  EXPECT_EQ(ToValidUtf8("\xc0\xaf"), "\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(ToValidUtf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");  // surrogate
  EXPECT_EQ(ToValidUtf8("\xf4\x90\x80\x80").size(), 12U);        // beyond U+10FFFF
  EXPECT_EQ(ToValidUtf8("\xe2\x82"), "\uFFFD\uFFFD");            // cut off
}

TEST(SingleLine, HasNoControlCharactersAndALimit) {
  EXPECT_EQ(ToSingleLine("a\nb\tc\x7f"), "a b c ");
  EXPECT_EQ(ToSingleLine("12345", 3), "123...");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(Split("", ','), std::vector<std::string_view>{""});
  EXPECT_EQ(Trim(" \t a b \n"), "a b");
  EXPECT_EQ(Join({"a", "b"}, "; "), "a; b");
}

TEST(HasOnly, AllowsLettersDigitsAndWhatIsNamed) {
  EXPECT_TRUE(HasOnly("", ""));
  EXPECT_TRUE(HasOnly("azAZ09", ""));
  EXPECT_TRUE(HasOnly("a-b_c", "-_"));
  EXPECT_FALSE(HasOnly("a-b", "_"));
  EXPECT_FALSE(HasOnly("caf\xc3\xa9", "-_"));
}

}  // namespace
}  // namespace warden
