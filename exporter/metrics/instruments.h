// What happened in this process since it started: counters and histograms. What exists somewhere
// (etcd, the catalogue on disk) is rendered from its source instead. Label values come from the
// closed sets below or from the configuration, never from outside, so the number of series is
// bounded.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/etcd/view.h"

namespace prometheus {
struct MetricFamily;
}

namespace warden::metrics {

enum class Rpc { kStatus, kMemberList };
std::string_view RpcName(
    Rpc rpc);  // "status", "member_list": also what the pages' label `rpc` says

// What asked for a backup.
enum class Trigger { kWebhook, kSchedule, kManual };

// Where a backup failed.
enum class FailureStage { kConnect, kAuth, kStream, kWrite, kVerify, kUpload, kPrune };

// The parts of a backup that take time.
enum class TimedStage { kStream, kVerify, kCompress, kEncrypt, kUpload, kPrune };

enum class AlertStatus { kFiring, kResolved };

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
};

// How the labels, the manifests and the API spell them.
std::string_view TriggerName(Trigger trigger);
std::optional<Trigger> ParseTrigger(std::string_view name);
std::string_view FailureStageName(FailureStage stage);
std::string_view DecisionName(Decision decision);

// Thread-safe. `cluster` is always the configured name, `endpoint` the configured URL.
class Instruments {
 public:
  Instruments();
  ~Instruments();

  // Creates what alerts look at with value 0, so that the first failure is an increase and not a
  // new series: webhook decisions and coalesced scrapes, and with a backup its attempts, failures
  // and successes. Declaring a cluster again changes nothing.
  void DeclareCluster(std::string_view cluster, bool has_backup);

  void RpcFailed(std::string_view cluster, std::string_view endpoint, Rpc rpc, etcd::Reason reason);
  void TokenRefreshed(std::string_view cluster);
  void ScrapeCoalesced(std::string_view cluster);

  void BackupAttempted(std::string_view cluster, Trigger trigger);
  void BackupFailed(std::string_view cluster, FailureStage stage);
  void BackupSucceeded(std::string_view cluster);
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
