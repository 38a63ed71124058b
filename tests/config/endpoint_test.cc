#include "exporter/config/endpoint.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace warden::config {
namespace {

TEST(Endpoint, ReadsWhatAnOperatorWrites) {
  struct Case {
    std::string url;
    std::string target;
    bool tls;
  };
  const std::vector<Case> cases = {
      {"https://etcd-0.etcd.svc:2379", "dns:///etcd-0.etcd.svc:2379", true},
      {"http://localhost:2379", "dns:///localhost:2379", false},
      {"localhost:2379", "dns:///localhost:2379", false},
      {"https://ETCD.Example.com.:2379", "dns:///etcd.example.com.:2379", true},
      {"https://my_host:1", "dns:///my_host:1", true},
      {"https://10.0.0.1:2379", "ipv4:10.0.0.1:2379", true},
      {"10.0.0.1:65535", "ipv4:10.0.0.1:65535", false},
      {"10.0.0.1:02379", "ipv4:10.0.0.1:2379", false},
      {"https://[::1]:2379", "ipv6:[::1]:2379", true},
      {"[2001:DB8:0:0::1]:2379", "ipv6:[2001:db8::1]:2379", false},
      {"http://[::ffff:10.0.0.1]:2379", "ipv6:[::ffff:10.0.0.1]:2379", false},
      {"unix:///run/etcd/etcd.sock", "unix:/run/etcd/etcd.sock", false},
      {"unixs:///run/etcd@0.sock", "unix:/run/etcd@0.sock", true},
  };
  for (const Case& each : cases) {
    const Result<Endpoint> endpoint = ParseEndpoint(each.url);
    ASSERT_TRUE(endpoint.ok()) << each.url << ": " << endpoint.status().message();
    EXPECT_EQ(endpoint->url, each.url);
    EXPECT_EQ(endpoint->target, each.target);
    EXPECT_EQ(endpoint->tls, each.tls) << each.url;
  }
}

TEST(Endpoint, SaysWhatIsWrong) {
  const std::string kIpv6 = " needs brackets around its IPv6 address; write ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "an endpoint is empty"},
      {"10.0.0.1", "\"10.0.0.1\" has no port; write https://10.0.0.1:2379"},
      {"http://etcd", "\"http://etcd\" has no port; write http://etcd:2379"},
      {"https://etcd:", "\"https://etcd:\" has no port; write https://etcd:2379"},
      {"https://[::1]", "\"https://[::1]\" has no port; write https://[::1]:2379"},
      {"https://::1:2379", "\"https://::1:2379\"" + kIpv6 + "https://[::1]:2379"},
      {"::1", "\"::1\"" + kIpv6 + "https://[::1]:2379"},
      {"https://:2379", "\"https://:2379\" has no host"},
      {"https://", "\"https://\" has no host"},
      {"https://[::1:2379", "\"https://[::1:2379\" has no closing \"]\""},
      {"https://[::1]2379", "\"https://[::1]2379\" has no \":\" between its host and its port"},
      {"https://[::g]:1", "\"https://[::g]:1\" has no valid IPv6 address between its brackets"},
      {"https://[fe80::1%eth0]:1",
       "\"https://[fe80::1%eth0]:1\" has no valid IPv6 address between its brackets"},
      {"https://10.0.0.256:1", "\"https://10.0.0.256:1\" has no valid IPv4 address"},
      {"https://10.0.1:1", "\"https://10.0.1:1\" has no valid IPv4 address"},
      {"https://-a:1", "\"https://-a:1\" has no valid host name"},
      {"https://a..b:1", "\"https://a..b:1\" has no valid host name"},
      {"https://a b:1", "\"https://a b:1\" has no valid host name"},
      {"https://b\xc3\xbcro:1", "\"https://b\xc3\xbcro:1\" has no valid host name"},
      {"https://a:0", "\"https://a:0\" has a port that is no number from 1 to 65535"},
      {"https://a:65536", "\"https://a:65536\" has a port that is no number from 1 to 65535"},
      {"https://a:+1", "\"https://a:+1\" has a port that is no number from 1 to 65535"},
      {"https://a:99999999999999999999",
       "\"https://a:99999999999999999999\" has a port that is no number from 1 to 65535"},
      {"https://a:2379/", "\"https://a:2379/\" has a path or a query; end it after the port"},
      {"https://a:2379?x=1", "\"https://a:2379?x=1\" has a path or a query; end it after the port"},
      {"a:1,b:1", "\"a:1,b:1\" holds several endpoints; give each one on its own"},
      {"ftp://a:1", "\"ftp://a:1\" has an unknown scheme; use https, http, unixs or unix"},
      {"HTTPS://a:1", "\"HTTPS://a:1\" has an unknown scheme; use https, http, unixs or unix"},
      {"unix://run/x", "\"unix://run/x\" needs an absolute path, as in unix:///run/etcd.sock"},
      {"unix:///", "\"unix:///\" names no socket"},
      {"unix:///run/%41",
       "\"unix:///run/%41\" has a character in its path that is none of A-Z a-z 0-9 / . _ - ~ + @ "
       "= :"},
      {"unix:///" + std::string(107, 'x'),
       "\"unix:///" + std::string(107, 'x') + "\" is longer than a socket's path may be"},
  };
  for (const auto& [url, message] : cases) {
    const Result<Endpoint> endpoint = ParseEndpoint(url);
    ASSERT_FALSE(endpoint.ok()) << url;
    EXPECT_EQ(endpoint.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(endpoint.error().message(), message);
  }
}

TEST(Endpoint, NeverRepeatsAPasswordInAUrl) {
  for (const char* url : {"https://root:hunter2@etcd:2379", "root:hunter2@etcd:2379",
                          "https://root:hunter2@etcd", "ftp://root:hunter2@etcd:2379"}) {
    const Result<Endpoint> endpoint = ParseEndpoint(url);
    ASSERT_FALSE(endpoint.ok());
    EXPECT_EQ(endpoint.error().message().find("hunter2"), std::string::npos);
  }
  EXPECT_EQ(ParseEndpoint("https://root:hunter2@etcd:2379").error().message(),
            "\"***@etcd:2379\" names a user; set the user apart from the endpoint");
}

}  // namespace
}  // namespace warden::config
