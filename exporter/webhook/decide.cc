#include "exporter/webhook/decide.h"

#include <algorithm>

#include "exporter/base/text.h"

namespace warden::webhook {
namespace {

using metrics::Decision;

const config::WebhookRule* FindRule(const std::vector<config::WebhookRule>& rules,
                                    const config::Labels& labels) {
  for (const config::WebhookRule& rule : rules) {
    const bool matches =
        std::all_of(rule.match.begin(), rule.match.end(),
                    [&](const config::Matcher& matcher) { return matcher.Matches(labels); });
    if (matches) return &rule;
  }
  return nullptr;
}

// The rule's name in job files: its matchers, which survive a restart and a reordering.
std::string RuleText(const config::WebhookRule& rule) {
  std::vector<std::string> texts;
  for (const config::Matcher& matcher : rule.match) texts.push_back(matcher.text());
  return Join(texts, ", ");
}

bool SameIncident(const backup::Trigger& a, const backup::Trigger& b) {
  return a.kind == metrics::Trigger::kWebhook && b.kind == a.kind &&
         a.fingerprint == b.fingerprint && a.starts_at == b.starts_at;
}

// Whether a job that waits does what the other one would: one member's snapshot is not every
// member's, and a pin is wanted for itself.
bool Covers(const backup::Order& waiting, const backup::Order& wanted) {
  if (waiting.hold < wanted.hold || waiting.backup_class != wanted.backup_class) return false;
  if (wanted.action == config::RuleAction::kSnapshot) return !waiting.skip_if_unchanged;
  return waiting.action == wanted.action && wanted.action != config::RuleAction::kPinBefore;
}

// Decides about one alert after the other; what one asks for counts in the history of the next.
class Decider {
 public:
  Decider(const config::WebhookConfig& webhook, const std::vector<ClusterState>& clusters,
          WallTime now)
      : webhook_(webhook), clusters_(clusters), now_(now) {}

  AlertDecision Decide(const Alert& alert) {
    const auto [cluster, complaint] = FindCluster(alert);
    AlertDecision decision;
    if (cluster != nullptr) decision.cluster = cluster->name;
    const auto because = [&](Decision kind, std::string reason) {
      decision.decision = kind;
      decision.reason = std::move(reason);
      return decision;
    };
    if (!alert.firing) return because(Decision::kResolved, "resolved alerts never trigger");
    if (alert.Label("alertname") == webhook_.heartbeat) {
      return because(Decision::kHeartbeat, "the heartbeat proves the path, and asks for nothing");
    }
    const config::WebhookRule* rule = FindRule(webhook_.rules, alert.labels);
    if (rule == nullptr) return because(Decision::kNoMatch, "no rule matches its labels");
    if (cluster == nullptr) return because(Decision::kRejected, complaint);
    if (!cluster->has_backup) {
      return because(Decision::kRejected,
                     "cluster " + cluster->name + " has no backup section in the configuration");
    }
    decision.request = {
        .trigger = {.kind = metrics::Trigger::kWebhook,
                    .alertname = ToSingleLine(alert.Label("alertname"), 256),
                    .fingerprint = ToSingleLine(alert.fingerprint, 64),
                    .starts_at = alert.starts_at,
                    .rule = RuleText(*rule)},
        .order = {.action = rule->action, .backup_class = rule->backup_class, .hold = rule->hold}};
    return Weigh(std::move(decision), *cluster, *rule);
  }

 private:
  struct Found {
    ClusterState* cluster;
    std::string complaint;
  };

  Found FindCluster(const Alert& alert) {
    const std::string name = alert.Label(webhook_.cluster_label);
    if (name.empty() && clusters_.size() == 1) return {&clusters_.front(), ""};
    for (ClusterState& cluster : clusters_) {
      if (cluster.name == name) return {&cluster, ""};
    }
    if (name.empty()) {
      return {nullptr, "the alert has no label " + webhook_.cluster_label + " to name a cluster"};
    }
    return {nullptr, "no cluster is configured as \"" + ToSingleLine(name, 64) + "\""};
  }

  // Whether the rule's cooldown since the job still lasts. A job of the future is one from before
  // the clock was set back, and holds nothing up.
  bool Rests(const backup::Job& job, const config::WebhookRule& rule) const {
    return job.created <= now_ && now_ < job.created + rule.cooldown;
  }

  // Of those that alerts asked for, on all clusters, whatever became of them.
  std::size_t JobsOfTheHour() const {
    std::size_t count = 0;
    for (const ClusterState& cluster : clusters_) {
      count +=
          static_cast<std::size_t>(std::ranges::count_if(cluster.jobs, [&](const backup::Job& job) {
            return job.trigger.kind == metrics::Trigger::kWebhook && job.created <= now_ &&
                   now_ < job.created + std::chrono::hours(1);
          }));
    }
    return count;
  }

  // Against what the cluster already had.
  AlertDecision Weigh(AlertDecision decision, ClusterState& cluster,
                      const config::WebhookRule& rule) {
    const backup::Job* waiting = nullptr;
    const backup::Job* last_of_rule = nullptr;
    for (const backup::Job& job : cluster.jobs) {
      const bool failed = job.state == backup::JobState::kFailed;
      // A job that failed does not answer for the incident for ever, nor for others at all.
      if (SameIncident(job.trigger, decision.request.trigger) && (!failed || Rests(job, rule))) {
        decision.decision = Decision::kDeduplicated;
        decision.reason = failed
                              ? "this alert already asked for a backup, which failed: " + job.error
                              : "this alert already asked for a backup";
        decision.job = job.id;
        return decision;
      }
      if (job.state == backup::JobState::kQueued && Covers(job.order, decision.request.order)) {
        waiting = &job;
      }
      if (!failed && job.trigger.rule == decision.request.trigger.rule) last_of_rule = &job;
    }
    if (waiting != nullptr) {
      decision.decision = Decision::kInProgress;
      decision.reason = "a backup that will cover it is already queued";
      decision.job = waiting->id;
      return decision;
    }
    if (last_of_rule != nullptr && Rests(*last_of_rule, rule)) {
      decision.decision = Decision::kCooldown;
      decision.reason = "the rule asked for a backup less than " + FormatDuration(rule.cooldown) +
                        " ago, at " + FormatTime(last_of_rule->created);
      return decision;
    }
    const bool dry_run = webhook_.dry_run || rule.dry_run;
    if (!dry_run && JobsOfTheHour() >= static_cast<std::size_t>(webhook_.max_backups_per_hour)) {
      decision.decision = Decision::kCapped;
      decision.reason = "alerts have asked for " + std::to_string(webhook_.max_backups_per_hour) +
                        " backups within the hour, which is max_backups_per_hour";
      return decision;
    }
    decision.decision = dry_run ? Decision::kDryRun : Decision::kAccepted;
    decision.reason = std::string(config::RuleActionName(rule.action)) + ", for it matches " +
                      decision.request.trigger.rule;
    if (dry_run) return decision;
    cluster.jobs.push_back({.cluster = cluster.name,
                            .state = backup::JobState::kQueued,
                            .trigger = decision.request.trigger,
                            .order = decision.request.order,
                            .created = now_});
    return decision;
  }

  const config::WebhookConfig& webhook_;
  std::vector<ClusterState> clusters_;
  const WallTime now_;
};

}  // namespace

std::vector<AlertDecision> Decide(const Notification& notification,
                                  const config::WebhookConfig& webhook,
                                  const std::vector<ClusterState>& clusters, WallTime now) {
  Decider decider(webhook, clusters, now);
  std::vector<AlertDecision> decisions;
  for (std::size_t i = 0; i < notification.alerts.size(); ++i) {
    decisions.push_back(decider.Decide(notification.alerts[i]));
    decisions.back().alert = i;
  }
  return decisions;
}

}  // namespace warden::webhook
