#include "exporter/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "exporter/http/listen.h"
#include "tests/http/http_server.h"

namespace warden::http {
namespace {

TEST_F(HttpServer, AnswersARouteWithTheUsualHeaders) {
  Start({});
  const HttpReply reply = Get(port_, "/hello");
  EXPECT_EQ(reply.code, 200);
  EXPECT_EQ(reply.body, "hello\n");
  EXPECT_EQ(reply.headers, (testing::HttpHeaders{{"cache-control", "no-store"},
                                                 {"connection", "keep-alive"},
                                                 {"content-length", "6"},
                                                 {"content-type", "text/plain; charset=utf-8"},
                                                 {"x-content-type-options", "nosniff"},
                                                 {"x-greeting", "yes"}}));
}

TEST_F(HttpServer, AnswersAnUnknownPath404AndAnotherMethod405) {
  Start({});
  const HttpReply unknown = Get(port_, "/nowhere");
  EXPECT_EQ(unknown.code, 404);
  EXPECT_EQ(unknown.body, "{\"error\":\"nothing is served at this path\"}\n");
  EXPECT_EQ(unknown.headers.at("content-type"), "application/json");
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const HttpReply other = Ask(port_, method, "/hello");
    EXPECT_EQ(other.code, 405) << method;
    EXPECT_EQ(other.headers.at("allow"), "GET, HEAD") << method;
  }
}

TEST_F(HttpServer, AnswersHeadWithTheLengthButNoBody) {
  Start({});
  HttpConnection connection(port_);
  connection.Send(FormatRequest("HEAD", "/hello", {}, ""));
  const HttpReply head = connection.ReadReply(/*head=*/true);
  EXPECT_EQ(head.code, 200);
  EXPECT_EQ(head.headers.at("content-length"), "6");
  // Were there a body, it would stand before this answer.
  connection.Send(FormatRequest("HEAD", "/nowhere", {}, ""));
  EXPECT_EQ(connection.ReadReply(/*head=*/true).code, 404);
  connection.Send(FormatRequest("GET", "/hello", {}, ""));
  EXPECT_EQ(connection.ReadReply().body, "hello\n");
}

TEST_F(HttpServer, DecodesPathAndQuery) {
  Start({});
  EXPECT_EQ(Get(port_, "/show/a%20b%2Fc?x=1&y=%26+z&x=2").body, "GET /show/a b/c|x=1|x=2|y=& z");
  EXPECT_EQ(Get(port_, "/show/a+b").body, "GET /show/a+b");
  EXPECT_EQ(Get(port_, "/%68ello").body, "hello\n");
  // Paths are compared as they are: nothing climbs out of a prefix.
  EXPECT_EQ(Get(port_, "/show/../hello").body, "GET /show/../hello");
  for (const char* path : {"/hello%00", "/hello%0", "/hello%zz", "/hello?a=%", "/hello?%00"}) {
    EXPECT_EQ(Get(port_, path).code, 400) << path;
  }
}

TEST_F(HttpServer, TurnsAnExceptionInto500AndGoesOn) {
  Start({});
  const HttpReply reply = Get(port_, "/throws");
  EXPECT_EQ(reply.code, 500);
  EXPECT_EQ(reply.body, "{\"error\":\"internal error, see the log\"}\n");
  EXPECT_EQ(Get(port_, "/throws-int").code, 500);
  EXPECT_EQ(Get(port_, "/hello").code, 200);
  EXPECT_EQ(Seen(3), (std::multiset<std::string>{"/throws 500", "/throws-int 500", "/hello 200"}));
  EXPECT_TRUE(log_.Contains("level=error msg=\"request failed\" error=\"the handler broke\""))
      << ::testing::PrintToString(log_.lines());
}

TEST_F(HttpServer, ServesSeveralRequestsOnOneConnection) {
  Start({});
  HttpConnection connection(port_);
  connection.Send(FormatRequest("POST", "/echo", {}, "one") +
                  FormatRequest("POST", "/echo", {}, "two"));
  EXPECT_EQ(connection.ReadReply().body, "one");
  EXPECT_EQ(connection.ReadReply().body, "two");
  connection.Send(FormatRequest("GET", "/hello", {{"Connection", "close"}}, ""));
  EXPECT_EQ(connection.ReadReply().headers.at("connection"), "close");
  EXPECT_EQ(connection.ReadAll(), "");
}

TEST_F(HttpServer, ReportsEachRequestOnce) {
  Start({});
  Get(port_, "/hello");
  Get(port_, "/show/17");
  Get(port_, "/nowhere/17");
  Post(port_, "/hello", "");
  Post(port_, "/guarded", "x");
  SendRaw(port_, "garbage\r\n\r\n");
  Get(port_, "/hello");
  EXPECT_EQ(Seen(7),
            (std::multiset<std::string>{"/hello 200", "/show/ 200", "other 404", "/hello 405",
                                        "/guarded 401", "other 400", "/hello 200"}));
}

TEST_F(HttpServer, ServesOthersWhileAHandlerIsSlow) {
  std::promise<void> entered;
  std::promise<void> release;
  more_routes_.push_back(MakeRoute("GET", "/slow", [&](const Request&) {
    entered.set_value();
    release.get_future().wait();
    return Response{.body = "at last", .headers = {}};
  }));
  Start({.listen_addresses = {}, .threads = 2});
  auto slow = std::async(std::launch::async, [&] { return Get(port_, "/slow"); });
  entered.get_future().wait();
  EXPECT_EQ(Get(port_, "/hello").code, 200);
  release.set_value();
  EXPECT_EQ(slow.get().body, "at last");
}

TEST_F(HttpServer, WaitsForRunningHandlersWhenItEnds) {
  std::promise<void> entered;
  std::promise<void> release;
  std::atomic<bool> done = false;
  more_routes_.push_back(MakeRoute("GET", "/slow", [&](const Request&) {
    entered.set_value();
    release.get_future().wait();
    done = true;
    return Response{};
  }));
  Start({});
  HttpConnection connection(port_);
  connection.Send(FormatRequest("GET", "/slow", {}, ""));
  entered.get_future().wait();
  auto ended = std::async(std::launch::async, [&] {
    server_.reset();
    return done.load();
  });
  // The port is given up first, so its end has begun; the handler still has not returned.
  while (!PrepareListener("127.0.0.1:" + std::to_string(port_)).ok()) {
    std::this_thread::sleep_for(Milliseconds(1));
  }
  release.set_value();
  EXPECT_TRUE(ended.get());
}

TEST_F(HttpServer, SaysWhichAddressIsBusy) {
  Start({});
  const std::string busy = "127.0.0.1:" + std::to_string(port_);
  const Result<std::unique_ptr<Server>> second = StartServer(
      {.listen_addresses = {"127.0.0.1:0", busy}}, {}, [](std::string_view, int, Nanoseconds) {},
      log_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(second.error().message(), "listen on " + busy + ": Address already in use");
}

TEST_F(HttpServer, RefusesTheSameAddressTwice) {
  Start({});
  const std::string address = "127.0.0.1:" + std::to_string(port_);
  server_.reset();
  const Result<std::unique_ptr<Server>> twice = StartServer(
      {.listen_addresses = {address, address}}, {}, [](std::string_view, int, Nanoseconds) {},
      log_);
  ASSERT_FALSE(twice.ok());
  EXPECT_TRUE(twice.error().message().starts_with("listen on " + address));
  EXPECT_NE(twice.error().message().find("Address already in use"), std::string::npos)
      << twice.error().message();
}

TEST_F(HttpServer, RefusesOptionsThatCannotWork) {
  const Options cases[] = {
      {.listen_addresses = {}},
      {.listen_addresses = {"127.0.0.1"}},
      {.listen_addresses = {"127.0.0.1:0"}, .threads = 0},
      {.listen_addresses = {"127.0.0.1:0"}, .threads = 2, .request_timeout = Milliseconds(0)},
  };
  for (const Options& options : cases) {
    const Result<std::unique_ptr<Server>> server = StartServer(
        options, {}, [](std::string_view, int, Nanoseconds) {}, log_);
    ASSERT_FALSE(server.ok());
    EXPECT_EQ(server.error().code(), Code::kInvalidArgument) << server.error().message();
  }
}

TEST_F(HttpServer, ListensOnSeveralAddressesInTheirOrder) {
  Start({.listen_addresses = {"127.0.0.1:0", "localhost:0", ":0"}});
  const std::vector<int> ports = server_->ports();
  ASSERT_EQ(ports.size(), 3U);
  EXPECT_NE(ports[0], ports[1]);
  for (const int port : ports) EXPECT_EQ(Get(port, "/hello").code, 200) << port;
}

TEST_F(HttpServer, ServesIpv6) {
  const Result<std::unique_ptr<Server>> probe = StartServer(
      {.listen_addresses = {"[::1]:0"}, .threads = 1}, {},
      [](std::string_view, int, Nanoseconds) {}, log_);
  if (!probe.ok()) GTEST_SKIP() << "this machine has no [::1]: " << probe.error().message();
  Start({.listen_addresses = {"[::1]:0", ":0"}});
  for (const int port : server_->ports()) {
    HttpConnection connection(port, AF_INET6);
    connection.Send(FormatRequest("GET", "/hello", {}, ""));
    EXPECT_EQ(connection.ReadReply().code, 200) << port;
  }
}

}  // namespace
}  // namespace warden::http
