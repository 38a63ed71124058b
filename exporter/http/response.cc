#include "exporter/http/response.h"

#include <algorithm>

#include "exporter/base/json.h"
#include "exporter/base/text.h"

namespace warden::http {
namespace {

struct Reason {
  int code;
  std::string_view phrase;
};

constexpr Reason kReasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {302, "Found"},
    {303, "See Other"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

// The phrase is for human eyes; a code without one is still valid (RFC 9112, section 4).
std::string_view ReasonOf(int code) {
  const auto* found = std::ranges::find(kReasons, code, &Reason::code);
  return found == std::end(kReasons) ? std::string_view() : found->phrase;
}

void AddHeader(std::string& text, std::string_view name, std::string value) {
  // A value that could end its line could forge the next one.
  std::ranges::replace_if(
      value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

Response ErrorResponse(int code, std::string_view message) {
  return {.code = code,
          .content_type = "application/json",
          .body = DumpJson(Json{{"error", message}}) + "\n",
          .headers = {}};
}

std::string FormatResponse(const Response& response, Framing framing,
                           const std::map<std::string, std::string>& more) {
  std::string text = "HTTP/1.1 " + std::to_string(response.code) + " ";
  text.append(ReasonOf(response.code)).append("\r\n");
  AddHeader(text, "Content-Type", response.content_type);
  AddHeader(text, "Content-Length", std::to_string(response.body.size()));
  AddHeader(text, "Cache-Control", "no-store");
  AddHeader(text, "X-Content-Type-Options", "nosniff");
  AddHeader(text, "Connection", framing.keep_alive ? "keep-alive" : "close");
  for (const auto& [name, value] : response.headers) AddHeader(text, name, value);
  for (const auto& [name, value] : more) {
    const std::string line = "\r\n" + ToLower(name) + ": ";
    if (ToLower(text).find(line) == std::string::npos) AddHeader(text, name, value);
  }
  text += "\r\n";
  if (!framing.head) text += response.body;
  return text;
}

}  // namespace warden::http
