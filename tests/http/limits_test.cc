// Bodies, headers and clients that are too large, too slow, or wrong.
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/http/http_server.h"

namespace warden::http {
namespace {

TEST_F(HttpServer, TakesBodiesUpToTheLimit) {
  Start({});
  const std::string at_limit(100, 'x');
  EXPECT_EQ(Post(port_, "/echo", "").code, 200);
  EXPECT_EQ(Post(port_, "/echo", at_limit).body, at_limit);
  const HttpReply over = Post(port_, "/echo", at_limit + "x");
  EXPECT_EQ(over.code, 413);
  EXPECT_EQ(over.body, "{\"error\":\"the body is larger than 100 bytes\"}\n");
  EXPECT_EQ(over.headers.at("connection"), "close");
  EXPECT_EQ(Ask(port_, "GET", "/hello", {}, "x").code, 413);

  std::string large(1'000'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7);
  EXPECT_EQ(Post(port_, "/large", large).body, large);
}

TEST_F(HttpServer, RefusesATooLargeContentLengthWithoutTheBody) {
  Start({});
  for (const char* length : {"101", "9223372036854775807", "99999999999999999999999999"}) {
    HttpConnection connection(port_);
    connection.Send("POST /echo HTTP/1.1\r\nContent-Length: " + std::string(length) + "\r\n\r\n");
    EXPECT_EQ(connection.ReadReply().code, 413) << length;
  }
}

TEST_F(HttpServer, RefusesAMisleadingLength) {
  Start({});
  const char* const framings[] = {
      "Content-Length: -1",
      "Content-Length: abc",
      "Content-Length: 3abc",
      "Content-Length: 0x3",
      "Content-Length: +3",
      "Content-Length:",
      "Content-Length: 3\r\nContent-Length: 3",
      "Content-Length: 3\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: gzip",
      "Transfer-Encoding: gzip, chunked",
      "Transfer-Encoding: identity",
  };
  for (const char* framing : framings) {
    HttpConnection connection(port_);
    connection.Send("POST /echo HTTP/1.1\r\n" + std::string(framing) + "\r\n\r\nabc");
    EXPECT_EQ(connection.ReadReply().code, 400) << framing;
  }
}

TEST_F(HttpServer, EndsARequestWhoseBodyIsShorterThanItSays) {
  Start({.listen_addresses = {}, .request_timeout = Milliseconds(200)});
  const std::string reply = SendRaw(port_, "POST /echo HTTP/1.1\r\nContent-Length: 50\r\n\r\nabc");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 408 ")) << reply;
  EXPECT_EQ(Seen(1), (std::multiset<std::string>{"/echo 408"}));
}

TEST_F(HttpServer, TakesChunkedBodiesUpToTheLimit) {
  Start({});
  const std::string header = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string forty = "28\r\n" + std::string(40, 'x') + "\r\n";
  struct Case {
    std::string chunks;
    int code;
    std::string body;
  };
  const Case cases[] = {
      {"0\r\n\r\n", 200, ""},
      {"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, "abcde"},
      {forty + forty + "14\r\n" + std::string(20, 'y') + "\r\n0\r\n\r\n", 200,
       std::string(80, 'x') + std::string(20, 'y')},
      {forty + forty + "15\r\n" + std::string(21, 'y') + "\r\n0\r\n\r\n", 413, ""},
      {"ffffffff\r\n" + std::string(200, 'z'), 413, ""},
      {"ffffffffffffffff\r\nabc", 400, ""},
      {"xyz\r\nabc\r\n0\r\n\r\n", 400, ""},
      {"3\r\nabcdef\r\n0\r\n\r\n", 400, ""},
      {"-3\r\nabc\r\n0\r\n\r\n", 400, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.chunks.substr(0, 30));
    HttpConnection connection(port_);
    connection.Send(header + c.chunks);
    const HttpReply reply = connection.ReadReply();
    EXPECT_EQ(reply.code, c.code);
    if (c.code == 200) {
      EXPECT_EQ(reply.body, c.body);
    }
  }
}

TEST_F(HttpServer, WaitsForNoChunksWhereThereMayBeNone) {
  Start({});
  HttpConnection connection(port_);
  connection.Send("GET /hello HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(connection.ReadReply().code, 413);
}

TEST_F(HttpServer, AsksTheGuardBeforeItReadsTheBody) {
  Start({});
  HttpConnection connection(port_);
  connection.Send("POST /guarded HTTP/1.1\r\nContent-Length: 500\r\n\r\n");
  EXPECT_EQ(connection.ReadReply().code, 401);
  // An outsider learns nothing of the limit either.
  EXPECT_EQ(Post(port_, "/guarded", std::string(2000, 'x')).code, 401);
  const testing::HttpHeaders token = {{"Authorization", "Bearer s3cret"}};
  EXPECT_EQ(Post(port_, "/guarded", "ok", token).body, "ok");
  EXPECT_EQ(Post(port_, "/guarded", std::string(2000, 'x'), token).code, 413);
}

TEST_F(HttpServer, InvitesTheBodyOfAClientThatWaits) {
  Start({});
  const std::string header =
      "POST /guarded HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n";
  HttpConnection welcome(port_);
  welcome.Send(header + "Authorization: Bearer s3cret\r\n\r\n");
  EXPECT_EQ(welcome.ReadReply().code, 100);
  welcome.Send("abc");
  EXPECT_EQ(welcome.ReadReply().body, "abc");

  EXPECT_TRUE(SendRaw(port_, header + "\r\n").starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(Post(port_, "/echo", "x", {{"Expect", "a miracle"}}).code, 417);
}

TEST_F(HttpServer, NeverTakesARefusedBodyForARequest) {
  Start({});
  const std::string hidden = FormatRequest("GET", "/hello", {}, "");
  const std::string reply = SendRaw(port_, FormatRequest("POST", "/nowhere", {}, hidden));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 404 ")) << reply;
  EXPECT_EQ(reply.find("HTTP/1.1 200"), std::string::npos) << reply;
}

TEST_F(HttpServer, SurvivesGarbage) {
  Start({.listen_addresses = {}, .request_timeout = Milliseconds(200)});
  using std::string_literals::operator""s;
  const std::string cases[] = {
      "\r\n\r\n\r\n",
      "\0\0\0\0\0\0\r\n\r\n"s,
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s,  // a TLS hello
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET\r\n\r\n",
      "GET /hello\r\n\r\n",
      "GET /hello HTTP/9.9\r\n\r\n",
      "GET hello HTTP/1.1\r\n\r\n",
      "GET /hel\x01lo HTTP/1.1\r\n\r\n",
      "BREW /hello HTTP/1.1\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\n\r\n",
      "GET http://elsewhere.invalid/hello HTTP/1.1\r\n\r\n",
      "GET /hello HTTP/1.1\r\nConnection: close\r\n: nameless\r\n no colon\r\n\r\n",
      "GET /hello HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      std::string(3000, '\xff'),
  };
  for (const std::string& bytes : cases) {
    SendRaw(port_, bytes);
    EXPECT_EQ(Get(port_, "/hello").code, 200) << ::testing::PrintToString(bytes.substr(0, 40));
  }
}

TEST_F(HttpServer, RefusesAHugeHeader) {
  Start({});
  const HttpReply wide = Get(port_, "/hello", {{"X-Wide", std::string(40'000, 'x')}});
  EXPECT_GE(wide.code, 400);
  EXPECT_LT(wide.code, 500);
  testing::HttpHeaders many;
  for (int i = 0; i < 100; ++i) many["X-" + std::to_string(i)] = "x";
  EXPECT_EQ(Get(port_, "/hello", many).code, 431);
  EXPECT_EQ(Get(port_, "/hello", {{"X-Fits", std::string(15'000, 'x')}}).code, 200);
}

TEST_F(HttpServer, CutsOffAClientThatDripsItsHeader) {
  Start({.listen_addresses = {}, .threads = 1, .request_timeout = Milliseconds(200)});
  HttpConnection connection(port_);
  int sent = 0;
  for (const char c : std::string(400, 'x')) {
    if (!connection.Send(sent == 0 ? std::string("GET /") : std::string(1, c))) break;
    ++sent;
    std::this_thread::sleep_for(Milliseconds(25));
  }
  EXPECT_LT(sent, 400);
  // The only thread is free again.
  EXPECT_EQ(Get(port_, "/hello").code, 200);
}

TEST_F(HttpServer, CutsOffAClientThatDripsItsBody) {
  Start({.listen_addresses = {}, .threads = 1, .request_timeout = Milliseconds(200)});
  HttpConnection connection(port_);
  connection.Send("POST /large HTTP/1.1\r\nContent-Length: 400\r\n\r\n");
  int sent = 0;
  while (sent < 400 && connection.Send("x")) {
    ++sent;
    std::this_thread::sleep_for(Milliseconds(25));
  }
  EXPECT_LT(sent, 400);
  EXPECT_EQ(Get(port_, "/hello").code, 200);
  EXPECT_EQ(Seen(2), (std::multiset<std::string>{"/large 408", "/hello 200"}));
}

TEST_F(HttpServer, SurvivesClientsThatLeaveEarly) {
  Start({});
  for (int i = 0; i < 20; ++i) {
    HttpConnection(port_).Send(FormatRequest("GET", "/page", {}, ""));
  }
  EXPECT_EQ(Get(port_, "/page").body.size(), kPageBytes);
}

}  // namespace
}  // namespace warden::http
