// What the process says of itself, and that no family is without a recorded page.
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include "exporter/app/scrape.h"
#include "exporter/base/text.h"
#include "tests/support/golden.h"
#include "tests/support/view_builder.h"

namespace warden::app {
namespace {

using testing::kViewTime;

// One event of every kind.
void CountOneOfEach(metrics::Instruments& instruments) {
  instruments.DeclareCluster("prod", true);
  instruments.RpcFailed("prod", testing::HostOf(1) + ":2379", metrics::Rpc::kStatus,
                        etcd::Reason::kTimeout);
  instruments.TokenRefreshed("prod");
  instruments.ScrapeCoalesced("prod");
  instruments.FanOutStarted();
  instruments.ScrapeRejected(metrics::Rejection::kOverload);
  instruments.ConfigLoaded(true, kViewTime);
  instruments.BackupAttempted("prod", metrics::Trigger::kWebhook);
  instruments.BackupFailed("prod", metrics::FailureStage::kStream);
  instruments.BackupSucceeded("prod");
  instruments.StageFinished("prod", metrics::TimedStage::kStream, Seconds(42));
  instruments.WebhookAnswered(202);
  instruments.AlertReceived(metrics::AlertStatus::kFiring);
  instruments.AlertDecided("prod", metrics::Decision::kAccepted);
  instruments.HeartbeatReceived(kViewTime);
  instruments.HttpAnswered("/metrics", 200, Milliseconds(30));
}

TEST(SelfPage, IsAsRecorded) {
  metrics::Instruments instruments;
  CountOneOfEach(instruments);
  metrics::Page page;
  RenderSelf(page, {.queued = 2,
                    .channels = {{"ready", 3}},
                    .instruments = instruments,
                    .build = {.version = "1.2.3",
                              .revision = "0123abc",
                              .branch = "main",
                              .compiler = "GNU 12.2.0",
                              .grpc_version = "1.51.1",
                              .openssl_version = "3.0.17"},
                    .process = {.cpu_seconds = 1.5,
                                .virtual_bytes = 1 << 28,
                                .resident_bytes = 1 << 24,
                                .start_unix_seconds = ToUnixSeconds(kViewTime),
                                .open_fds = 20,
                                .max_fds = 1024}});
  testing::ExpectGoldenPage("self", page.Text());
}

// The names that dashboards and alerts rely on.
constexpr std::string_view kCatalogue[] = {
    "auth_enabled",
    "auth_token_refreshes_total",
    "backup_age_seconds",
    "backup_attempts_total",
    "backup_copy_last_success_timestamp_seconds",
    "backup_copy_pending",
    "backup_copy_stored",
    "backup_copy_stored_bytes",
    "backup_copy_up",
    "backup_damaged",
    "backup_failures_total",
    "backup_in_progress",
    "backup_last_attempt_timestamp_seconds",
    "backup_last_duration_seconds",
    "backup_last_success_revision",
    "backup_last_success_size_bytes",
    "backup_last_success_timestamp_seconds",
    "backup_last_verified_timestamp_seconds",
    "backup_next_run_timestamp_seconds",
    "backup_objective_seconds",
    "backup_oldest_timestamp_seconds",
    "backup_pinned",
    "backup_quarantined",
    "backup_revisions_at_risk",
    "backup_runs_skipped_total",
    "backup_source_info",
    "backup_stage_duration_seconds",
    "backup_store_free_bytes",
    "backup_stored",
    "backup_stored_bytes",
    "backup_successes_total",
    "backup_verification_level",
    "certificate_not_after_timestamp_seconds",
    "cluster_client_urls_uncovered",
    "cluster_distinct_cluster_ids",
    "cluster_distinct_leaders",
    "cluster_distinct_member_lists",
    "cluster_distinct_versions",
    "cluster_endpoints_unknown",
    "cluster_failure_tolerance",
    "cluster_member_list_timestamp_seconds",
    "cluster_members",
    "cluster_members_expected",
    "cluster_quorum_read_success",
    "cluster_voters_reachable",
    "drill_interval_seconds",
    "drill_last_duration_seconds",
    "drill_last_result",
    "drill_last_success_timestamp_seconds",
    "drill_last_timestamp_seconds",
    "drill_next_run_timestamp_seconds",
    "drill_objective_seconds",
    "drill_running",
    "endpoint_rpc_duration_seconds",
    "endpoint_rpc_success",
    "endpoint_tls",
    "endpoint_up",
    "exporter_build_info",
    "exporter_config_last_reload_success_timestamp_seconds",
    "exporter_config_last_reload_successful",
    "exporter_grpc_channels",
    "exporter_http_request_duration_seconds",
    "exporter_http_requests_total",
    "exporter_scrapes_coalesced_total",
    "exporter_scrapes_in_flight",
    "exporter_scrapes_rejected_total",
    "hashkv_compared_members",
    "hashkv_duration_seconds",
    "hashkv_interval_seconds",
    "hashkv_last_success_timestamp_seconds",
    "hashkv_mismatched_members",
    "member_alarm",
    "member_db_bytes",
    "member_db_in_use_bytes",
    "member_downgrade_enabled",
    "member_downgrade_target_info",
    "member_errors",
    "member_has_leader",
    "member_info",
    "member_is_leader",
    "member_is_learner",
    "member_leader_info",
    "member_listed",
    "member_listed_as_learner",
    "member_quota_bytes",
    "member_raft_applied_index",
    "member_raft_index",
    "member_raft_term",
    "member_revision",
    "member_started",
    "member_up",
    "rpc_failures_total",
    "scrape_duration_seconds",
    "scrape_sample_skew_seconds",
    "scrape_shared",
    "scrape_timeout_seconds",
    "up",
    "webhook_alerts_total",
    "webhook_decisions_total",
    "webhook_last_heartbeat_timestamp_seconds",
    "webhook_queue_depth",
    "webhook_requests_total",
};

// The families of all recorded pages, without the prefix.
std::set<std::string> RecordedFamilies() {
  constexpr std::string_view kType = "# TYPE etcdwarden_";
  std::set<std::string> families;
  for (const auto& file :
       std::filesystem::directory_iterator(testing::GoldenPath("self").parent_path())) {
    const std::string golden = testing::ReadGolden(file.path().stem().string());
    for (std::string_view line : Split(golden, '\n')) {
      if (!line.starts_with(kType)) continue;
      line.remove_prefix(kType.size());
      families.emplace(line.substr(0, line.find(' ')));
    }
  }
  return families;
}

TEST(GoldenPages, ShowEveryFamilyOfTheCatalogue) {
  const std::set<std::string> catalogue(std::begin(kCatalogue), std::end(kCatalogue));
  EXPECT_EQ(RecordedFamilies(), catalogue);
}

}  // namespace
}  // namespace warden::app
