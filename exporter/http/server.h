// A small HTTP server over civetweb: listeners, limits, routing, and the one wall that exceptions
// do not pass. Handlers see values and know nothing of sockets.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/result.h"

namespace warden::http {

struct Request {
  std::string method;  // "GET"
  std::string path;    // decoded, without the query: "/api/v1/jobs/x"
  // Decoded; of several values of one name the first counts.
  std::map<std::string, std::string, std::less<>> query;
  // Names in lower case; the first value counts.
  std::map<std::string, std::string, std::less<>> headers;
  std::string body;
};

struct Response {
  int code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // besides the usual
};

// {"error": message} with the given code; `message` is one line.
Response ErrorResponse(int code, std::string_view message);

// Called on one of the server's threads, several at a time.
using Handler = std::function<Response(const Request&)>;

struct Route {
  std::string method;  // HEAD is answered wherever GET is
  std::string path;    // exact, or a prefix if it ends in "/" and is not "/" itself
  Handler handler;
  // Called before the body is read, with an empty one: a response ends the request there
  // (authentication).
  std::function<std::optional<Response>(const Request&)> guard;
  std::size_t body_bytes_max = 0;  // a larger body is 413, read no further
};

// How each finished request went, for metrics; `handler` is the route's path, or "other".
using Observer = std::function<void(std::string_view handler, int code, Nanoseconds duration)>;

struct Options {
  // "host:port", ":port" or "[::1]:port"; port 0 picks one. A host name stands for its first
  // address, IPv4 preferred; ":port" for every address, IPv4 and IPv6.
  std::vector<std::string> listen_addresses;
  int threads = 16;
  // For the client to send the header of its request, and as long again for the body.
  Milliseconds request_timeout{10'000};
};

// Serves from construction to destruction; the destructor waits for running handlers, so cancel
// their work first. Their clients get no answer any more.
class Server {
 public:
  virtual ~Server() = default;
  // The ports in use, in the order of the listen addresses.
  virtual std::vector<int> ports() const = 0;
};

// Fails with the address and the reason if one cannot be bound ("listen on 127.0.0.1:12379: Address
// already in use"). An unknown path answers 404, another method 405 with Allow; an exception that
// leaves a handler is logged and answered 500. A header may have 16 KiB; a connection may idle 2 s
// between two requests. SIGPIPE is ignored in the whole process from here on.
Result<std::unique_ptr<Server>> StartServer(const Options& options, std::vector<Route> routes,
                                            Observer observer, Logger& log);

// True if the request carries "Authorization: Bearer <token>"; compares in constant time.
bool HasBearerToken(const Request& request, std::string_view token);

}  // namespace warden::http
