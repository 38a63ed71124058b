#include "exporter/http/request.h"

#include <gtest/gtest.h>

#include <limits>

namespace warden::http {
namespace {

using Query = std::multimap<std::string, std::string, std::less<>>;

TEST(DecodePercent, DecodesEveryEscapeOrNothing) {
  EXPECT_EQ(DecodePercent("", false), "");
  EXPECT_EQ(DecodePercent("/a%20b%2Fc%c3%A4", false), "/a b/c\xc3\xa4");
  EXPECT_EQ(DecodePercent("a+b", false), "a+b");
  EXPECT_EQ(DecodePercent("a+b%2B", true), "a b+");
  for (const char* malformed :
       {"%", "%4", "a%", "%zz", "%4g", "%-1", "%+1", "% 1", "%00", "%%41"}) {
    EXPECT_EQ(DecodePercent(malformed, false), std::nullopt) << malformed;
  }
}

TEST(DecodeQuery, KeepsTheValuesOfANameInOrder) {
  EXPECT_EQ(DecodeQuery(""), Query());
  EXPECT_EQ(DecodeQuery("a=1&b=2&a=3"), (Query{{"a", "1"}, {"a", "3"}, {"b", "2"}}));
  EXPECT_EQ(DecodeQuery("&&a&b=&=c&d=e=f&"),
            (Query{{"a", ""}, {"b", ""}, {"", "c"}, {"d", "e=f"}}));
  EXPECT_EQ(DecodeQuery("x%26y=%3D+%25"), (Query{{"x&y", "= %"}}));
  EXPECT_EQ(DecodeQuery("a=%"), std::nullopt);
  EXPECT_EQ(DecodeQuery("%0=a"), std::nullopt);
}

TEST(ParseContentLength, TakesDigitsOnly) {
  EXPECT_EQ(ParseContentLength("0"), 0U);
  EXPECT_EQ(ParseContentLength("0012"), 12U);
  EXPECT_EQ(ParseContentLength("99999999999999999999999"),
            std::numeric_limits<std::uint64_t>::max());
  for (const char* malformed : {"", "-1", "+1", "1 ", "0x10", "1,1", "12abc", "1e3"}) {
    EXPECT_EQ(ParseContentLength(malformed), std::nullopt) << malformed;
  }
}

}  // namespace
}  // namespace warden::http
