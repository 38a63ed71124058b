// HTTP/1.1 messages as a test writes and reads them.
#pragma once

#include <cctype>
#include <map>
#include <string>
#include <string_view>

namespace warden::testing {

using HttpHeaders = std::map<std::string, std::string>;

struct HttpReply {
  int code = 0;         // 0: no HTTP answer came
  HttpHeaders headers;  // names in lower case
  std::string body;
};

// The lines of a header, without the empty one at its end.
inline HttpReply ParseReplyHeader(std::string_view text) {
  HttpReply reply;
  if (!text.starts_with("HTTP/1.1 ")) return reply;
  reply.code = std::stoi(std::string(text.substr(9, 3)));
  text.remove_prefix(text.find("\r\n") + 2);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(line.size() + 2);
    std::string name(line.substr(0, line.find(": ")));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    reply.headers[name] = line.substr(line.find(": ") + 2);
  }
  return reply;
}

inline std::string FormatRequest(std::string_view method, std::string_view path,
                                 const HttpHeaders& headers, std::string_view body) {
  std::string text(method);
  text.append(" ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\n");
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  for (const auto& [name, value] : headers) text.append(name + ": " + value + "\r\n");
  return text.append("\r\n").append(body);
}

}  // namespace warden::testing
