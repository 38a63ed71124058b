#include "exporter/app/routes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "exporter/app/alerts.h"
#include "exporter/app/backups.h"
#include "exporter/app/scrape.h"
#include "exporter/metrics/page.h"
#include "tests/app/runtime_fixture.h"
#include "tests/support/http_client.h"
#include "tests/support/promtool.h"

namespace warden::app {
namespace {

using testing::Get;
using testing::HttpReply;
using testing::Post;

class RoutesTest : public RuntimeTest {
 protected:
  void Serve(const RouteOptions& options = {}) {
    Start();
    auto server =
        http::StartServer({.listen_addresses = {"127.0.0.1:0"}}, MakeRoutes(*host_, options),
                          MakeObserver(runtime_->instruments(), options), log_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = *std::move(server);
    port_ = server_->ports().at(0);
  }
  std::string PageOf(const Selection& selection = {true, true, true}) {
    return Scrape(*runtime_, selection, Seconds(4)).Text();
  }
  HttpReply PostAlerts(const std::string& body, const std::string& token = "t0ken") {
    return Post(port_, "/api/v1/alerts/webhook", body, {{"Authorization", "Bearer " + token}});
  }

  std::unique_ptr<http::Server> server_;  // ends before the host
  int port_ = 0;
};

// What the file does not say: the default of scrape.max_concurrent.
constexpr int kMaxConcurrent = config::ScrapeConfig{}.max_concurrent;

bool Has(const std::string& page, const std::string& line) {
  return page.find("\netcdwarden_" + line + "\n") != std::string::npos;
}

TEST_F(RoutesTest, AScrapeOfADeadClusterSaysSo) {
  Start();
  const std::string page = PageOf();
  EXPECT_TRUE(Has(page, R"(up{etcd_cluster="prod"} 0)")) << page;
  EXPECT_TRUE(Has(page, R"(up{etcd_cluster="watched"} 0)")) << page;
  EXPECT_TRUE(Has(page, R"(endpoint_up{etcd_cluster="prod",etcd_endpoint="http://127.0.0.1:1"} 0)"))
      << page;
  EXPECT_TRUE(Has(page, R"(backup_stored{etcd_cluster="prod"} 0)")) << page;
  EXPECT_EQ(page.find(R"(backup_stored{etcd_cluster="watched"})"), std::string::npos) << page;
  EXPECT_TRUE(Has(page, "webhook_queue_depth 0")) << page;
  EXPECT_NE(page.find("\netcdwarden_exporter_build_info{"), std::string::npos) << page;
  testing::ExpectPromtoolClean(page);
}

TEST_F(RoutesTest, AScrapeSurvivesAnUnreadableCatalogue) {
  Start();
  files_.FailWhere([](testing::FileOperation operation, const Files::Path& path) {
    return operation == testing::FileOperation::kList && path.filename() == "backups";
  });
  const std::string page = PageOf();
  EXPECT_TRUE(Has(page, R"(backup_in_progress{etcd_cluster="prod"} 0)")) << page;
  EXPECT_EQ(page.find("\netcdwarden_backup_stored{"), std::string::npos) << page;
  EXPECT_TRUE(log_.Contains("cannot read the catalogue"));
}

TEST_F(RoutesTest, AnswersWhatProbesAndPrometheusAsk) {
  Serve();
  EXPECT_EQ(Get(port_, "/").code, 200);
  EXPECT_EQ(Get(port_, "/-/healthy").code, 200);
  EXPECT_EQ(Get(port_, "/-/ready").body, "etcd-warden is ready\n");
  const HttpReply metrics = Get(port_, "/metrics", {{"X-Prometheus-Scrape-Timeout-Seconds", "3"}});
  EXPECT_EQ(metrics.code, 200);
  EXPECT_EQ(metrics.headers.at("content-type"), metrics::kTextFormat);
  EXPECT_TRUE(Has(metrics.body, R"(scrape_timeout_seconds{etcd_cluster="prod"} 2.5)"))
      << metrics.body;
  EXPECT_EQ(Get(port_, "/nothing").code, 404);
}

TEST_F(RoutesTest, ShowsTheConfigurationInUse) {
  Serve();
  const HttpReply reply = Get(port_, "/config");
  EXPECT_EQ(reply.code, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(reply.body, runtime_->config().shown());
}

TEST_F(RoutesTest, APageHasWhatWasAskedFor) {
  Serve();
  struct Case {
    std::string query;
    bool clusters;
    bool backups;
    bool self;
  };
  const Case cases[] = {{"", true, true, true},
                        {"?other=x", true, true, true},
                        {"?collect[]=clusters", true, false, false},
                        {"?collect[]=backups", false, true, false},
                        {"?collect%5B%5D=self", false, false, true},
                        {"?collect[]=self&collect[]=backups&collect[]=self", false, true, true}};
  for (const Case& c : cases) {
    const HttpReply reply = Get(port_, "/metrics" + c.query);
    EXPECT_EQ(reply.code, 200) << c.query;
    EXPECT_EQ(Has(reply.body, R"(up{etcd_cluster="prod"} 0)"), c.clusters) << c.query;
    EXPECT_EQ(Has(reply.body, R"(backup_stored{etcd_cluster="prod"} 0)"), c.backups) << c.query;
    EXPECT_EQ(Has(reply.body, "webhook_queue_depth 0"), c.self) << c.query;
  }
  const HttpReply refused = Get(port_, "/metrics?collect[]=self&collect[]=nodes");
  EXPECT_EQ(refused.code, 400);
  EXPECT_NE(refused.body.find("nodes"), std::string::npos) << refused.body;
  EXPECT_NE(refused.body.find("clusters, backups, self"), std::string::npos) << refused.body;
}

TEST_F(RoutesTest, RefusesOneScrapeTooMany) {
  Serve();
  std::vector<Admission::Permit> permits;
  for (int i = 0; i < kMaxConcurrent; ++i) {
    permits.push_back(runtime_->Admit());
    ASSERT_NE(permits.back(), nullptr);
  }
  for (const std::string query : {"", "?collect[]=clusters", "?collect[]=backups"}) {
    const HttpReply refused = Get(port_, "/metrics" + query);
    EXPECT_EQ(refused.code, 503) << query;
    EXPECT_EQ(refused.headers.at("retry-after"), "1") << query;
  }
  const HttpReply self = Get(port_, "/metrics?collect[]=self");
  EXPECT_EQ(self.code, 200);
  EXPECT_TRUE(Has(self.body, R"(exporter_scrapes_rejected_total{reason="overload"} 3)"))
      << self.body;
  EXPECT_EQ(Get(port_, "/-/healthy").code, 200);
  permits.pop_back();
  EXPECT_EQ(Get(port_, "/metrics").code, 200);
  EXPECT_EQ(Get(port_, "/metrics").code, 200) << "a scrape gives its permit back";
}

TEST_F(RoutesTest, AGarbageTimeoutMeansTheDefault) {
  Serve();
  for (const std::string header : {"0", "-1", "nan", "x"}) {
    const HttpReply reply =
        Get(port_, "/metrics", {{"X-Prometheus-Scrape-Timeout-Seconds", header}});
    EXPECT_EQ(reply.code, 200) << header;
    EXPECT_TRUE(Has(reply.body, R"(scrape_timeout_seconds{etcd_cluster="prod"} 10)")) << header;
  }
  const std::string page = PageOf({.self = true});
  EXPECT_TRUE(Has(page, R"(exporter_scrapes_rejected_total{reason="bad_timeout"} 4)")) << page;
}

TEST_F(RoutesTest, EverythingLivesBelowThePrefix) {
  Serve({.address = {
             .scheme = "", .host = "", .prefix = "/etcd/warden", .external_path = "/etcd/warden"}});
  for (const std::string path : {"/", "/etcd/warden"}) {
    const HttpReply reply = Get(port_, path);
    EXPECT_EQ(reply.code, 302) << path;
    EXPECT_EQ(reply.headers.at("location"), "/etcd/warden/") << path;
  }
  const HttpReply index = Get(port_, "/etcd/warden/");
  EXPECT_EQ(index.code, 200);
  EXPECT_NE(index.body.find("href=\"metrics\""), std::string::npos) << index.body;
  EXPECT_EQ(Get(port_, "/etcd/warden/-/healthy").code, 200);
  EXPECT_EQ(Get(port_, "/etcd/warden/metrics").code, 200);
  EXPECT_EQ(Get(port_, "/etcd/warden/api/v1/jobs/x").code, 404);
  const HttpReply accepted = Post(port_, "/etcd/warden/api/v1/alerts/webhook",
                                  NotificationOf({"f1"}), {{"Authorization", "Bearer t0ken"}});
  ASSERT_EQ(accepted.code, 202) << accepted.body;
  const std::string id = ParseJson(accepted.body)->at("jobs").at(0);
  EXPECT_EQ(Get(port_, "/etcd/warden/api/v1/jobs/" + id).code, 200);
  for (const std::string path : {"/metrics", "/-/healthy", "/etcd", "/etcd/warden/nothing"}) {
    EXPECT_EQ(Get(port_, path).code, 404) << path;
  }
  // An answer arrives before it is counted, and each on a thread of its own.
  const std::string counts[] = {R"(exporter_http_requests_total{code="404",handler="other"} 4)",
                                R"(exporter_http_requests_total{code="200",handler="/metrics"} 1)",
                                R"(webhook_requests_total{code="202"} 1)"};
  const SteadyTime patience = clock_.Steady() + Seconds(10);
  std::string page;
  const auto all_counted = [&] {
    page = PageOf({.self = true});
    return std::ranges::all_of(counts, [&](const std::string& each) { return Has(page, each); });
  };
  while (!all_counted() && clock_.Steady() < patience) continue;
  for (const std::string& count : counts) EXPECT_TRUE(Has(page, count)) << count << "\n" << page;
  EXPECT_EQ(page.find(R"({code="404",handler="/"})"), std::string::npos) << page;
}

TEST_F(RoutesTest, RedirectsToThePathThatOthersSee) {
  Serve({.address = {.scheme = "https",
                     .host = "example.com:443",
                     .prefix = "/inside",
                     .external_path = "/outside"}});
  EXPECT_EQ(Get(port_, "/").headers.at("location"), "/outside/");
  EXPECT_EQ(Get(port_, "/inside").headers.at("location"), "/outside/");
  EXPECT_EQ(Get(port_, "/inside/").code, 200);
}

TEST_F(RoutesTest, AnswersOtherMethodsWith405) {
  Serve();
  EXPECT_EQ(Get(port_, "/-/reload").code, 405);
  EXPECT_EQ(Get(port_, "/-/reload").headers.at("allow"), "POST");
  for (const std::string path : {"/", "/metrics", "/config", "/-/healthy", "/-/ready"}) {
    EXPECT_EQ(Post(port_, path, "").code, 405) << path;
  }
}

TEST_F(RoutesTest, SaysWhichRoutesNeedNoUser) {
  Start();
  for (const bool health : {false, true}) {
    for (const http::Route& route : MakeRoutes(*host_, {.health_without_auth = health})) {
      const bool is_health = route.path == "/-/healthy" || route.path == "/-/ready";
      EXPECT_EQ(route.without_web_auth,
                route.path == kWebhookPath || route.path == kClustersPath || (health && is_health))
          << route.path;
    }
  }
}

TEST_F(RoutesTest, IsNotReadyOnceItIsToStop) {
  Serve();
  host_->RequestStop();
  EXPECT_EQ(Get(port_, "/-/ready").code, 503);
  EXPECT_EQ(Get(port_, "/-/healthy").code, 200);
}

TEST_F(RoutesTest, ShowsJobs) {
  Serve();
  EXPECT_EQ(Get(port_, "/api/v1/jobs").body, "{\"jobs\":[]}\n");
  const HttpReply accepted = PostAlerts(NotificationOf({"f1"}));
  ASSERT_EQ(accepted.code, 202) << accepted.body;
  const std::string id = ParseJson(accepted.body)->at("jobs").at(0);
  const Result<ParsedJson> job = ParseJson(Get(port_, "/api/v1/jobs/" + id).body);
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(FindString(*job, "id"), id);
  EXPECT_EQ(FindString(*job, "cluster"), "prod");
  const Result<ParsedJson> list = ParseJson(Get(port_, "/api/v1/jobs").body);
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->at("jobs").size(), 1U);
  EXPECT_EQ(FindString(list->at("jobs").at(0), "id"), id);
}

TEST_F(RoutesTest, ListsTheNewestHundredJobs) {
  std::filesystem::create_directories(dir_ / "backups/jobs");
  for (std::uint32_t n = 0; n < 120; ++n) {
    const backup::Job job{.id = backup::MakeId(WallTime(Seconds(1'700'000'000 + n)), n),
                          .cluster = "prod",
                          .state = backup::JobState::kFailed};
    dir_.Write("backups/jobs/" + job.id + ".json", DumpJson(backup::ToJson(job)));
  }
  Serve();
  const Result<ParsedJson> list = ParseJson(Get(port_, "/api/v1/jobs").body);
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->at("jobs").size(), 100U);
  EXPECT_EQ(FindString(list->at("jobs").at(0), "id"),
            backup::MakeId(WallTime(Seconds(1'700'000'119)), 119));
}

TEST_F(RoutesTest, AnUnknownJobIs404) {
  Serve();
  for (const std::string path : {"/api/v1/jobs/", "/api/v1/jobs/x", "/api/v1/jobs/..%2f.lock",
                                 "/api/v1/jobs/20261123T101500042Z-3fa9c1d2"}) {
    const HttpReply reply = Get(port_, path);
    EXPECT_EQ(reply.code, 404) << path;
    EXPECT_NE(reply.body.find("\"error\""), std::string::npos) << path;
  }
}

TEST_F(RoutesTest, TheWebhookWantsItsToken) {
  Serve();
  const HttpReply refused = PostAlerts(NotificationOf({"f1"}), "wrong");
  EXPECT_EQ(refused.code, 401);
  EXPECT_EQ(refused.headers.at("www-authenticate"), "Bearer");
  EXPECT_EQ(Post(port_, "/api/v1/alerts/webhook", NotificationOf({"f1"})).code, 401);
  EXPECT_TRUE(runtime_->clusters()[0]->worker->History().empty());
  EXPECT_EQ(Get(port_, "/api/v1/alerts/webhook").code, 405);
}

TEST_F(RoutesTest, TheWebhookRefusesTooLargeABody) {
  Serve();
  testing::HttpConnection connection(port_);
  connection.Send(
      "POST /api/v1/alerts/webhook HTTP/1.1\r\nHost: localhost\r\n"
      "Authorization: Bearer t0ken\r\nContent-Length: 4194305\r\n\r\n");
  EXPECT_EQ(connection.ReadReply().code, 413);
}

TEST_F(RoutesTest, FailsToStartWhereADirectoryCannotBeUsed) {
  dir_.Write("backups", "a file");
  const auto host = Open();
  ASSERT_FALSE(host.ok());
  EXPECT_TRUE(host.error().message().starts_with("cluster prod: ")) << host.error().message();
}

}  // namespace
}  // namespace warden::app
