#include "exporter/app/alerts.h"

#include <map>
#include <utility>
#include <vector>

#include "exporter/app/bearer.h"
#include "exporter/app/heartbeat.h"
#include "exporter/base/json.h"
#include "exporter/webhook/decide.h"
#include "exporter/webhook/notification.h"

namespace warden::app {
namespace {

using metrics::Decision;
using webhook::AlertDecision;

std::vector<webhook::ClusterState> ClusterStates(Runtime& runtime) {
  std::vector<webhook::ClusterState> states;
  for (const auto& cluster : runtime.clusters()) {
    states.push_back(
        {.name = cluster->config.name,
         .has_backup = cluster->worker != nullptr,
         .jobs = cluster->worker ? cluster->worker->History() : std::vector<backup::Job>()});
  }
  return states;
}

backup::Worker& WorkerOf(Runtime& runtime, std::string_view cluster) {
  // Decide accepts only clusters that have one.
  return *runtime.FindCluster(cluster)->worker;
}

// Decides and reserves in one step, so that two notifications at once cannot both be the first.
// `full` is what a queue without a place said.
std::vector<AlertDecision> DecideAndReserve(Runtime& runtime,
                                            const webhook::Notification& notification,
                                            Status& full) {
  MutexLock lock(runtime.decision_mutex());
  std::vector<AlertDecision> decisions = webhook::Decide(
      notification, *runtime.config()->webhook, ClusterStates(runtime), runtime.env().clock.Now());
  std::map<std::string, std::string> reserved;
  for (AlertDecision& decision : decisions) {
    if (decision.decision == Decision::kAccepted) {
      Result<std::string> job = WorkerOf(runtime, decision.cluster).Reserve(decision.request);
      if (job.ok()) {
        reserved[decision.cluster] = decision.job = *job;
      } else {
        decision.decision = Decision::kRejected;
        decision.reason = job.error().message();
        full = job.error();
      }
    } else if (decision.job.empty() && (decision.decision == Decision::kInProgress ||
                                        decision.decision == Decision::kDeduplicated)) {
      decision.job = reserved[decision.cluster];
    }
  }
  return decisions;
}

// Every reservation is confirmed or given back; returns the first failure.
Status StoreAccepted(Runtime& runtime, const std::vector<AlertDecision>& decisions) {
  Status first;
  for (const AlertDecision& decision : decisions) {
    if (decision.decision != Decision::kAccepted) continue;
    Status stored = WorkerOf(runtime, decision.cluster).Confirm(decision.job);
    if (first.ok()) first = std::move(stored);
  }
  return first;
}

void Record(Runtime& runtime, const webhook::Notification& notification,
            const std::vector<AlertDecision>& decisions) {
  for (const AlertDecision& decision : decisions) {
    const webhook::Alert& alert = notification.alerts[decision.alert];
    runtime.instruments().AlertReceived(alert.firing ? metrics::AlertStatus::kFiring
                                                     : metrics::AlertStatus::kResolved);
    runtime.instruments().AlertDecided(decision.cluster, decision.decision);
    if (decision.decision == Decision::kHeartbeat) {
      NoteHeartbeat(runtime);
    }
    runtime.env().log.Log(LogLevel::kInfo, "alert received",
                          {{"alertname", alert.Label("alertname")},
                           {"etcd_cluster", decision.cluster},
                           {"fingerprint", alert.fingerprint},
                           {"decision", metrics::DecisionName(decision.decision)},
                           {"reason", decision.reason},
                           {"job", decision.job}});
  }
  if (notification.truncated_alerts > 0) {
    runtime.instruments().AlertDecided("", Decision::kTruncated);
    runtime.env().log.Log(LogLevel::kWarn,
                          "Alertmanager left alerts out of its notification; raise max_alerts",
                          {{"truncated", notification.truncated_alerts}});
  }
}

Json Describe(const webhook::Notification& notification, const AlertDecision& decision) {
  const webhook::Alert& alert = notification.alerts[decision.alert];
  return Json{{"fingerprint", alert.fingerprint},
              {"alertname", alert.Label("alertname")},
              {"status", alert.firing ? "firing" : "resolved"},
              {"cluster", decision.cluster},
              {"decision", metrics::DecisionName(decision.decision)},
              {"reason", decision.reason},
              {"job", decision.job.empty() ? Json(nullptr) : Json(decision.job)}};
}

http::Response NoReceiver() {
  return http::ErrorResponse(404, "the configuration has no section webhook");
}

}  // namespace

std::optional<http::Response> AuthenticateWebhook(Runtime& runtime, const http::Request& request) {
  if (!runtime.config()->webhook) return NoReceiver();
  return CheckBearer(runtime.env(), request, runtime.config()->webhook->bearer_token, "webhook");
}

http::Response ReceiveAlerts(Runtime& runtime, const http::Request& request) {
  if (!runtime.config()->webhook) return NoReceiver();
  const auto notification = webhook::ParseNotification(request.body);
  if (!notification.ok()) return http::ErrorResponse(400, notification.error().message());
  Status full;
  const std::vector<AlertDecision> decisions = DecideAndReserve(runtime, *notification, full);
  if (const Status stored = StoreAccepted(runtime, decisions); !stored.ok()) {
    runtime.env().log.Log(LogLevel::kError, "cannot store a requested backup", {{"error", stored}});
    return http::ErrorResponse(503, stored.message());
  }
  Record(runtime, *notification, decisions);
  // Alertmanager tries again; what was accepted is told as a duplicate then.
  if (!full.ok()) return http::ErrorResponse(503, full.message());
  Json answer{{"jobs", Json::array()}, {"decisions", Json::array()}};
  for (const AlertDecision& decision : decisions) {
    if (decision.decision == Decision::kAccepted) answer["jobs"].push_back(decision.job);
    answer["decisions"].push_back(Describe(*notification, decision));
  }
  return {.code = answer["jobs"].empty() ? 200 : 202,
          .content_type = "application/json",
          .body = DumpJson(answer) + "\n",
          .headers = {}};
}

}  // namespace warden::app
