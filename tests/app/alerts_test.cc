#include "exporter/app/alerts.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "exporter/metrics/page.h"
#include "tests/app/runtime_fixture.h"

namespace warden::app {
namespace {

namespace fs = std::filesystem;

class AlertsTest : public RuntimeTest {
 protected:
  http::Response PostBody(const std::string& body) {
    return ReceiveAlerts(*runtime_, {.method = "POST", .body = body});
  }
  // The only job of a 202.
  static std::string JobOf(const http::Response& response) {
    const Result<ParsedJson> json = ParseJson(response.body);
    EXPECT_TRUE(json.ok() && json->at("jobs").size() == 1) << response.body;
    return json->at("jobs").at(0);
  }
  // "decision:job" of each alert.
  static std::vector<std::string> DecisionsOf(const http::Response& response) {
    std::vector<std::string> lines;
    const Result<ParsedJson> json = ParseJson(response.body);
    for (const ParsedJson& decision : json->at("decisions")) {
      lines.push_back(decision.at("decision").get<std::string>() + ":" +
                      FindString(decision, "job").value_or("none"));
    }
    return lines;
  }
  std::size_t JobFiles() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(dir_ / "backups/jobs")) {
      if (entry.path().extension() == ".json") ++count;
    }
    return count;
  }
  bool PageHas(const std::string& line) {
    metrics::Page page;
    page.Add(runtime_->instruments().Collect());
    return page.Text().find("\netcdwarden_" + line + "\n") != std::string::npos;
  }
};

TEST_F(AlertsTest, TheJobIsOnDiskBeforeTheAnswer) {
  Start();
  const http::Response response = PostBody(NotificationOf({"f1"}));
  EXPECT_EQ(response.code, 202);
  EXPECT_EQ(response.content_type, "application/json");
  const std::string id = JobOf(response);
  EXPECT_TRUE(fs::exists(JobFile(id)));
  EXPECT_EQ(DecisionsOf(response), std::vector<std::string>{"accepted:" + id});
  ASSERT_TRUE(runtime_->FindJob(id));
  EXPECT_EQ(runtime_->FindJob(id)->trigger.fingerprint, "f1");
  EXPECT_TRUE(PageHas(R"(webhook_alerts_total{status="firing"} 1)"));
  EXPECT_TRUE(PageHas(R"(webhook_decisions_total{decision="accepted",etcd_cluster="prod"} 1)"));
  EXPECT_TRUE(log_.Contains("alert received"));
}

TEST_F(AlertsTest, OneJobForAGroupOfAlerts) {
  Start();
  const http::Response response = PostBody(NotificationOf({"f1", "f2", "f1"}));
  EXPECT_EQ(response.code, 202);
  const std::string id = JobOf(response);
  EXPECT_EQ(DecisionsOf(response), (std::vector<std::string>{"accepted:" + id, "in_progress:" + id,
                                                             "deduplicated:" + id}));
  EXPECT_EQ(JobFiles(), 1U);
}

TEST_F(AlertsTest, ARepeatedNotificationIsAnsweredWithItsJob) {
  Start();
  const std::string id = JobOf(PostBody(NotificationOf({"f1"})));
  const http::Response again = PostBody(NotificationOf({"f1"}));
  EXPECT_EQ(again.code, 200);
  EXPECT_EQ(DecisionsOf(again), std::vector<std::string>{"deduplicated:" + id});
  Stop();
  Start();
  const http::Response later = PostBody(NotificationOf({"f1"}));
  EXPECT_EQ(later.code, 200) << "a restart forgets nothing";
  EXPECT_EQ(DecisionsOf(later), std::vector<std::string>{"deduplicated:" + id});
  EXPECT_EQ(JobFiles(), 1U);
}

TEST_F(AlertsTest, NothingToDoIs200) {
  Start();
  EXPECT_EQ(PostBody(NotificationOf({})).code, 200);
  const http::Response response = PostBody(NotificationOf({"f1"}, "NodeDown"));
  EXPECT_EQ(response.code, 200);
  EXPECT_EQ(DecisionsOf(response), std::vector<std::string>{"no_match:none"});
  EXPECT_EQ(JobFiles(), 0U);
}

TEST_F(AlertsTest, WhatCanNeverWorkIs400) {
  Start();
  for (const std::string& body :
       {std::string(), std::string("hello"), std::string("{}"), std::string("{\"version\":\"3\"}"),
        std::string(1'000'000, '['), std::string("{\"version\":\"4\",\"alerts\":[{}]}")}) {
    const http::Response response = PostBody(body);
    EXPECT_EQ(response.code, 400) << body.substr(0, 80);
    const Result<ParsedJson> json = ParseJson(response.body);
    ASSERT_TRUE(json.ok()) << response.body;
    EXPECT_TRUE(FindString(*json, "error")) << response.body;
  }
  EXPECT_EQ(JobFiles(), 0U);
}

TEST_F(AlertsTest, AJobThatCannotBeStoredIs503AndMayBeSentAgain) {
  Start();
  FailJobs();
  const http::Response refused = PostBody(NotificationOf({"f1", "f2"}));
  EXPECT_EQ(refused.code, 503);
  EXPECT_NE(refused.body.find("No space left on device"), std::string::npos) << refused.body;
  EXPECT_EQ(JobFiles(), 0U);
  EXPECT_TRUE(runtime_->clusters()[0]->worker->History().empty());
  files_.FailNever();
  const http::Response accepted = PostBody(NotificationOf({"f1", "f2"}));
  EXPECT_EQ(accepted.code, 202);
  EXPECT_TRUE(fs::exists(JobFile(JobOf(accepted))));
}

TEST_F(AlertsTest, TheSameNotificationTwiceAtOnceGetsOneJob) {
  for (int round = 0; round < 20; ++round) {
    Stop();
    fs::remove_all(dir_ / "backups");
    Start();
    std::vector<http::Response> responses(4);
    std::vector<std::thread> posts;
    for (http::Response& response : responses) {
      posts.emplace_back([&] { response = PostBody(NotificationOf({"f1"})); });
    }
    for (std::thread& post : posts) post.join();
    std::multiset<int> codes;
    std::set<std::string> jobs;
    for (const http::Response& response : responses) {
      codes.insert(response.code);
      const std::string decision = DecisionsOf(response).at(0);
      jobs.insert(decision.substr(decision.find(':') + 1));
    }
    EXPECT_EQ(codes, (std::multiset<int>{200, 200, 200, 202}));
    EXPECT_EQ(jobs.size(), 1U) << "all are told of the same job";
    EXPECT_EQ(JobFiles(), 1U);
  }
}

TEST_F(AlertsTest, CountsWhatAlertmanagerLeftOut) {
  Start();
  ParsedJson body = *ParseJson(NotificationOf({"f1"}));
  body["truncatedAlerts"] = 3;
  EXPECT_EQ(PostBody(DumpJson(body)).code, 202);
  EXPECT_TRUE(PageHas(R"(webhook_decisions_total{decision="truncated",etcd_cluster=""} 1)"));
  EXPECT_TRUE(log_.Contains("raise max_alerts"));
}

TEST_F(AlertsTest, AuthenticationReadsTheTokenEachTime) {
  Start();
  const auto code_for = [&](const std::string& authorization) {
    http::Request request{.method = "POST"};
    if (!authorization.empty()) request.headers["authorization"] = authorization;
    const std::optional<http::Response> refusal = AuthenticateWebhook(*runtime_, request);
    return refusal ? refusal->code : 0;
  };
  EXPECT_EQ(code_for("Bearer t0ken"), 0);
  EXPECT_EQ(code_for(""), 401);
  EXPECT_EQ(code_for("Bearer t0ke"), 401);
  EXPECT_EQ(code_for("Basic t0ken"), 401);
  dir_.Write("token", "rotated\n");
  EXPECT_EQ(code_for("Bearer t0ken"), 401);
  EXPECT_EQ(code_for("Bearer rotated"), 0);
  fs::remove(dir_ / "token");
  EXPECT_EQ(code_for("Bearer rotated"), 503);
  EXPECT_TRUE(log_.Contains("cannot read a bearer token"));
  EXPECT_FALSE(log_.Contains("rotated"));
}

TEST_F(AlertsTest, AnAcceptedJobWaitsForEtcdToComeBack) {
  Start();
  const std::string id = JobOf(PostBody(NotificationOf({"f1"})));
  host_->Start();
  while (!log_.Contains("no member can be reached for a backup, trying again")) {
    std::this_thread::yield();
  }
  EXPECT_EQ(runtime_->FindJob(id)->state, backup::JobState::kRunning);
  EXPECT_TRUE(log_.Contains("http://127.0.0.1:1"));
}

TEST_F(AlertsTest, TheAlertThatAlwaysFiresIsAHeartbeat) {
  Start();
  EXPECT_TRUE(PageHas("webhook_last_heartbeat_timestamp_seconds 0"));
  ParsedJson body = *ParseJson(NotificationOf({"f1"}));
  body["alerts"][0]["labels"]["alertname"] = "Watchdog";
  EXPECT_EQ(PostBody(body.dump()).code, 200);
  EXPECT_FALSE(PageHas("webhook_last_heartbeat_timestamp_seconds 0"));
}

}  // namespace
}  // namespace warden::app
