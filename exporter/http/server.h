// A small HTTP server over civetweb: listeners, limits, routing, and the one wall that exceptions
// do not pass. Handlers see values and know nothing of sockets.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/result.h"
#include "exporter/http/auth.h"
#include "exporter/http/request.h"
#include "exporter/http/response.h"

namespace warden::http {

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
  // The route needs none of the users of the web configuration file and has no part in its rate
  // limit: it authenticates in its guard, or is for probes.
  bool without_web_auth = false;
  bool exact = false;  // the path is no prefix, although it ends in "/"
};

// How each finished request went, for metrics; `handler` is the route's path, or "other".
using Observer = std::function<void(std::string_view handler, int code, Nanoseconds duration)>;

struct Options {
  // "host:port", ":port" or "[::1]:port"; port 0 picks one. A host name stands for its first
  // address, IPv4 preferred; ":port" for every address, IPv4 and IPv6.
  std::vector<std::string> listen_addresses;
  int threads = 64;
  // TLS, users, headers and rate limit, in the format of Prometheus' exporter-toolkit; empty: plain
  // HTTP for everybody. Read again when it, or a file that it names, has changed.
  std::filesystem::path web_config_file;
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
  // What the web configuration file says: whether TLS is spoken, and how many users there are now.
  virtual bool tls() const = 0;
  virtual std::size_t users() const = 0;
};

// Fails with the address and the reason if one cannot be bound ("listen on 127.0.0.1:12379: Address
// already in use"). An unknown path answers 404, another method 405 with Allow; an exception that
// leaves a handler is logged and answered 500. A header may have 16 KiB; a connection may idle 2 s
// between two requests, but while fewer than a quarter of the threads are free, clients that keep
// one waiting lose their connection much sooner (connections.h). Text of 1 KiB and more is
// compressed for clients that ask for it. SIGPIPE is ignored in the whole process from here on.
Result<std::unique_ptr<Server>> StartServer(const Options& options, std::vector<Route> routes,
                                            Observer observer, Logger& log);

}  // namespace warden::http
