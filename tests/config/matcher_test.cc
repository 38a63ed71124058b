#include "exporter/config/matcher.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace warden::config {
namespace {

bool Matches(std::string_view text, const Labels& labels) {
  const Result<Matcher> matcher = Matcher::Parse(text);
  EXPECT_TRUE(matcher.ok()) << matcher.status().message();
  return matcher.ok() && matcher->Matches(labels);
}

std::string ErrorOf(std::string_view text) {
  return Matcher::Parse(text).status().message();
}

TEST(Matcher, KnowsFourOperators) {
  const Labels labels = {{"alertname", "EtcdDown"}};
  EXPECT_TRUE(Matches("alertname=\"EtcdDown\"", labels));
  EXPECT_FALSE(Matches("alertname=\"EtcdUp\"", labels));
  EXPECT_FALSE(Matches("alertname!=\"EtcdDown\"", labels));
  EXPECT_TRUE(Matches("alertname!=\"EtcdUp\"", labels));
  EXPECT_TRUE(Matches("alertname=~\"Etcd.*|Other\"", labels));
  EXPECT_FALSE(Matches("alertname=~\"Other\"", labels));
  EXPECT_FALSE(Matches("alertname!~\"Etcd.*\"", labels));
  EXPECT_TRUE(Matches("alertname!~\"Other\"", labels));
}

TEST(Matcher, AnchorsRegularExpressionsAtBothEnds) {
  EXPECT_TRUE(Matches("a=~\"x|y\"", {{"a", "x"}}));
  EXPECT_FALSE(Matches("a=~\"x|y\"", {{"a", "xy"}}));
  EXPECT_FALSE(Matches("a=~\"b\"", {{"a", "abc"}}));
  EXPECT_TRUE(Matches("a!~\"b\"", {{"a", "abc"}}));
  EXPECT_FALSE(Matches("a=~\"b\"", {{"a", "b\n"}}));
}

TEST(Matcher, ReadsAMissingLabelAsEmpty) {
  EXPECT_TRUE(Matches("a=\"\"", {}));
  EXPECT_TRUE(Matches("a=", {}));
  EXPECT_FALSE(Matches("a!=\"\"", {}));
  EXPECT_TRUE(Matches("a!=\"x\"", {}));
  EXPECT_TRUE(Matches("a=~\".*\"", {}));
  EXPECT_FALSE(Matches("a=~\".+\"", {}));
  EXPECT_TRUE(Matches("a!~\".+\"", {{"b", "x"}}));
}

TEST(Matcher, ReadsValuesAsAlertmanagerQuotesThem) {
  struct Case {
    std::string text;
    std::string value;
  };
  const std::vector<Case> cases = {
      {R"(a=x)", "x"},
      {R"(a=x y)", "x y"},
      {"  a \t=\n x  ", "x"},
      {R"(a="  x ")", "  x "},
      {R"(a="say \"hi\"")", "say \"hi\""},
      {R"(a="c:\\d")", R"(c:\d)"},
      {R"(a="one\ntwo")", "one\ntwo"},
      {R"(a="tab\tno")", R"(tab\tno)"},
      {R"(a="x\\")", R"(x\)"},
      {R"(a=\"x\")", R"("x")"},
      {R"(a=x\)", R"(x\)"},
      {R"(a="x,y")", "x,y"},
      {R"(a="=x")", "=x"},
      {"a=\"b\xc3\xbcro\"", "b\xc3\xbcro"},
      {"a:b_1=x", "x"},
  };
  for (const Case& each : cases) {
    const Result<Matcher> matcher = Matcher::Parse(each.text);
    ASSERT_TRUE(matcher.ok()) << matcher.status().message();
    EXPECT_EQ(matcher->text(), each.text);
    const std::string label = each.text.starts_with("a:b_1") ? "a:b_1" : "a";
    EXPECT_TRUE(matcher->Matches({{label, each.value}})) << each.text;
    EXPECT_FALSE(matcher->Matches({{label, each.value + "?"}})) << each.text;
  }
}

TEST(Matcher, KeepsBackslashesOfExpressions) {
  EXPECT_TRUE(Matches(R"(a=~"etcd\d+")", {{"a", "etcd12"}}));
  EXPECT_TRUE(Matches(R"(a=~etcd\d+\.x)", {{"a", "etcd12.x"}}));
  EXPECT_FALSE(Matches(R"(a=~"etcd\\.x")", {{"a", "etcd0x"}}));
}

TEST(Matcher, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "matcher '' has no operator; write it like alertname=\"X\""},
      {"alertname", "matcher 'alertname' has no operator; write it like alertname=\"X\""},
      {"=x", "matcher '=x' has no valid label name before its operator"},
      {"1a=x", "matcher '1a=x' has no valid label name before its operator"},
      {"a-b=x", "matcher 'a-b=x' has no valid label name before its operator"},
      {"{a=\"x\"}", "matcher '{a=\"x\"}' has no valid label name before its operator"},
      {"a!x", "matcher 'a!x' has an unknown operator; use =, !=, =~ or !~"},
      {"a!", "matcher 'a!' has an unknown operator; use =, !=, =~ or !~"},
      {"a==x", "matcher 'a==x' has an unknown operator; use =, !=, =~ or !~"},
      {"a= ~x", "matcher 'a= ~x' has an unknown operator; use =, !=, =~ or !~"},
      {"a=\"x", "matcher 'a=\"x' has no closing quote at its end"},
      {"a=\"", "matcher 'a=\"' has no closing quote at its end"},
      {"a=\"x\\\"", "matcher 'a=\"x\\\"' has no closing quote at its end"},
      {"a=\"x\"y", "matcher 'a=\"x\"y' has no closing quote at its end"},
      {"a=\"x\"y\"", "matcher 'a=\"x\"y\"' has a quote inside its value; write \\\""},
      {"a=x\"", "matcher 'a=x\"' has a quote inside its value; write \\\""},
      {"a=x,b=y",
       "matcher 'a=x,b=y' has a comma outside quotes; give one matcher per item or quote the "
       "value"},
      {"a=~\"(\"", "matcher 'a=~\"(\"' has an invalid regular expression: missing ): ("},
      {"a=~\"x)|(y\"",
       "matcher 'a=~\"x)|(y\"' has an invalid regular expression: unexpected ): x)|(y"},
      {"a=\xff", "matcher 'a=\xef\xbf\xbd' is not valid UTF-8"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(ErrorOf(text), message);
}

TEST(Matcher, LimitsTheSizeOfAnExpression) {
  EXPECT_FALSE(Matcher::Parse("a=~\"((x{100}){100}){100}\"").ok());
}

TEST(Matcher, SharesItsExpressionWithCopies) {
  const Result<Matcher> parsed = Matcher::Parse("a=~\"x+\"");
  ASSERT_TRUE(parsed.ok());
  Matcher copy = *parsed;
  EXPECT_TRUE(copy.Matches({{"a", "xx"}}));
  EXPECT_FALSE(copy.Matches({{"a", "xy"}}));
}

}  // namespace
}  // namespace warden::config
