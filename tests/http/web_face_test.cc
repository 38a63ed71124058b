// The web configuration as clients see it: users, limits and headers, and what happens when its
// files change.
#include "exporter/http/web_face.h"

#include <gtest/gtest.h>

#include <new>

#include "tests/http/web_server.h"

namespace warden::http {
namespace {

using testing::Bcrypt;
using testing::HttpHeaders;

const HttpHeaders kAlice = {{"Authorization", "Basic YWxpY2U6aHVudGVyMg=="}};  // hunter2

std::string UsersText(const std::string& password = "hunter2") {
  return "basic_auth_users: {alice: '" + Bcrypt(password) + "'}\n";
}

TEST_F(WebServer, ServesKnownUsersOnly) {
  StartWith(UsersText());
  EXPECT_EQ(Get(port_, "/hello", kAlice).code, 200);
  const HttpReply unknown = Get(port_, "/hello");
  EXPECT_EQ(unknown.code, 401);
  EXPECT_EQ(unknown.headers.at("www-authenticate"), "Basic realm=\"etcd-warden\"");
  for (const char* header : {"Basic YWxpY2U6aHVudGVyMw==",  // alice:hunter3
                             "Basic bWFsbG9yeTpodW50ZXIy",  // mallory:hunter2
                             "Basic YWxpY2U=", "Bearer x", "garbage"}) {
    EXPECT_EQ(Get(port_, "/hello", {{"Authorization", header}}).code, 401) << header;
  }
  // An outsider does not learn what there is.
  EXPECT_EQ(Get(port_, "/nowhere").code, 401);
  EXPECT_EQ(Post(port_, "/hello", "").code, 401);
  EXPECT_EQ(Get(port_, "/nowhere", kAlice).code, 404);
  EXPECT_EQ(Get(port_, "/-/healthy").code, 200);
}

TEST_F(WebServer, ServesNoMoreThanItsRateLimitAllows) {
  StartWith("rate_limit: {interval: 1h, burst: 2}\n");
  EXPECT_EQ(Get(port_, "/hello").code, 200);
  EXPECT_EQ(Get(port_, "/nowhere").code, 404);
  const HttpReply refused = Get(port_, "/hello");
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.headers.count("retry-after"), 1U);
  EXPECT_EQ(Get(port_, "/-/healthy").code, 200);
}

TEST_F(WebServer, AddsTheHeadersOfTheFileToEveryAnswer) {
  StartWith(
      "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
      "    X-Content-Type-Options: nosniff\n    Content-Security-Policy: default-src 'none'\n");
  for (const HttpReply& reply : {Get(port_, "/hello"), Get(port_, "/nowhere"),
                                 Get(port_, "/throws"), Get(port_, "relative")}) {
    EXPECT_EQ(reply.headers.at("x-frame-options"), "deny") << reply.code;
    EXPECT_EQ(reply.headers.at("content-security-policy"), "default-src 'none'") << reply.code;
  }
}

TEST_F(WebServer, TakesARotatedCertificate) {
  StartTls();
  const long before = SerialNumber();
  ca_.Issue("server");
  EXPECT_TRUE(Becomes([&] { return SerialNumber() == before + 1; }, true));
  EXPECT_TRUE(log_.Contains("web configuration reloaded"));
}

TEST_F(WebServer, KeepsTheLastGoodCertificateUntilThereIsAnother) {
  StartTls();
  const long before = SerialNumber();
  Replace("server.crt", "garbage");
  const auto complaints = [&] { return Logged("level=error"); };
  EXPECT_TRUE(Becomes([&] { return SerialNumber() == before && complaints() == 1; }, true));
  // The next look finds it as bad as before: no second line.
  std::this_thread::sleep_for(Milliseconds(1200));
  EXPECT_EQ(SerialNumber(), before);
  EXPECT_EQ(complaints(), 1U);
  // Half of a new pair is bad in another way.
  testing::CertificateFiles next = ca_.Issue("next");
  std::filesystem::rename(next.cert, dir_ / "server.crt");
  EXPECT_TRUE(Becomes([&] { return SerialNumber() == before && complaints() == 2; }, true));
  EXPECT_TRUE(log_.Contains("the private key does not belong to the certificate"));
  std::filesystem::rename(next.key, dir_ / "server.key");
  EXPECT_TRUE(Becomes([&] { return SerialNumber() == before + 1; }, true));
}

TEST_F(WebServer, TakesAnotherClientAuthority) {
  testing::CertificateAuthority next(dir_, "next");
  const CertificateFiles old_client = ca_.Issue("client");
  const CertificateFiles new_client = next.Issue("new-client");
  std::filesystem::copy_file(ca_.file(), dir_ / "clients.crt");
  StartTls("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.crt\n");
  EXPECT_EQ(CodeOf({.ca = ca_.file(), .own = old_client}), 200);
  EXPECT_EQ(CodeOf({.ca = ca_.file(), .own = new_client}), 0);
  std::filesystem::rename(next.file(), dir_ / "clients.crt");
  const auto ask = [&] { return CodeOf({.ca = ca_.file(), .own = new_client}); };
  EXPECT_TRUE(Becomes(ask, 200));
  EXPECT_EQ(CodeOf({.ca = ca_.file(), .own = old_client}), 0);
}

TEST_F(WebServer, TakesOtherUsersAndForgetsTheOld) {
  StartWith(UsersText());
  EXPECT_EQ(Get(port_, "/hello", kAlice).code, 200);
  Replace("web.yml", UsersText("another"));
  EXPECT_TRUE(Becomes([&] { return Get(port_, "/hello", kAlice).code; }, 401));
  Replace("web.yml", "");
  EXPECT_TRUE(Becomes([&] { return Get(port_, "/hello").code; }, 200));
}

TEST_F(WebServer, StaysClosedWhenItsFileVanishesOrBreaks) {
  StartWith(UsersText());
  EXPECT_EQ(Get(port_, "/hello", kAlice).code, 200);
  Replace("web.yml", "basic_auth_users: {alice: hunter2}\n");
  const auto complains = [&] {
    EXPECT_EQ(Get(port_, "/hello").code, 401);
    return Logged("level=error msg=\"web configuration not reloaded");
  };
  EXPECT_TRUE(Becomes(complains, 1U));
  EXPECT_FALSE(log_.Contains("hunter2"));
  std::filesystem::remove(dir_ / "web.yml");
  EXPECT_TRUE(Becomes(complains, 2U));
  EXPECT_EQ(Get(port_, "/hello", kAlice).code, 200);
}

TEST_F(WebServer, TurnsTlsOnOrOffByARestartOnly) {
  StartTls();
  Replace("web.yml", "");
  const auto says_so = [&] {
    EXPECT_EQ(CodeOf({.ca = ca_.file()}), 200);
    return log_.Contains("web.yml: TLS is turned on or off by a restart only");
  };
  EXPECT_TRUE(Becomes(says_so, true));
  StartWith("");
  Replace("web.yml", kTlsText);
  EXPECT_TRUE(Becomes(
      [&] { return Get(port_, "/hello").code == 200 && Logged("by a restart only") == 2; }, true));
}

// Like a machine without memory left, at the worst moment.
class ThrowingLogger final : public Logger {
 public:
  void Log(LogLevel /*level*/, std::string_view /*message*/,
           std::initializer_list<LogField> /*fields*/) override {
    throw std::bad_alloc();
  }
};

TEST_F(WebServer, LooksAgainAfterALookThatThrew) {
  ThrowingLogger log;
  Replace("users.yml", UsersText());
  const auto face = WebFace::Open(dir_ / "users.yml", log);
  ASSERT_TRUE(face.ok()) << face.error().message();
  const auto users = [&]() -> std::size_t {
    try {
      return (*face)->Current()->config.users.size();
    } catch (const std::bad_alloc&) {
      return 99;
    }
  };
  EXPECT_EQ(users(), 1U);
  Replace("users.yml", "");
  EXPECT_TRUE(Becomes(users, std::size_t{99})) << "the new file was to be logged";
  Replace("users.yml", UsersText() + "rate_limit: {interval: 1s, burst: 1}\n");
  EXPECT_TRUE(Becomes(users, std::size_t{1}));
}

}  // namespace
}  // namespace warden::http
