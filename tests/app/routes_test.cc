#include "exporter/app/routes.h"

#include <gtest/gtest.h>

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
  void Serve() {
    Start();
    auto server = http::StartServer(
        {.listen_addresses = {"127.0.0.1:0"}}, MakeRoutes(*runtime_),
        [this](std::string_view handler, int code, Nanoseconds duration) {
          runtime_->instruments().HttpAnswered(handler, code, duration);
        },
        log_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = *std::move(server);
    port_ = server_->ports().at(0);
  }
  HttpReply PostAlerts(const std::string& body, const std::string& token = "t0ken") {
    return Post(port_, "/api/v1/alerts/webhook", body, {{"Authorization", "Bearer " + token}});
  }

  std::unique_ptr<http::Server> server_;  // ends before the runtime
  int port_ = 0;
};

bool Has(const std::string& page, const std::string& line) {
  return page.find("\netcdwarden_" + line + "\n") != std::string::npos;
}

TEST_F(RoutesTest, AScrapeOfADeadClusterSaysSo) {
  Start();
  const std::string page = Scrape(*runtime_, "5");
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
  const std::string page = Scrape(*runtime_, "5");
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

TEST_F(RoutesTest, IsNotReadyOnceItIsToStop) {
  Serve();
  runtime_->RequestStop();
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
  EXPECT_TRUE(runtime_->clusters()[0].worker->History().empty());
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
  const auto runtime = Build();
  ASSERT_FALSE(runtime.ok());
  EXPECT_TRUE(runtime.error().message().starts_with("cluster prod: ")) << runtime.error().message();
}

}  // namespace
}  // namespace warden::app
