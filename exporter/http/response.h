// Answers as HTTP/1.1 text.
#pragma once

#include <string>

#include "exporter/http/server.h"

namespace warden::http {

struct Framing {
  bool keep_alive = false;  // otherwise the answer announces that the connection closes
  bool head = false;        // the answer to HEAD: its length, but not its body
};

// The whole answer with its usual headers: Content-Type, Content-Length, Cache-Control,
// X-Content-Type-Options and Connection. Line breaks in header values become spaces.
std::string FormatResponse(const Response& response, Framing framing);

}  // namespace warden::http
