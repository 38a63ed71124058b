#include "exporter/http/response.h"

#include <gtest/gtest.h>

namespace warden::http {
namespace {

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

TEST(FormatResponse, AddsConfiguredHeadersThatTheAnswerDoesNotHave) {
  const Response response{.body = "", .headers = {{"Content-Security-Policy", "own"}}};
  const std::string text = FormatResponse(response, {},
                                          {{"content-security-policy", "configured"},
                                           {"X-Content-Type-Options", "nosniff"},
                                           {"X-Frame-Options", "deny"}});
  EXPECT_NE(text.find("\r\nContent-Security-Policy: own\r\nX-Frame-Options: deny\r\n\r\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("nosniff"), text.rfind("nosniff"));
}

}  // namespace
}  // namespace warden::http
