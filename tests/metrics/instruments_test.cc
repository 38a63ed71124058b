#include "exporter/metrics/instruments.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "exporter/metrics/page.h"
#include "tests/support/promtool.h"

namespace warden::metrics {
namespace {

std::string TextOf(const Instruments& instruments) {
  Page page;
  page.Add(instruments.Collect());
  return page.Text();
}

// The value of a series as the page writes it; empty if there is none.
std::string ValueOf(const Instruments& instruments, const std::string& series) {
  const std::string text = "\n" + TextOf(instruments);
  const std::string line = "\netcdwarden_" + series + " ";
  const std::size_t at = text.find(line);
  if (at == std::string::npos) return "";
  const std::size_t start = at + line.size();
  return text.substr(start, text.find('\n', start) - start);
}

TEST(Instruments, CountEachEventInItsSeries) {
  Instruments instruments;
  instruments.DeclareCluster("prod", true);
  instruments.RpcFailed("prod", "https://a:2379", Rpc::kStatus, etcd::Reason::kTimeout);
  instruments.RpcFailed("prod", "https://a:2379", Rpc::kMemberList, etcd::Reason::kTls);
  instruments.TokenRefreshed("prod");
  instruments.ScrapeCoalesced("prod");
  instruments.BackupAttempted("prod", Trigger::kWebhook);
  instruments.BackupAttempted("prod", Trigger::kWebhook);
  instruments.BackupAttempted("prod", Trigger::kManual);
  instruments.BackupFailed("prod", FailureStage::kPrune);
  instruments.BackupSucceeded("prod");
  instruments.WebhookAnswered(202);
  instruments.AlertReceived(AlertStatus::kResolved);
  instruments.AlertDecided("prod", Decision::kRejected);
  instruments.HttpAnswered("/metrics", 200, Milliseconds(30));

  const std::pair<std::string, std::string> expected[] = {
      {"rpc_failures_total{etcd_cluster=\"prod\",etcd_endpoint=\"https://"
       "a:2379\",reason=\"timeout\","
       "rpc=\"status\"}",
       "1"},
      {"rpc_failures_total{etcd_cluster=\"prod\",etcd_endpoint=\"https://a:2379\",reason=\"tls\","
       "rpc=\"member_list\"}",
       "1"},
      {"auth_token_refreshes_total{etcd_cluster=\"prod\"}", "1"},
      {"exporter_scrapes_coalesced_total{etcd_cluster=\"prod\"}", "1"},
      {"backup_attempts_total{etcd_cluster=\"prod\",trigger=\"webhook\"}", "2"},
      {"backup_attempts_total{etcd_cluster=\"prod\",trigger=\"schedule\"}", "0"},
      {"backup_attempts_total{etcd_cluster=\"prod\",trigger=\"manual\"}", "1"},
      {"backup_failures_total{etcd_cluster=\"prod\",stage=\"prune\"}", "1"},
      {"backup_failures_total{etcd_cluster=\"prod\",stage=\"connect\"}", "0"},
      {"backup_successes_total{etcd_cluster=\"prod\"}", "1"},
      {"webhook_requests_total{code=\"202\"}", "1"},
      {"webhook_alerts_total{status=\"firing\"}", "0"},
      {"webhook_alerts_total{status=\"resolved\"}", "1"},
      {"webhook_decisions_total{decision=\"rejected\",etcd_cluster=\"prod\"}", "1"},
      {"exporter_http_requests_total{code=\"200\",handler=\"/metrics\"}", "1"},
      {"exporter_http_request_duration_seconds_bucket{handler=\"/metrics\",le=\"0.025\"}", "0"},
      {"exporter_http_request_duration_seconds_bucket{handler=\"/metrics\",le=\"0.05\"}", "1"},
      {"exporter_http_request_duration_seconds_sum{handler=\"/metrics\"}", "0.03"},
  };
  for (const auto& [series, value] : expected) {
    EXPECT_EQ(ValueOf(instruments, series), value) << series;
  }
  testing::ExpectPromtoolClean(TextOf(instruments));
}

TEST(Instruments, DeclareEverySeriesThatAlertsLookAt) {
  Instruments instruments;
  instruments.DeclareCluster("prod", true);
  instruments.DeclareCluster("spare", false);
  EXPECT_EQ(
      ValueOf(instruments, "webhook_decisions_total{decision=\"truncated\",etcd_cluster=\"\"}"),
      "0");
  EXPECT_EQ(ValueOf(instruments, "webhook_last_heartbeat_timestamp_seconds"), "0");
  EXPECT_EQ(ValueOf(instruments, "auth_token_refreshes_total{etcd_cluster=\"prod\"}"), "0");
  for (const std::string decision : {"accepted", "deduplicated", "cooldown", "in_progress",
                                     "no_match", "resolved", "rejected"}) {
    for (const std::string cluster : {"prod", "spare", ""}) {
      EXPECT_EQ(ValueOf(instruments, "webhook_decisions_total{decision=\"" + decision +
                                         "\",etcd_cluster=\"" + cluster + "\"}"),
                "0");
    }
  }
  for (const std::string stage :
       {"connect", "auth", "stream", "write", "verify", "upload", "prune"}) {
    EXPECT_EQ(ValueOf(instruments,
                      "backup_failures_total{etcd_cluster=\"prod\",stage=\"" + stage + "\"}"),
              "0");
  }
  EXPECT_EQ(ValueOf(instruments, "backup_successes_total{etcd_cluster=\"prod\"}"), "0");
  EXPECT_EQ(ValueOf(instruments, "backup_successes_total{etcd_cluster=\"spare\"}"), "")
      << "a cluster without backups has no backup series";
}

TEST(Instruments, CountRefusedScrapesByTheirReason) {
  Instruments instruments;
  for (const std::string reason :
       {"overload", "unknown_cluster", "target_not_allowed", "bad_timeout"}) {
    EXPECT_EQ(ValueOf(instruments, "exporter_scrapes_rejected_total{reason=\"" + reason + "\"}"),
              "0");
  }
  instruments.ScrapeRejected(Rejection::kOverload);
  instruments.ScrapeRejected(Rejection::kUnknownCluster);
  instruments.ScrapeRejected(Rejection::kTargetNotAllowed);
  instruments.ScrapeRejected(Rejection::kBadTimeout);
  instruments.ScrapeRejected(Rejection::kBadTimeout);
  EXPECT_EQ(ValueOf(instruments, "exporter_scrapes_rejected_total{reason=\"overload\"}"), "1");
  EXPECT_EQ(ValueOf(instruments, "exporter_scrapes_rejected_total{reason=\"unknown_cluster\"}"),
            "1");
  EXPECT_EQ(ValueOf(instruments, "exporter_scrapes_rejected_total{reason=\"target_not_allowed\"}"),
            "1");
  EXPECT_EQ(ValueOf(instruments, "exporter_scrapes_rejected_total{reason=\"bad_timeout\"}"), "2");
}

TEST(Instruments, SayHowTheLastReloadWent) {
  Instruments instruments;
  const std::string successful = "exporter_config_last_reload_successful";
  const std::string time = "exporter_config_last_reload_success_timestamp_seconds";
  instruments.ConfigLoaded(true, WallTime(Seconds(1'795'428'900)));
  EXPECT_EQ(ValueOf(instruments, successful), "1");
  EXPECT_EQ(ValueOf(instruments, time), "1795428900");
  instruments.ConfigLoaded(false, WallTime(Seconds(1'795'428'960)));
  EXPECT_EQ(ValueOf(instruments, successful), "0");
  EXPECT_EQ(ValueOf(instruments, time), "1795428900") << "the last success";
  instruments.ConfigLoaded(true, WallTime(Seconds(1'795'429'000)));
  EXPECT_EQ(ValueOf(instruments, successful), "1");
  EXPECT_EQ(ValueOf(instruments, time), "1795429000");
  testing::ExpectPromtoolClean(TextOf(instruments));
}

TEST(Instruments, CountRunningFanOuts) {
  Instruments instruments;
  EXPECT_EQ(ValueOf(instruments, "exporter_scrapes_in_flight"), "0");
  instruments.FanOutStarted();
  instruments.FanOutStarted();
  EXPECT_EQ(ValueOf(instruments, "exporter_scrapes_in_flight"), "2");
  instruments.FanOutEnded();
  EXPECT_EQ(ValueOf(instruments, "exporter_scrapes_in_flight"), "1");
}

TEST(Instruments, ForgetTheFailuresOfEndpointsThatAreGone) {
  Instruments instruments;
  const auto failures = [&](const std::string& cluster, const std::string& endpoint) {
    return ValueOf(instruments, "rpc_failures_total{etcd_cluster=\"" + cluster +
                                    "\",etcd_endpoint=\"" + endpoint +
                                    "\",reason=\"connect\",rpc=\"status\"}");
  };
  EXPECT_EQ(TextOf(instruments).find("rpc_failures_total"), std::string::npos);
  for (const std::string endpoint : {"http://a:1", "http://b:1", "http://b:1"}) {
    instruments.RpcFailed("prod", endpoint, Rpc::kStatus, etcd::Reason::kConnect);
  }
  instruments.RpcFailed("other", "http://a:1", Rpc::kStatus, etcd::Reason::kConnect);
  instruments.KeepEndpoints("prod", {"http://b:1", "http://c:1"});
  instruments.KeepEndpoints("unheard of", {});
  EXPECT_EQ(failures("prod", "http://a:1"), "");
  EXPECT_EQ(failures("prod", "http://b:1"), "2");
  EXPECT_EQ(failures("other", "http://a:1"), "1");
  instruments.RpcFailed("prod", "http://a:1", Rpc::kStatus, etcd::Reason::kConnect);
  EXPECT_EQ(failures("prod", "http://a:1"), "1") << "begins anew";
  testing::ExpectPromtoolClean(TextOf(instruments));
}

TEST(Instruments, ForgetAClusterUntilItIsDeclaredAgain) {
  Instruments instruments;
  instruments.DeclareCluster("prod", true);
  instruments.DeclareCluster("prod2", false);
  instruments.BackupSucceeded("prod");
  instruments.RpcFailed("prod", "https://a:2379", Rpc::kHashKv, etcd::Reason::kPermissionDenied);
  instruments.StageFinished("prod", TimedStage::kStream, Seconds(1));
  const std::string failures =
      "rpc_failures_total{etcd_cluster=\"prod\",etcd_endpoint=\"https://a:2379\","
      "reason=\"permission_denied\",rpc=\"hash_kv\"}";
  EXPECT_EQ(ValueOf(instruments, failures), "1");

  instruments.ForgetCluster("prod");
  instruments.ForgetCluster("never declared");
  EXPECT_EQ(TextOf(instruments).find("\"prod\""), std::string::npos);
  EXPECT_EQ(ValueOf(instruments, "auth_token_refreshes_total{etcd_cluster=\"prod2\"}"), "0");
  EXPECT_EQ(ValueOf(instruments, "webhook_alerts_total{status=\"firing\"}"), "0");
  // What was still under way counts unseen, and an alert that names it names nobody.
  instruments.BackupSucceeded("prod");
  instruments.AlertDecided("prod", Decision::kNoMatch);
  EXPECT_EQ(TextOf(instruments).find("\"prod\""), std::string::npos);
  EXPECT_EQ(
      ValueOf(instruments, "webhook_decisions_total{decision=\"no_match\",etcd_cluster=\"\"}"),
      "1");
  testing::ExpectPromtoolClean(TextOf(instruments));

  instruments.DeclareCluster("prod", true);
  EXPECT_EQ(ValueOf(instruments, "backup_successes_total{etcd_cluster=\"prod\"}"), "2");
  instruments.ForgetCluster("prod");
  instruments.DeclareCluster("prod", false);
  EXPECT_EQ(TextOf(instruments).find("backup_"), std::string::npos) << "it has no backups now";
  EXPECT_EQ(ValueOf(instruments, "auth_token_refreshes_total{etcd_cluster=\"prod\"}"), "0");
  EXPECT_EQ(ValueOf(instruments, failures), "1");
}

TEST(Instruments, DeclaringAgainKeepsTheCounts) {
  Instruments instruments;
  instruments.DeclareCluster("prod", true);
  instruments.BackupSucceeded("prod");
  instruments.DeclareCluster("prod", true);
  EXPECT_EQ(ValueOf(instruments, "backup_successes_total{etcd_cluster=\"prod\"}"), "1");
}

TEST(Instruments, CountDecisionsOnUnknownClustersUnderTheEmptyName) {
  Instruments instruments;
  instruments.DeclareCluster("prod", true);
  instruments.AlertDecided("prod", Decision::kAccepted);
  instruments.AlertDecided("invented by a client", Decision::kNoMatch);
  instruments.AlertDecided("", Decision::kNoMatch);
  EXPECT_EQ(
      ValueOf(instruments, "webhook_decisions_total{decision=\"accepted\",etcd_cluster=\"prod\"}"),
      "1");
  EXPECT_EQ(
      ValueOf(instruments, "webhook_decisions_total{decision=\"no_match\",etcd_cluster=\"\"}"),
      "2");
  EXPECT_EQ(TextOf(instruments).find("invented"), std::string::npos);
}

TEST(Instruments, MeasureTheStagesOfABackup) {
  Instruments instruments;
  const TimedStage stages[] = {TimedStage::kStream,  TimedStage::kVerify, TimedStage::kCompress,
                               TimedStage::kEncrypt, TimedStage::kUpload, TimedStage::kPrune};
  for (const TimedStage stage : stages) instruments.StageFinished("prod", stage, Seconds(90));
  for (const std::string stage : {"stream", "verify", "compress", "encrypt", "upload", "prune"}) {
    const std::string labels = "{etcd_cluster=\"prod\",stage=\"" + stage + "\"";
    EXPECT_EQ(ValueOf(instruments, "backup_stage_duration_seconds_sum" + labels + "}"), "90");
    EXPECT_EQ(ValueOf(instruments, "backup_stage_duration_seconds_bucket" + labels + ",le=\"60\"}"),
              "0");
    EXPECT_EQ(
        ValueOf(instruments, "backup_stage_duration_seconds_bucket" + labels + ",le=\"120\"}"),
        "1");
  }
  testing::ExpectPromtoolClean(TextOf(instruments));
}

TEST(Instruments, MayBeUsedFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEvents = 250;
  Instruments instruments;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int event = 0; event < kEvents; ++event) {
        instruments.DeclareCluster("prod", true);
        instruments.AlertDecided("prod", Decision::kCooldown);
        instruments.HttpAnswered("/metrics", 200, Milliseconds(1));
        if (event % 50 == 0) {
          EXPECT_FALSE(instruments.Collect().empty());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(
      ValueOf(instruments, "webhook_decisions_total{decision=\"cooldown\",etcd_cluster=\"prod\"}"),
      std::to_string(kThreads * kEvents));
  EXPECT_EQ(
      ValueOf(instruments, "exporter_http_request_duration_seconds_count{handler=\"/metrics\"}"),
      std::to_string(kThreads * kEvents));
}

}  // namespace
}  // namespace warden::metrics
