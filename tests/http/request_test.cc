#include "exporter/http/request.h"

#include <gtest/gtest.h>

#include <limits>

#include "exporter/http/response.h"

namespace warden::http {
namespace {

using Query = std::map<std::string, std::string, std::less<>>;

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

TEST(DecodeQuery, KeepsTheFirstValueOfAName) {
  EXPECT_EQ(DecodeQuery(""), Query());
  EXPECT_EQ(DecodeQuery("a=1&b=2&a=3"), (Query{{"a", "1"}, {"b", "2"}}));
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

TEST(FormatResponse, SaysItsLengthAndHowTheConnectionGoesOn) {
  const Response response{
      .code = 201, .content_type = "text/plain", .body = "hello", .headers = {{"X-Id", "7"}}};
  EXPECT_EQ(FormatResponse(response, {.keep_alive = true, .head = false}),
            "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Connection: keep-alive\r\nX-Id: 7\r\n\r\nhello");
  EXPECT_EQ(FormatResponse(response, {.keep_alive = false, .head = true}),
            "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Connection: close\r\nX-Id: 7\r\n\r\n");
}

TEST(FormatResponse, LetsNoHeaderValueForgeALine) {
  const Response response{.body = "", .headers = {{"Location", "/a\r\nSet-Cookie: x=y\n"}}};
  const std::string text = FormatResponse(response, {});
  EXPECT_NE(text.find("Location: /a  Set-Cookie: x=y \r\n"), std::string::npos) << text;
}

TEST(ErrorResponse, IsOneLineOfJson) {
  const Response response = ErrorResponse(400, "not \"JSON\"");
  EXPECT_EQ(response.code, 400);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{\"error\":\"not \\\"JSON\\\"\"}\n");
}

}  // namespace
}  // namespace warden::http
