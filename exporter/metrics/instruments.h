// What happened in this process since it started: counters and histograms. What exists somewhere
// (etcd, the catalogue on disk) is rendered from its source instead. Label values come from the
// closed sets below or from the configuration, never from outside, so the number of series is
// bounded.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/etcd/view.h"

namespace prometheus {
struct MetricFamily;
}

namespace warden::metrics {

enum class Rpc { kStatus, kMemberList, kHashKv };
std::string_view RpcName(
    Rpc rpc);  // "status", "member_list", "hash_kv": also what the pages' label `rpc` says

// What asked for a backup.
enum class Trigger { kWebhook, kSchedule, kManual };

// Where a backup failed.
enum class FailureStage { kConnect, kAuth, kStream, kWrite, kVerify, kUpload, kPrune };

// The parts of a backup that take time.
enum class TimedStage { kStream, kVerify, kCompress, kEncrypt, kUpload, kPrune };

enum class AlertStatus { kFiring, kResolved };

// Why a scrape was refused; with kBadTimeout it was answered all the same, with the default budget.
enum class Rejection { kOverload, kUnknownCluster, kTargetNotAllowed, kBadTimeout };

// What became of one alert.
enum class Decision {
  kAccepted,
  kDeduplicated,
  kCooldown,
  kInProgress,
  kNoMatch,
  kResolved,
  kTruncated,
  kRejected,
  kHeartbeat,
  kCapped,
  kDryRun,
};

// How the labels, the manifests and the API spell them.
std::string_view TriggerName(Trigger trigger);
std::optional<Trigger> ParseTrigger(std::string_view name);
std::string_view FailureStageName(FailureStage stage);
std::string_view DecisionName(Decision decision);

// Thread-safe. `cluster` is always the configured name, `endpoint` the URL that was dialled.
class Instruments {
 public:
  Instruments();
  ~Instruments();

  // Creates what alerts look at with value 0, so that the first failure is an increase and not a
  // new series: webhook decisions and coalesced scrapes, and with a backup its attempts, failures
  // and successes. Declaring a cluster again changes nothing.
  void DeclareCluster(std::string_view cluster, bool has_backup);
  // The cluster is configured no more: its series are gone from the next Collect on, until it is
  // declared again, when they go on counting where they were; those of backups only if it has them
  // then.
  void ForgetCluster(std::string_view cluster);

  void RpcFailed(std::string_view cluster, std::string_view endpoint, Rpc rpc, etcd::Reason reason);
  // These are all the endpoints that the cluster has now: the failures of others are forgotten, so
  // that their number stays bounded while discovered members come and go.
  void KeepEndpoints(std::string_view cluster, const std::set<std::string_view>& endpoints);
  void TokenRefreshed(std::string_view cluster);
  void ScrapeCoalesced(std::string_view cluster);
  // Between the two a fan-out is running.
  void FanOutStarted();
  void FanOutEnded();
  void ScrapeRejected(Rejection reason);
  // The configuration was read, at start or again: the gauges of the last reload. A failure keeps
  // the time of the last success.
  void ConfigLoaded(bool successful, WallTime now);

  void BackupAttempted(std::string_view cluster, Trigger trigger);
  void BackupFailed(std::string_view cluster, FailureStage stage);
  void BackupSucceeded(std::string_view cluster);
  // Runs of a schedule that will never be: the machine was down, or another one still waits.
  void RunsSkipped(std::string_view cluster, std::uint64_t runs);
  void StageFinished(std::string_view cluster, TimedStage stage, Nanoseconds duration);

  void WebhookAnswered(int code);
  void AlertReceived(AlertStatus status);
  // `cluster` is what the alert says; unless it was declared, it is counted as the empty string.
  void AlertDecided(std::string_view cluster, Decision decision);

  // The alert that always fires came through: the path from Alertmanager works.
  void HeartbeatReceived(WallTime now);

  // `handler` is a route's path or "other"; it fits http::Observer.
  void HttpAnswered(std::string_view handler, int code, Nanoseconds duration);

  // For Page::Add.
  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warden::metrics
