// A server with one route of each kind, for the tests that talk to it over real sockets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/mutex.h"
#include "exporter/http/server.h"
#include "tests/support/http_client.h"
#include "tests/support/recording_logger.h"

namespace warden::http {

using testing::Ask;
using testing::FormatRequest;
using testing::Get;
using testing::HttpConnection;
using testing::HttpReply;
using testing::Post;
using testing::SendRaw;

inline Route MakeRoute(std::string method, std::string path, Handler handler,
                       std::size_t body_bytes_max = 0) {
  return {.method = std::move(method),
          .path = std::move(path),
          .handler = std::move(handler),
          .guard = nullptr,
          .body_bytes_max = body_bytes_max};
}

inline Response Echo(const Request& request) {
  return {.body = request.body, .headers = {}};
}

inline constexpr std::size_t kPageBytes = 4'000'000;

// A server with one route of each kind, and what its observer saw.
class HttpServer : public ::testing::Test {
 protected:
  void Start(Options options) {
    if (options.listen_addresses.empty()) options.listen_addresses = {"127.0.0.1:0"};
    auto observer = [this](std::string_view handler, int code, Nanoseconds duration) {
      MutexLock lock(mutex_);
      if (duration < Nanoseconds(0)) seen_.insert("negative duration");
      seen_.insert(std::string(handler) + " " + std::to_string(code));
      changed_.NotifyAll();
    };
    Result<std::unique_ptr<Server>> server =
        StartServer(std::move(options), Routes(), observer, log_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = *std::move(server);
    port_ = server_->ports().at(0);
  }

  std::vector<Route> Routes() {
    std::vector<Route> routes = std::move(more_routes_);
    routes.push_back(MakeRoute("GET", "/hello", [](const Request&) {
      return Response{.body = "hello\n", .headers = {{"X-Greeting", "yes"}}};
    }));
    routes.push_back(MakeRoute("GET", "/show/", [](const Request& request) {
      std::string text = request.method + " " + request.path;
      for (const auto& [name, value] : request.query) text.append("|" + name + "=" + value);
      return Response{.body = text, .headers = {}};
    }));
    Route probe = MakeRoute("GET", "/-/healthy", [](const Request&) {
      return Response{.body = "healthy\n", .headers = {}};
    });
    probe.without_web_auth = true;
    routes.push_back(std::move(probe));
    routes.push_back(MakeRoute("GET", "/page", [](const Request&) {
      return Response{.body = std::string(kPageBytes, 'x'), .headers = {}};
    }));
    routes.push_back(MakeRoute("POST", "/echo", Echo, 100));
    routes.push_back(MakeRoute("POST", "/large", Echo, 1'000'000));
    Route guarded = MakeRoute("POST", "/guarded", Echo, 1000);
    guarded.guard = [](const Request& request) -> std::optional<Response> {
      if (HasBearerToken(request, "s3cret") && request.body.empty()) return std::nullopt;
      return ErrorResponse(401, "a bearer token is needed");
    };
    routes.push_back(std::move(guarded));
    routes.push_back(MakeRoute("GET", "/throws", [](const Request&) -> Response {
      throw std::runtime_error("the handler broke");
    }));
    routes.push_back(MakeRoute("GET", "/throws-int", [](const Request&) -> Response { throw 17; }));
    return routes;
  }

  // What the observer saw, once it is at least this much: an answer arrives before it is accounted
  // for.
  std::multiset<std::string> Seen(std::size_t count) {
    const SteadyTime patience = SystemClock().Steady() + Seconds(10);
    MutexLock lock(mutex_);
    while (seen_.size() < count && SystemClock().Steady() < patience) {
      changed_.WaitUntil(mutex_, patience);
    }
    return seen_;
  }

  testing::RecordingLogger log_;
  std::vector<Route> more_routes_;
  Mutex mutex_;
  CondVar changed_;
  std::multiset<std::string> seen_ WARDEN_GUARDED_BY(mutex_);
  std::unique_ptr<Server> server_;  // ends first: its observer uses the others
  int port_ = 0;
};

}  // namespace warden::http
