#include "exporter/app/probe.h"

#include <gtest/gtest.h>

#include "exporter/app/scrape.h"
#include "tests/app/runtime_fixture.h"
#include "tests/support/promtool.h"

namespace warden::app {
namespace {

class ProbeTest : public RuntimeTest {
 protected:
  void StartWithTargets() {
    auto host = Host::Open(dir_.Write("warden.yaml", Config() + "probe:\n"
                                                                "  allowed_targets: [127.0.0.0/8]\n"
                                                                "  modules: [{name: plain}]\n"),
                           {files_, clock_, log_});
    ASSERT_TRUE(host.ok()) << host.error().message();
    host_ = *std::move(host);
    runtime_ = host_->runtime();
  }
  http::Response Ask(http::Query query) {
    http::Request request;
    request.query = std::move(query);
    return Probe(*runtime_, request);
  }
  std::string Self() {
    return Scrape(*runtime_, {.clusters = false, .backups = false, .self = true}, Seconds(1))
        .Text();
  }
};

bool Has(const std::string& page, const std::string& line) {
  return page.find("\netcdwarden_" + line + "\n") != std::string::npos;
}

TEST_F(ProbeTest, HasOneClusterAndNothingOfTheProcess) {
  Start();
  const http::Response answer = Ask({{"cluster", "prod"}});
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.content_type, metrics::kTextFormat);
  EXPECT_TRUE(Has(answer.body, R"(up{etcd_cluster="prod"} 0)")) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"(backup_stored{etcd_cluster="prod"} 0)")) << answer.body;
  for (const char* absent : {"etcd_cluster=\"watched\"", "exporter_", "process_", "webhook_"}) {
    EXPECT_EQ(answer.body.find(absent), std::string::npos) << absent;
  }
  testing::ExpectPromtoolClean(answer.body);
}

TEST_F(ProbeTest, TheBudgetIsThatOfTheHeader) {
  Start();
  http::Request request;
  request.query.emplace("cluster", "prod");
  request.headers["x-prometheus-scrape-timeout-seconds"] = "3";
  EXPECT_TRUE(
      Has(Probe(*runtime_, request).body, R"(scrape_timeout_seconds{etcd_cluster="prod"} 2.5)"));
}

TEST_F(ProbeTest, WithDebugItTellsAboutEveryCall) {
  Start();
  const http::Response answer = Ask({{"cluster", "prod"}, {"debug", "true"}});
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.content_type, "text/plain; charset=utf-8");
  EXPECT_TRUE(answer.body.starts_with("Cluster prod at ")) << answer.body;
  EXPECT_NE(answer.body.find("http://127.0.0.2:1, plain text"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("failed (connect)"), std::string::npos) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"(up{etcd_cluster="prod"} 0)")) << answer.body;
}

TEST_F(ProbeTest, RefusesWhatItCannotMean) {
  Start();
  using http::Query;
  for (const Query& query : {Query{}, Query{{"module", "plain"}}, Query{{"cluster", ""}},
                             Query{{"cluster", "prod"}, {"target", "127.0.0.1:1"}},
                             Query{{"cluster", "prod"}, {"debug", "yes"}}}) {
    EXPECT_EQ(Ask(query).code, 400);
  }
  EXPECT_TRUE(Has(Self(), R"(exporter_scrapes_rejected_total{reason="unknown_cluster"} 0)"));
  const http::Response unknown = Ask({{"cluster", "nobody"}});
  EXPECT_EQ(unknown.code, 400);
  EXPECT_NE(unknown.body.find("nobody"), std::string::npos) << unknown.body;
  EXPECT_TRUE(Has(Self(), R"(exporter_scrapes_rejected_total{reason="unknown_cluster"} 1)"));
}

TEST_F(ProbeTest, WithoutASectionNoTargetIsAllowed) {
  Start();
  EXPECT_EQ(Ask({{"target", "127.0.0.1:1"}, {"module", "plain"}}).code, 403);
  EXPECT_TRUE(Has(Self(), R"(exporter_scrapes_rejected_total{reason="target_not_allowed"} 1)"));
}

TEST_F(ProbeTest, AsksAnAllowedTarget) {
  StartWithTargets();
  const http::Response answer = Ask({{"target", "127.0.0.1:1"}, {"module", "plain"}});
  EXPECT_EQ(answer.code, 200) << answer.body;
  EXPECT_TRUE(Has(answer.body, R"(up{etcd_cluster="127.0.0.1:1"} 0)")) << answer.body;
  EXPECT_EQ(answer.body.find("backup_"), std::string::npos) << answer.body;
  // What comes from outside makes no lasting series.
  EXPECT_EQ(Self().find("127.0.0.1:1\","), std::string::npos);
}

TEST_F(ProbeTest, RefusesOtherTargetsAndModules) {
  StartWithTargets();
  EXPECT_EQ(Ask({{"target", "10.0.0.1:2379"}, {"module", "plain"}}).code, 403);
  EXPECT_EQ(Ask({{"target", "127.0.0.1"}, {"module", "plain"}}).code, 400);
  EXPECT_EQ(Ask({{"target", "127.0.0.1:1"}, {"module", "nope"}}).code, 400);
  EXPECT_EQ(Ask({{"target", "127.0.0.1:1"}}).code, 400);
  EXPECT_TRUE(Has(Self(), R"(exporter_scrapes_rejected_total{reason="target_not_allowed"} 1)"));
}

TEST_F(ProbeTest, AnswersBusyWhenTooManyAreAnswered) {
  Start();
  std::vector<Admission::Permit> permits;
  for (int i = 0; i < config::ScrapeConfig{}.max_concurrent; ++i) {
    permits.push_back(runtime_->Admit());
  }
  EXPECT_EQ(Ask({{"cluster", "prod"}}).code, 503);
  EXPECT_EQ(Ask({{"cluster", "nobody"}}).code, 400);
  EXPECT_TRUE(Has(Self(), R"(exporter_scrapes_rejected_total{reason="overload"} 1)"));
}

}  // namespace
}  // namespace warden::app
