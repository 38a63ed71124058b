// From civetweb's parsed header and the bytes behind it to a Request, within limits.
#pragma once

#include <civetweb.h>

#include <cstdint>
#include <optional>

#include "exporter/base/clock.h"
#include "exporter/http/request.h"
#include "exporter/http/response.h"

namespace warden::http {

// A request whose body is still on the wire.
struct Incoming {
  Request request;
  bool chunked = false;
  std::uint64_t content_length = 0;  // meaningless if chunked
  bool expects_continue = false;     // the client waits for "100 Continue" before it sends the body
  bool keep_alive = false;           // as the client wishes
  bool unread = true;                // the body, or part of it, is still on the wire
};

// Takes over the header. Returns the answer (400, 417, 431) if it cannot be accepted; `incoming`
// then holds what was read so far.
std::optional<Response> ReadHeader(const mg_request_info& info, Incoming& incoming);

// Reads the body into `incoming`, if there is one. Returns the answer (400, 408, 413) if it is
// malformed, not complete at `deadline`, or larger than `bytes_max`; a Content-Length beyond the
// limit is refused unread, and so is a chunked body where there may be none.
std::optional<Response> ReadBody(mg_connection* connection, Incoming& incoming,
                                 std::size_t bytes_max, SteadyTime deadline);

// Reads what a client still sends after an early answer, until it stops, `deadline`, or 64 KiB:
// closing at once would reset the connection, and the client might never see the answer.
void Drain(mg_connection* connection, SteadyTime deadline);

}  // namespace warden::http
