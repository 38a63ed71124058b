#include "exporter/metrics/instruments.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <array>
#include <map>
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
constexpr std::array<std::string_view, 3> kRpcs = {"status", "member_list", "hash_kv"};
constexpr std::array<std::string_view, 3> kTriggers = {"webhook", "schedule", "manual"};
constexpr std::array<std::string_view, 7> kFailureStages = {"connect", "auth",   "stream", "write",
                                                            "verify",  "upload", "prune"};
constexpr std::array<std::string_view, 6> kTimedStages = {"stream",  "verify", "compress",
                                                          "encrypt", "upload", "prune"};
constexpr std::array<std::string_view, 2> kAlertStatuses = {"firing", "resolved"};
constexpr std::array<std::string_view, 11> kDecisions = {
    "accepted",  "deduplicated", "cooldown",  "in_progress", "no_match", "resolved",
    "truncated", "rejected",     "heartbeat", "capped",      "dry_run"};

constexpr std::array<std::string_view, 4> kRejections = {"overload", "unknown_cluster",
                                                         "target_not_allowed", "bad_timeout"};

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

GaugeFamily& AddGauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
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
  CounterFamily& token_refreshes =
      AddCounter(registry, "etcdwarden_auth_token_refreshes_total",
                 "Authenticate calls made to etcd; each costs the cluster a raft entry.");
  CounterFamily& scrapes_coalesced =
      AddCounter(registry, "etcdwarden_exporter_scrapes_coalesced_total",
                 "Scrapes that joined a fan-out already in flight instead of asking etcd again.");
  prometheus::Gauge& fan_outs =
      AddGauge(registry, "etcdwarden_exporter_scrapes_in_flight",
               "Fan-outs running: each asks all endpoints of one cluster for one or more scrapes.")
          .Add({});
  CounterFamily& scrapes_rejected = AddCounter(
      registry, "etcdwarden_exporter_scrapes_rejected_total",
      "Scrapes refused, by reason; with reason bad_timeout the scrape was answered all the same, "
      "with the configured timeout as its budget.");
  prometheus::Gauge& reload_successful =
      AddGauge(registry, "etcdwarden_exporter_config_last_reload_successful",
               "1 if the running configuration is that of the file as it was last read.")
          .Add({});
  prometheus::Gauge& reload_time =
      AddGauge(registry, "etcdwarden_exporter_config_last_reload_success_timestamp_seconds",
               "When the running configuration was read.")
          .Add({});
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
  CounterFamily& runs_skipped = AddCounter(registry, "etcdwarden_backup_runs_skipped_total",
                                           "Runs of a schedule that will never be: the machine was "
                                           "down at their time, or the run before "
                                           "still waited.");
  CounterFamily& webhook_decisions = AddCounter(registry, "etcdwarden_webhook_decisions_total",
                                                "What became of each alert; etcd_cluster is empty "
                                                "where the alert names no configured cluster.");
  GaugeFamily& webhook_heartbeat =
      AddGauge(registry, "etcdwarden_webhook_last_heartbeat_timestamp_seconds",
               "When the alert Watchdog, which always fires, last came through Alertmanager; 0 if "
               "it never did since the start.");
  CounterFamily& http_requests = AddCounter(registry, "etcdwarden_exporter_http_requests_total",
                                            "HTTP requests answered, by route and status code.");
  HistogramFamily& http_durations =
      AddHistogram(registry, "etcdwarden_exporter_http_request_duration_seconds",
                   "Time from a request's arrival to its answer, by route.");

  Mutex mutex;
  // What is configured, and whether it has a backup.
  std::map<std::string, bool, std::less<>> clusters WARDEN_GUARDED_BY(mutex);
  // Their series are left out rather than removed: somebody may be about to count in one.
  std::set<std::string, std::less<>> forgotten WARDEN_GUARDED_BY(mutex);
  // By cluster and endpoint. Not in the registry, which could not let go of endpoints.
  using Failures = std::map<std::pair<Rpc, etcd::Reason>, std::uint64_t>;
  using Endpoints = std::map<std::string, Failures, std::less<>>;
  std::map<std::string, Endpoints, std::less<>> rpc_failures WARDEN_GUARDED_BY(mutex);

  prometheus::MetricFamily CollectRpcFailures() const WARDEN_REQUIRES(mutex) {
    prometheus::MetricFamily family{
        .name = "etcdwarden_rpc_failures_total",
        .help =
            "Calls to etcd that failed, by endpoint, call and reason; one fan-out counts once, "
            "however many scrapes shared it.",
        .type = prometheus::MetricType::Counter,
        .metric = {}};
    for (const auto& [cluster, endpoints] : rpc_failures) {
      for (const auto& [endpoint, failures] : endpoints) {
        for (const auto& [kind, count] : failures) {
          prometheus::ClientMetric& series = family.metric.emplace_back();
          series.label = {{std::string(kClusterLabel), cluster},
                          {std::string(kEndpointLabel), endpoint},
                          {std::string(kReasonLabel), std::string(etcd::ReasonName(kind.second))},
                          {std::string(kRpcLabel), std::string(RpcName(kind.first))}};
          series.counter.value = static_cast<double>(count);
        }
      }
    }
    return family;
  }

  // Whether the series of that family and etcd_cluster is left out.
  bool Hides(const std::string& family, const std::string& cluster) const WARDEN_REQUIRES(mutex) {
    if (forgotten.contains(cluster)) return true;
    const auto declared = clusters.find(cluster);
    return family.starts_with("etcdwarden_backup_") && declared != clusters.end() &&
           !declared->second;
  }
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
  for (const std::string_view reason : kRejections) {
    state_->scrapes_rejected.Add(MakeLabels({{kReasonLabel, reason}}));
  }
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
    bool& known_backup = state_->clusters.try_emplace(std::string(cluster), false).first->second;
    known_backup = known_backup || has_backup;
    if (const auto found = state_->forgotten.find(cluster); found != state_->forgotten.end()) {
      state_->forgotten.erase(found);
    }
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
  state_->runs_skipped.Add(MakeLabels({name}));
}

void Instruments::RpcFailed(std::string_view cluster, std::string_view endpoint, Rpc rpc,
                            etcd::Reason reason) {
  MutexLock lock(state_->mutex);
  ++state_->rpc_failures[std::string(cluster)][std::string(endpoint)][{rpc, reason}];
}

void Instruments::KeepEndpoints(std::string_view cluster,
                                const std::set<std::string_view>& endpoints) {
  MutexLock lock(state_->mutex);
  const auto found = state_->rpc_failures.find(cluster);
  if (found == state_->rpc_failures.end()) return;
  std::erase_if(found->second, [&](const auto& each) { return !endpoints.contains(each.first); });
}

void Instruments::TokenRefreshed(std::string_view cluster) {
  state_->token_refreshes.Add(MakeLabels({{kClusterLabel, cluster}})).Increment();
}

void Instruments::ScrapeCoalesced(std::string_view cluster) {
  state_->scrapes_coalesced.Add(MakeLabels({{kClusterLabel, cluster}})).Increment();
}

void Instruments::ForgetCluster(std::string_view cluster) {
  MutexLock lock(state_->mutex);
  const auto found = state_->clusters.find(cluster);
  if (found == state_->clusters.end()) return;
  state_->clusters.erase(found);
  state_->forgotten.emplace(cluster);
}

void Instruments::FanOutStarted() {
  state_->fan_outs.Increment();
}

void Instruments::FanOutEnded() {
  state_->fan_outs.Decrement();
}

void Instruments::ScrapeRejected(Rejection reason) {
  state_->scrapes_rejected.Add(MakeLabels({{kReasonLabel, NameOf(kRejections, reason)}}))
      .Increment();
}

void Instruments::ConfigLoaded(bool successful, WallTime now) {
  state_->reload_successful.Set(successful ? 1 : 0);
  if (successful) state_->reload_time.Set(ToUnixSeconds(now));
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

void Instruments::RunsSkipped(std::string_view cluster, std::uint64_t runs) {
  state_->runs_skipped.Add(MakeLabels({{kClusterLabel, cluster}}))
      .Increment(static_cast<double>(runs));
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
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  MutexLock lock(state_->mutex);
  families.push_back(state_->CollectRpcFailures());
  for (prometheus::MetricFamily& family : families) {
    std::vector<prometheus::ClientMetric> shown;
    shown.reserve(family.metric.size());
    for (prometheus::ClientMetric& metric : family.metric) {
      const auto label = std::find_if(metric.label.begin(), metric.label.end(),
                                      [](const auto& each) { return each.name == kClusterLabel; });
      if (label != metric.label.end() && state_->Hides(family.name, label->value)) continue;
      shown.push_back(std::move(metric));
    }
    family.metric = std::move(shown);
  }
  return families;
}

}  // namespace warden::metrics
