#include "exporter/app/public_address.h"

#include <gtest/gtest.h>

namespace warden::app {
namespace {

TEST(MakePublicAddress, TakesTheUrlApart) {
  struct Case {
    std::string url, scheme, host, prefix;
  };
  for (const Case& each :
       {Case{"", "", "", ""}, Case{"http://warden:12379", "http", "warden:12379", ""},
        Case{"https://warden.example.com/", "https", "warden.example.com:443", ""},
        Case{"http://warden.example.com/etcd/", "http", "warden.example.com:80", "/etcd"},
        Case{"HTTPS://[::1]:8443/a/b", "https", "[::1]:8443", "/a/b"},
        Case{"http://[::1]", "http", "[::1]:80", ""}}) {
    const auto address = MakePublicAddress("", each.url);
    ASSERT_TRUE(address.ok()) << each.url << address.status().message();
    EXPECT_EQ(address->scheme, each.scheme) << each.url;
    EXPECT_EQ(address->host, each.host) << each.url;
    EXPECT_EQ(address->prefix, each.prefix) << each.url;
    EXPECT_EQ(address->external_path, each.prefix) << each.url;
  }
}

TEST(MakePublicAddress, AProxyMayTakeAPartOfThePathAway) {
  struct Case {
    std::string flag, url, prefix, external_path;
  };
  for (const Case& each : {Case{"", "https://example.org/etcd", "/etcd", "/etcd"},
                           Case{"/", "https://example.org/etcd", "", "/etcd"},
                           Case{"/warden", "https://example.org/etcd", "/warden", "/etcd"},
                           Case{"/warden", "https://example.org", "/warden", ""},
                           Case{"warden/", "", "/warden", "/warden"},
                           Case{"a/b", "", "/a/b", "/a/b"}, Case{"/", "", "", ""}}) {
    const auto address = MakePublicAddress(each.flag, each.url);
    ASSERT_TRUE(address.ok()) << each.flag << " " << each.url;
    EXPECT_EQ(address->prefix, each.prefix) << each.flag << " " << each.url;
    EXPECT_EQ(address->external_path, each.external_path) << each.flag << " " << each.url;
  }
}

TEST(MakePublicAddress, NamesTheFlagThatIsWrong) {
  for (const char* url :
       {"warden:12379", "ftp://warden", "http://", "http:///x", "http://a b", "http://warden/?x=1",
        "http://warden?x", "http://user@warden/", "http://warden/<script>", "http://warden/a//b",
        "http://:80", "http://]]:[", "http://warden:", "http://warden:0", "http://warden:65536",
        "http://warden:x", "http://[::1", "http://::1", "http://[127.0.0.1]"}) {
    const auto address = MakePublicAddress("", url);
    ASSERT_FALSE(address.ok()) << url;
    EXPECT_TRUE(address.error().message().starts_with("--web.external-url: ")) << url;
  }
  for (const char* prefix :
       {"a b", "/a//b", "/a?b", "/\"", "/%41", "/-/", "/-/healthy", "-", "/-"}) {
    const auto address = MakePublicAddress(prefix, "");
    ASSERT_FALSE(address.ok()) << prefix;
    EXPECT_TRUE(address.error().message().starts_with("--web.route-prefix: ")) << prefix;
  }
}

TEST(LooksLikeAddress, IsAHostWithOrWithoutAPort) {
  for (const char* text : {"warden", "warden:12379", "etcd-1.example.com.:80", "10.0.0.9",
                           "10.0.0.9:12379", "[::1]", "[2001:db8::1]:65535"}) {
    EXPECT_TRUE(LooksLikeAddress(text)) << text;
  }
  for (const std::string& text :
       {std::string(), std::string(":80"), std::string("]]:["), std::string("[]:80"),
        std::string("[::1]80"), std::string("[::1]x:80"), std::string("::1"), std::string("a:b:80"),
        std::string("a:-1"), std::string("a:+1"), std::string("a b"), std::string("a/b"),
        std::string("a\"b"), std::string("a:00000000080000"), std::string(600, 'a')}) {
    EXPECT_FALSE(LooksLikeAddress(text)) << text;
  }
}

}  // namespace
}  // namespace warden::app
