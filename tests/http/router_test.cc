#include "exporter/http/router.h"

#include <gtest/gtest.h>

namespace warden::http {
namespace {

std::vector<Route> Routes(std::initializer_list<std::pair<const char*, const char*>> entries) {
  std::vector<Route> routes;
  for (const auto& [method, path] : entries) {
    Route route;
    route.method = method;
    route.path = path;
    routes.push_back(std::move(route));
  }
  return routes;
}

TEST(Router, ChoosesByMethodAndPath) {
  const std::vector<Route> routes = Routes({{"GET", "/"},
                                            {"GET", "/metrics"},
                                            {"GET", "/api/"},
                                            {"GET", "/api/jobs/"},
                                            {"GET", "/api/jobs/last"},
                                            {"POST", "/api/jobs/"},
                                            {"POST", "/-/reload"}});
  struct Case {
    const char* method;
    const char* path;
    int route;  // index, or -1
    const char* allow;
    const char* label;
  };
  const Case cases[] = {
      {"GET", "/", 0, "GET, HEAD", "/"},
      {"GET", "/metrics", 1, "GET, HEAD", "/metrics"},
      {"HEAD", "/metrics", 1, "GET, HEAD", "/metrics"},
      {"POST", "/metrics", -1, "GET, HEAD", "/metrics"},
      {"get", "/metrics", -1, "GET, HEAD", "/metrics"},
      {"GET", "/metrics/", -1, "", "other"},
      {"GET", "/metricsx", -1, "", "other"},
      {"GET", "", -1, "", "other"},
      {"GET", "/api", -1, "", "other"},
      {"GET", "/api/x", 2, "GET, HEAD", "/api/"},
      {"GET", "/api/jobs/", 3, "GET, HEAD, POST", "/api/jobs/"},
      {"GET", "/api/jobs/17", 3, "GET, HEAD, POST", "/api/jobs/"},
      {"POST", "/api/jobs/17", 5, "GET, HEAD, POST", "/api/jobs/"},
      {"DELETE", "/api/jobs/17", -1, "GET, HEAD, POST", "/api/jobs/"},
      {"GET", "/api/jobs/last", 4, "GET, HEAD", "/api/jobs/last"},
      {"POST", "/api/jobs/last", -1, "GET, HEAD", "/api/jobs/last"},
      {"HEAD", "/-/reload", -1, "POST", "/-/reload"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.path);
    const Choice choice = ChooseRoute(routes, c.method, c.path);
    EXPECT_EQ(choice.route == nullptr ? -1 : choice.route - routes.data(), c.route);
    EXPECT_EQ(choice.allow, c.allow);
    EXPECT_EQ(choice.label, c.label);
  }
}

TEST(Router, AnExactPathIsNoPrefixWhateverItEndsIn) {
  std::vector<Route> routes = Routes({{"GET", "/etcd/"}, {"GET", "/etcd/metrics"}});
  routes[0].exact = true;
  EXPECT_EQ(ChooseRoute(routes, "GET", "/etcd/").route, routes.data());
  EXPECT_EQ(ChooseRoute(routes, "GET", "/etcd/metrics").route, &routes[1]);
  const Choice nothing = ChooseRoute(routes, "GET", "/etcd/nothing");
  EXPECT_EQ(nothing.route, nullptr);
  EXPECT_EQ(nothing.allow, "");
  EXPECT_EQ(nothing.label, "other");
}

}  // namespace
}  // namespace warden::http
