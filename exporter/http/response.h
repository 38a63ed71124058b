// An answer as handlers give it, and as HTTP/1.1 text. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warden::http {

struct Response {
  int code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // besides the usual
};

// {"error": message} with the given code; `message` is one line.
Response ErrorResponse(int code, std::string_view message);

struct Framing {
  bool keep_alive = false;  // otherwise the answer announces that the connection closes
  bool head = false;        // the answer to HEAD: its length, but not its body
};

// The whole answer with its usual headers: Content-Type, Content-Length, Cache-Control,
// X-Content-Type-Options and Connection; of `more` those that it does not have yet. Line breaks in
// header values become spaces.
std::string FormatResponse(const Response& response, Framing framing,
                           const std::map<std::string, std::string>& more = {});

}  // namespace warden::http
