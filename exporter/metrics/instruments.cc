#include "exporter/metrics/instruments.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "exporter/base/mutex.h"
#include "exporter/metrics/labels.h"

namespace warden::metrics {
namespace {

using CounterFamily = prometheus::Family<prometheus::Counter>;
using GaugeFamily = prometheus::Family<prometheus::Gauge>;
using HistogramFamily = prometheus::Family<prometheus::Histogram>;

// The names of each closed set, in the order of its enum.
constexpr std::array<std::string_view, 2> kRpcs = {"status", "member_list"};
constexpr std::array<std::string_view, 3> kTriggers = {"webhook", "schedule", "manual"};
constexpr std::array<std::string_view, 7> kFailureStages = {"connect", "auth",   "stream", "write",
                                                            "verify",  "upload", "prune"};
constexpr std::array<std::string_view, 6> kTimedStages = {"stream",  "verify", "compress",
                                                          "encrypt", "upload", "prune"};
constexpr std::array<std::string_view, 2> kAlertStatuses = {"firing", "resolved"};
constexpr std::array<std::string_view, 8> kDecisions = {"accepted",    "deduplicated", "cooldown",
                                                        "in_progress", "no_match",     "resolved",
                                                        "truncated",   "rejected"};

constexpr std::string_view kTriggerLabel = "trigger";
constexpr std::string_view kStageLabel = "stage";
constexpr std::string_view kReasonLabel = "reason";
constexpr std::string_view kStatusLabel = "status";
constexpr std::string_view kDecisionLabel = "decision";
constexpr std::string_view kCodeLabel = "code";
constexpr std::string_view kHandlerLabel = "handler";

template <std::size_t kSize, typename Enum>
std::string_view NameOf(const std::array<std::string_view, kSize>& names, Enum value) {
  return names.at(static_cast<std::size_t>(value));
}

using Pair = std::pair<std::string_view, std::string_view>;
prometheus::Labels MakeLabels(std::initializer_list<Pair> pairs) {
  prometheus::Labels labels;
  for (const auto& [name, value] : pairs) labels.emplace(name, value);
  return labels;
}

CounterFamily& AddCounter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

HistogramFamily& AddHistogram(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

struct Instruments::State {
  // A request takes milliseconds and may take a scrape's whole budget; a stage seconds to an hour.
  const prometheus::Histogram::BucketBoundaries request_seconds = {
      0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  const prometheus::Histogram::BucketBoundaries stage_seconds = {0.1, 0.5, 1,   2.5, 5,    10,  30,
                                                                 60,  120, 300, 600, 1800, 3600};

  prometheus::Registry registry;
  CounterFamily& rpc_failures = AddCounter(registry, "etcdwarden_rpc_failures_total",
                                           "Calls to etcd that failed, by endpoint, call and "
                                           "reason; one fan-out counts once, however many "
                                           "scrapes shared it.");
  CounterFamily& token_refreshes =
      AddCounter(registry, "etcdwarden_auth_token_refreshes_total",
                 "Authenticate calls made to etcd; each costs the cluster a raft entry.");
  CounterFamily& scrapes_coalesced =
      AddCounter(registry, "etcdwarden_exporter_scrapes_coalesced_total",
                 "Scrapes that joined a fan-out already in flight instead of asking etcd again.");
  CounterFamily& backup_attempts = AddCounter(registry, "etcdwarden_backup_attempts_total",
                                              "Backups started, by what asked for them.");
  CounterFamily& backup_failures = AddCounter(registry, "etcdwarden_backup_failures_total",
                                              "Backups that failed, by the stage they failed in.");
  CounterFamily& backup_successes = AddCounter(registry, "etcdwarden_backup_successes_total",
                                               "Backups that were completed and verified.");
  HistogramFamily& stage_durations =
      AddHistogram(registry, "etcdwarden_backup_stage_duration_seconds",
                   "Time that each stage of a backup took.");
  CounterFamily& webhook_requests = AddCounter(
      registry, "etcdwarden_webhook_requests_total",
      "Requests to the webhook receiver, by the HTTP status code they were answered with.");
  CounterFamily& webhook_alerts =
      AddCounter(registry, "etcdwarden_webhook_alerts_total",
                 "Alerts that Alertmanager delivered, by their status.");
  CounterFamily& webhook_decisions = AddCounter(registry, "etcdwarden_webhook_decisions_total",
                                                "What became of each alert; etcd_cluster is empty "
                                                "where the alert names no configured cluster.");
  GaugeFamily& webhook_heartbeat =
      prometheus::BuildGauge()
          .Name("etcdwarden_webhook_last_heartbeat_timestamp_seconds")
          .Help(
              "When the alert Watchdog, which always fires, last came through Alertmanager; 0 if "
              "it never did since the start.")
          .Register(registry);
  CounterFamily& http_requests = AddCounter(registry, "etcdwarden_exporter_http_requests_total",
                                            "HTTP requests answered, by route and status code.");
  HistogramFamily& http_durations =
      AddHistogram(registry, "etcdwarden_exporter_http_request_duration_seconds",
                   "Time from a request's arrival to its answer, by route.");

  Mutex mutex;
  std::set<std::string, std::less<>> clusters WARDEN_GUARDED_BY(mutex);
};

std::string_view RpcName(Rpc rpc) {
  return NameOf(kRpcs, rpc);
}

std::string_view TriggerName(Trigger trigger) {
  return NameOf(kTriggers, trigger);
}

std::optional<Trigger> ParseTrigger(std::string_view name) {
  const auto found = std::find(kTriggers.begin(), kTriggers.end(), name);
  if (found == kTriggers.end()) return std::nullopt;
  return static_cast<Trigger>(found - kTriggers.begin());
}

std::string_view FailureStageName(FailureStage stage) {
  return NameOf(kFailureStages, stage);
}

std::string_view DecisionName(Decision decision) {
  return NameOf(kDecisions, decision);
}

Instruments::Instruments() : state_(std::make_unique<State>()) {
  state_->webhook_heartbeat.Add({});
  for (const std::string_view status : kAlertStatuses) {
    state_->webhook_alerts.Add(MakeLabels({{kStatusLabel, status}}));
  }
  for (const std::string_view decision : kDecisions) {
    state_->webhook_decisions.Add(MakeLabels({{kClusterLabel, ""}, {kDecisionLabel, decision}}));
  }
}

Instruments::~Instruments() = default;

void Instruments::DeclareCluster(std::string_view cluster, bool has_backup) {
  {
    MutexLock lock(state_->mutex);
    state_->clusters.emplace(cluster);
  }
  const Pair name{kClusterLabel, cluster};
  state_->scrapes_coalesced.Add(MakeLabels({name}));
  state_->token_refreshes.Add(MakeLabels({name}));
  for (const std::string_view decision : kDecisions) {
    // What was left out of a notification belongs to no cluster.
    if (decision == NameOf(kDecisions, Decision::kTruncated)) continue;
    state_->webhook_decisions.Add(MakeLabels({name, {kDecisionLabel, decision}}));
  }
  if (!has_backup) return;
  for (const std::string_view trigger : kTriggers) {
    state_->backup_attempts.Add(MakeLabels({name, {kTriggerLabel, trigger}}));
  }
  for (const std::string_view stage : kFailureStages) {
    state_->backup_failures.Add(MakeLabels({name, {kStageLabel, stage}}));
  }
  state_->backup_successes.Add(MakeLabels({name}));
}

void Instruments::RpcFailed(std::string_view cluster, std::string_view endpoint, Rpc rpc,
                            etcd::Reason reason) {
  state_->rpc_failures
      .Add(MakeLabels({{kClusterLabel, cluster},
                       {kEndpointLabel, endpoint},
                       {kRpcLabel, RpcName(rpc)},
                       {kReasonLabel, etcd::ReasonName(reason)}}))
      .Increment();
}

void Instruments::TokenRefreshed(std::string_view cluster) {
  state_->token_refreshes.Add(MakeLabels({{kClusterLabel, cluster}})).Increment();
}

void Instruments::ScrapeCoalesced(std::string_view cluster) {
  state_->scrapes_coalesced.Add(MakeLabels({{kClusterLabel, cluster}})).Increment();
}

void Instruments::BackupAttempted(std::string_view cluster, Trigger trigger) {
  state_->backup_attempts
      .Add(MakeLabels({{kClusterLabel, cluster}, {kTriggerLabel, NameOf(kTriggers, trigger)}}))
      .Increment();
}

void Instruments::BackupFailed(std::string_view cluster, FailureStage stage) {
  state_->backup_failures
      .Add(MakeLabels({{kClusterLabel, cluster}, {kStageLabel, NameOf(kFailureStages, stage)}}))
      .Increment();
}

void Instruments::BackupSucceeded(std::string_view cluster) {
  state_->backup_successes.Add(MakeLabels({{kClusterLabel, cluster}})).Increment();
}

void Instruments::StageFinished(std::string_view cluster, TimedStage stage, Nanoseconds duration) {
  state_->stage_durations
      .Add(MakeLabels({{kClusterLabel, cluster}, {kStageLabel, NameOf(kTimedStages, stage)}}),
           state_->stage_seconds)
      .Observe(ToSeconds(duration));
}

void Instruments::WebhookAnswered(int code) {
  state_->webhook_requests.Add(MakeLabels({{kCodeLabel, std::to_string(code)}})).Increment();
}

void Instruments::AlertReceived(AlertStatus status) {
  state_->webhook_alerts.Add(MakeLabels({{kStatusLabel, NameOf(kAlertStatuses, status)}}))
      .Increment();
}

void Instruments::AlertDecided(std::string_view cluster, Decision decision) {
  {
    MutexLock lock(state_->mutex);
    if (!state_->clusters.contains(cluster)) cluster = "";
  }
  state_->webhook_decisions
      .Add(MakeLabels({{kClusterLabel, cluster}, {kDecisionLabel, NameOf(kDecisions, decision)}}))
      .Increment();
}

void Instruments::HeartbeatReceived(WallTime now) {
  state_->webhook_heartbeat.Add({}).Set(ToUnixSeconds(now));
}

void Instruments::HttpAnswered(std::string_view handler, int code, Nanoseconds duration) {
  state_->http_requests
      .Add(MakeLabels({{kHandlerLabel, handler}, {kCodeLabel, std::to_string(code)}}))
      .Increment();
  state_->http_durations.Add(MakeLabels({{kHandlerLabel, handler}}), state_->request_seconds)
      .Observe(ToSeconds(duration));
}

std::vector<prometheus::MetricFamily> Instruments::Collect() const {
  return state_->registry.Collect();
}

}  // namespace warden::metrics
