#include "exporter/http/listen.h"

#include <gtest/gtest.h>

namespace warden::http {
namespace {

TEST(ListenAddress, IsHostAndPort) {
  struct Case {
    const char* text;
    const char* host;
    int port;
  };
  const Case cases[] = {
      {":12379", "", 12379},
      {"127.0.0.1:0", "127.0.0.1", 0},
      {"localhost:65535", "localhost", 65535},
      {"[::1]:80", "::1", 80},
      {"[::]:80", "::", 80},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const Result<ListenAddress> address = ParseListenAddress(c.text);
    ASSERT_TRUE(address.ok());
    EXPECT_EQ(address->host, c.host);
    EXPECT_EQ(address->port, c.port);
  }
}

TEST(ListenAddress, IsRefusedWhenMalformed) {
  for (const char* text : {"",
                           "12379",
                           "127.0.0.1",
                           "localhost:",
                           ":",
                           ":http",
                           ":-1",
                           ":+1",
                           ":65536",
                           ":99999999999",
                           ":80 ",
                           ":80s",
                           "::1:80",
                           "[::1]",
                           "[::1:80",
                           "[]:80",
                           "[::1]x:80",
                           "[localhost]:80",
                           "[fe80::1%eth0]:80",
                           "a,b:80",
                           "a b:80",
                           "http://localhost:80"}) {
    const Result<ListenAddress> address = ParseListenAddress(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_EQ(address.error().code(), Code::kInvalidArgument) << text;
  }
}

TEST(PrepareListener, NamesAddressAndReason) {
  const Result<std::string> malformed = PrepareListener("127.0.0.1");
  ASSERT_FALSE(malformed.ok());
  EXPECT_EQ(malformed.error().message(),
            "listen on 127.0.0.1: want host:port, :port or [IPv6 address]:port");
  // An address of the documentation range is no machine's own.
  const Result<std::string> foreign = PrepareListener("192.0.2.1:80");
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(foreign.error().message(), "listen on 192.0.2.1:80: Cannot assign requested address");
}

TEST(PrepareListener, RefusesAHostThatHasNoAddress) {
  const Result<std::string> listener = PrepareListener("no-such-host.invalid:80");
  ASSERT_FALSE(listener.ok());
  EXPECT_EQ(listener.error().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(listener.error().message().starts_with("listen on no-such-host.invalid:80: "));
}

TEST(PrepareListener, ResolvesAHostName) {
  const Result<std::string> listener = PrepareListener("localhost:0");
  ASSERT_TRUE(listener.ok()) << listener.error().message();
  EXPECT_TRUE(*listener == "127.0.0.1:0" || *listener == "[::1]:0") << *listener;
}

}  // namespace
}  // namespace warden::http
