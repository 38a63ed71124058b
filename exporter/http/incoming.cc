#include "exporter/http/incoming.h"

#include <algorithm>
#include <span>

#include "exporter/base/text.h"

namespace warden::http {
namespace {

// mg_read returns when the piece is full or the client was silent for the request timeout, so a
// client that drips can outlast the deadline by one piece. Small pieces keep that short, and what
// arrived along with the header costs no system call.
constexpr std::size_t kPieceBytes = 16;
constexpr std::size_t kDrainBytesMax = 65'536;

bool IsPast(SteadyTime deadline) {
  return SystemClock().Steady() >= deadline;
}

Response TooLarge(std::size_t bytes_max) {
  return ErrorResponse(413, "the body is larger than " + std::to_string(bytes_max) + " bytes");
}

Response Late() {
  return ErrorResponse(408, "the body did not arrive in time");
}

// The value of a header that must not come twice. Sets `twice` if it does.
const std::string* FindOnce(std::span<const mg_header> headers, const Request& request,
                            std::string_view name, bool& twice) {
  const auto same = [name](const mg_header& header) { return ToLower(header.name) == name; };
  if (std::ranges::count_if(headers, same) > 1) twice = true;
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? nullptr : &found->second;
}

// How long the body is. Two opinions about that let one request hide inside another, so they are
// refused.
std::optional<Response> ReadFraming(std::span<const mg_header> headers, Incoming& incoming) {
  bool twice = false;
  const std::string* encoding = FindOnce(headers, incoming.request, "transfer-encoding", twice);
  const std::string* length = FindOnce(headers, incoming.request, "content-length", twice);
  if (twice || (encoding != nullptr && length != nullptr)) {
    return ErrorResponse(400, "the header gives the length of the body more than once");
  }
  if (encoding != nullptr) {
    // civetweb has refused other encodings already; this one it would read as no encoding.
    if (ToLower(*encoding) != "chunked") return ErrorResponse(400, "unknown Transfer-Encoding");
    incoming.chunked = true;
  }
  if (length != nullptr) {
    const std::optional<std::uint64_t> parsed = ParseContentLength(Trim(*length));
    if (!parsed) return ErrorResponse(400, "Content-Length is not a number");
    incoming.content_length = *parsed;
  }
  incoming.unread = incoming.chunked || incoming.content_length > 0;
  return std::nullopt;
}

// Never wishes for more than civetweb will do. After a chunked body it may close, so that one ends
// here.
bool WantsKeepAlive(const mg_request_info& info, const Incoming& incoming) {
  if (incoming.chunked) return false;
  const auto connection = incoming.request.headers.find("connection");
  if (connection != incoming.request.headers.end()) {
    return ToLower(connection->second) == "keep-alive";
  }
  return std::string_view(info.http_version) == "1.1";
}

std::optional<Response> ReadChunks(mg_connection* connection, std::string& body,
                                   std::size_t bytes_max, SteadyTime deadline) {
  for (char piece[kPieceBytes];;) {
    const int count = mg_read(connection, piece, sizeof(piece));
    if (count == 0) return std::nullopt;
    if (IsPast(deadline)) return Late();
    if (count < 0) return ErrorResponse(400, "the chunked body is malformed or incomplete");
    body.append(piece, static_cast<std::size_t>(count));
    if (body.size() > bytes_max) return TooLarge(bytes_max);
  }
}

std::optional<Response> ReadLength(mg_connection* connection, std::string& body, std::size_t length,
                                   SteadyTime deadline) {
  char piece[kPieceBytes];
  while (body.size() < length) {
    const int count = mg_read(connection, piece, std::min(sizeof(piece), length - body.size()));
    if (count < 0) return ErrorResponse(400, "the body is shorter than its Content-Length");
    body.append(piece, static_cast<std::size_t>(count));
    if (body.size() < length && (count == 0 || IsPast(deadline))) return Late();
  }
  return std::nullopt;
}

}  // namespace

std::optional<Response> ReadHeader(const mg_request_info& info, Incoming& incoming) {
  Request& request = incoming.request;
  request.method = info.request_method;
  const std::span<const mg_header> headers(info.http_headers,
                                           static_cast<std::size_t>(info.num_headers));
  for (const mg_header& header : headers)
    request.headers.emplace(ToLower(header.name), header.value);
  // civetweb stops reading at its maximum without a word; what it left out could be Content-Length.
  if (info.num_headers >= MG_MAX_HEADERS) return ErrorResponse(431, "too many header fields");

  std::optional<std::string> path = DecodePercent(info.local_uri_raw, /*plus_is_space=*/false);
  if (!path) return ErrorResponse(400, "the path has a malformed escape");
  request.path = *std::move(path);
  if (info.query_string != nullptr) {
    auto query = DecodeQuery(info.query_string);
    if (!query) return ErrorResponse(400, "the query has a malformed escape");
    request.query = *std::move(query);
  }
  if (std::optional<Response> refusal = ReadFraming(headers, incoming)) return refusal;
  const auto expect = request.headers.find("expect");
  if (expect != request.headers.end()) {
    if (ToLower(expect->second) != "100-continue") {
      return ErrorResponse(417, "only 100-continue can be expected");
    }
    incoming.expects_continue = true;
  }
  incoming.keep_alive = WantsKeepAlive(info, incoming);
  return std::nullopt;
}

std::optional<Response> ReadBody(mg_connection* connection, Incoming& incoming,
                                 std::size_t bytes_max, SteadyTime deadline) {
  if (!incoming.unread) return std::nullopt;
  if (!incoming.chunked && incoming.content_length > bytes_max) return TooLarge(bytes_max);
  // Waiting for the end of a body that must be empty would only hold a thread.
  if (incoming.chunked && bytes_max == 0) return TooLarge(bytes_max);
  if (incoming.expects_continue) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    mg_write(connection, kContinue.data(), kContinue.size());
    incoming.expects_continue = false;
  }
  std::string& body = incoming.request.body;
  std::optional<Response> refusal =
      incoming.chunked ? ReadChunks(connection, body, bytes_max, deadline)
                       : ReadLength(connection, body, incoming.content_length, deadline);
  incoming.unread = refusal.has_value();
  return refusal;
}

void Drain(mg_connection* connection, SteadyTime deadline) {
  char piece[kPieceBytes];
  for (std::size_t drained = 0; drained < kDrainBytesMax && !IsPast(deadline);) {
    const int count = mg_read(connection, piece, sizeof(piece));
    if (count <= 0) return;
    drained += static_cast<std::size_t>(count);
  }
}

}  // namespace warden::http
