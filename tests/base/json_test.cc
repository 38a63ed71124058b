#include "exporter/base/json.h"

#include <gtest/gtest.h>

namespace warden {
namespace {

TEST(Json, RefusesWhatIsNestedTooDeepBeforeParsingIt) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_EQ(ParseJson(deep).status().message(), "JSON nested more than 32 deep");
  EXPECT_TRUE(ParseJson("[[[1]]]", 3).ok());
  EXPECT_FALSE(ParseJson("[[[1]]]", 2).ok());
  EXPECT_TRUE(ParseJson(R"(["[[[[\"[[["])", 1).ok());
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "nul", "{\"a\":1}x", "\x80", "\"\xff\"", "{'a':1}"}) {
    EXPECT_EQ(ParseJson(text).status().code(), Code::kInvalidArgument) << text;
  }
}

TEST(Json, ReadsHugeObjectsWithoutCrawling) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  EXPECT_EQ(ParseJson(text + "\"end\":1}")->size(), 200'001U);
}

TEST(Json, FindsFieldsOfTheRightTypeOnly) {
  const ParsedJson json = *ParseJson(R"({"s":"x","i":-3,"b":true,"n":null,"o":{}})");
  EXPECT_EQ(FindString(json, "s"), "x");
  EXPECT_EQ(FindInteger(json, "i"), -3);
  EXPECT_EQ(FindField(json, "n"), nullptr);
  EXPECT_EQ(FindField(json, "missing"), nullptr);
  EXPECT_EQ(FindString(json, "i"), std::nullopt);
  EXPECT_EQ(FindInteger(json, "s"), std::nullopt);
  EXPECT_EQ(FindInteger(*ParseJson(R"({"i":9223372036854775808})"), "i"), std::nullopt);
  EXPECT_EQ(FindString(Json::array(), "s"), std::nullopt);
}

TEST(Json, DumpsInvalidUtf8WithoutThrowing) {
  EXPECT_EQ(DumpJson(Json{{"text", "a\xff"}}), "{\"text\":\"a\uFFFD\"}");
}

TEST(Json, KeepsTheOrderOfFieldsAndWholeNumbers) {
  EXPECT_EQ(DumpJson(Json{{"z", 1}, {"a", std::uint64_t{1} << 63}}),
            R"({"z":1,"a":9223372036854775808})");
}

}  // namespace
}  // namespace warden
