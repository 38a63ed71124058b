#include "exporter/webhook/decide.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "exporter/base/text.h"

namespace warden::webhook {
namespace {

using metrics::DecisionName;

constexpr WallTime kNow{Seconds(1'795'428'900)};

config::WebhookRule Rule(const std::vector<std::string>& matchers,
                         Seconds cooldown = std::chrono::minutes(15)) {
  config::WebhookRule rule;
  for (const std::string& text : matchers) {
    auto matcher = config::Matcher::Parse(text);
    EXPECT_TRUE(matcher.ok()) << matcher.status().message();
    rule.match.push_back(*std::move(matcher));
  }
  rule.cooldown = cooldown;
  return rule;
}

Alert MakeAlert(const std::string& name, const std::string& cluster = "prod",
                const std::string& fingerprint = "f1") {
  Alert alert{.firing = true,
              .labels = {{"alertname", name}},
              .fingerprint = fingerprint,
              .starts_at = "2026-11-23T10:14:00Z"};
  if (!cluster.empty()) alert.labels["etcd_cluster"] = cluster;
  return alert;
}

// Two clusters that can be backed up, and one that cannot; one rule.
class DecideTest : public ::testing::Test {
 protected:
  DecideTest() { webhook_.rules = {Rule({"alertname=~\"Etcd.*\""})}; }

  std::vector<AlertDecision> DecideAll(const std::vector<Alert>& alerts,
                                       WallTime now = kNow) const {
    Notification notification;
    notification.alerts = alerts;
    return Decide(notification, webhook_, clusters_, now);
  }
  // The decisions' names: "accepted in_progress".
  std::string Decisions(const std::vector<Alert>& alerts, WallTime now = kNow) const {
    std::vector<std::string> names;
    for (const AlertDecision& d : DecideAll(alerts, now))
      names.emplace_back(DecisionName(d.decision));
    return Join(names, " ");
  }
  AlertDecision DecideOne(const Alert& alert, WallTime now = kNow) const {
    return DecideAll({alert}, now).at(0);
  }
  // The job that the alert would have asked for, in the cluster's history.
  backup::Job& AddJob(std::size_t cluster, const Alert& alert, backup::JobState state,
                      WallTime created = kNow) {
    backup::Job job{.id = "job-" + std::to_string(clusters_[cluster].jobs.size()),
                    .cluster = clusters_[cluster].name,
                    .state = state,
                    .created = created};
    const std::vector<ClusterState> history =
        std::exchange(clusters_, {{"prod", true, {}}, {"test", true, {}}});
    const backup::JobRequest request = DecideOne(alert).request;
    job.trigger = request.trigger;
    job.order = request.order;
    clusters_ = history;
    clusters_[cluster].jobs.push_back(job);
    return clusters_[cluster].jobs.back();
  }

  config::WebhookConfig webhook_{.bearer_token = Secret::Literal("t"), .rules = {}};
  std::vector<ClusterState> clusters_ = {
      {"prod", true, {}}, {"test", true, {}}, {"bare", false, {}}};
};

TEST_F(DecideTest, AcceptsAFiringAlertThatARuleMatches) {
  const AlertDecision decision = DecideOne(MakeAlert("EtcdDown"));
  EXPECT_EQ(decision.decision, metrics::Decision::kAccepted);
  EXPECT_EQ(decision.alert, 0U);
  EXPECT_EQ(decision.cluster, "prod");
  EXPECT_EQ(decision.job, "");
  const backup::Trigger expected = {.kind = metrics::Trigger::kWebhook,
                                    .alertname = "EtcdDown",
                                    .fingerprint = "f1",
                                    .starts_at = "2026-11-23T10:14:00Z",
                                    .rule = "alertname=~\"Etcd.*\""};
  EXPECT_EQ(decision.request.trigger, expected);
}

TEST_F(DecideTest, DecidesNothingAboutNothing) {
  EXPECT_TRUE(DecideAll({}).empty());
}

TEST_F(DecideTest, RefusesWithAReason) {
  Alert resolved = MakeAlert("EtcdDown");
  resolved.firing = false;
  struct Case {
    Alert alert;
    std::string decision;
    std::string cluster;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {resolved, "resolved", "prod", "resolved alerts never trigger"},
      {MakeAlert("NodeDown"), "no_match", "prod", "no rule matches its labels"},
      {MakeAlert("xEtcdDown"), "no_match", "prod", "no rule matches its labels"},
      {MakeAlert("NodeDown", "moon"), "no_match", "", "no rule matches its labels"},
      {MakeAlert("EtcdDown", "moon\n"), "rejected", "", "no cluster is configured as \"moon \""},
      {MakeAlert("EtcdDown", ""), "rejected", "",
       "the alert has no label etcd_cluster to name a cluster"},
      {MakeAlert("EtcdDown", "bare"), "rejected", "bare",
       "cluster bare has no backup section in the configuration"}};
  for (const Case& c : cases) {
    const AlertDecision decision = DecideOne(c.alert);
    EXPECT_EQ(DecisionName(decision.decision), c.decision) << c.reason;
    EXPECT_EQ(decision.cluster, c.cluster) << c.reason;
    EXPECT_EQ(decision.reason, c.reason);
    EXPECT_EQ(decision.request.trigger, backup::Trigger()) << c.reason;
    EXPECT_EQ(decision.job, "") << c.reason;
  }
}

TEST_F(DecideTest, WithoutTheLabelTheOnlyClusterIsMeant) {
  clusters_ = {{"prod", true, {}}};
  EXPECT_EQ(DecideOne(MakeAlert("EtcdDown", "")).cluster, "prod");
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown", "")}), "accepted");
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown", "moon")}), "rejected")
      << "a wrong name is not ignored";
}

TEST_F(DecideTest, TheLabelIsConfigured) {
  webhook_.cluster_label = "job";
  Alert alert = MakeAlert("EtcdDown", "prod");
  alert.labels["job"] = "test";
  EXPECT_EQ(DecideOne(alert).cluster, "test");
}

TEST_F(DecideTest, TheFirstRuleThatMatchesDecides) {
  webhook_.rules = {Rule({"alertname=EtcdDown", "severity=\"page\""}),
                    Rule({"severity!=\"page\"", "alertname=~\"Etcd(Down|Slow)\""}),
                    Rule({"alertname!~\"Node.*\""})};
  const auto rule_of = [&](const std::string& name, const std::string& severity) {
    Alert alert = MakeAlert(name);
    if (!severity.empty()) alert.labels["severity"] = severity;
    return DecideOne(alert).request.trigger.rule;
  };
  EXPECT_EQ(rule_of("EtcdDown", "page"), "alertname=EtcdDown, severity=\"page\"");
  EXPECT_EQ(rule_of("EtcdDown", ""), "severity!=\"page\", alertname=~\"Etcd(Down|Slow)\"");
  EXPECT_EQ(rule_of("EtcdSlow", "info"), "severity!=\"page\", alertname=~\"Etcd(Down|Slow)\"");
  EXPECT_EQ(rule_of("EtcdSlow", "page"), "alertname!~\"Node.*\"");
  EXPECT_EQ(rule_of("NodeDown", "page"), "");
}

TEST_F(DecideTest, OneBackupCoversAGroupOfAlerts) {
  const auto decisions =
      DecideAll({MakeAlert("EtcdDown", "prod", "f1"), MakeAlert("EtcdSlow", "prod", "f2"),
                 MakeAlert("EtcdDown", "test", "f3"), MakeAlert("EtcdDown", "prod", "f1")});
  const std::vector<std::string> expected = {"accepted", "in_progress", "accepted", "deduplicated"};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(DecisionName(decisions.at(i).decision), expected[i]) << i;
    EXPECT_EQ(decisions.at(i).alert, i);
    EXPECT_EQ(decisions.at(i).job, "") << "not yet known";
  }
}

TEST_F(DecideTest, AQueuedBackupCoversALaterAlert) {
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f2"), backup::JobState::kQueued).id = "waiting";
  const AlertDecision decision = DecideOne(MakeAlert("EtcdDown"));
  EXPECT_EQ(decision.decision, metrics::Decision::kInProgress);
  EXPECT_EQ(decision.job, "waiting");
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown", "test")}), "accepted") << "but not of another cluster";
}

TEST_F(DecideTest, ARunningBackupMayHaveBegunBeforeTheAlert) {
  webhook_.rules[0].cooldown = Seconds(0);
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f2"), backup::JobState::kRunning);
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "accepted");
}

TEST_F(DecideTest, AManualBackupThatIsQueuedCoversAnAlert) {
  AddJob(0, MakeAlert("EtcdDown"), backup::JobState::kQueued).trigger = {};
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "in_progress");
}

TEST_F(DecideTest, TheCooldownEndsOnTime) {
  const Nanoseconds cooldown = webhook_.rules[0].cooldown;
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f2"), backup::JobState::kSucceeded);
  const Alert alert = MakeAlert("EtcdDown");
  EXPECT_EQ(Decisions({alert}, kNow), "cooldown");
  EXPECT_EQ(Decisions({alert}, kNow + cooldown - Nanoseconds(1)), "cooldown");
  EXPECT_EQ(Decisions({alert}, kNow + cooldown), "accepted");
  EXPECT_EQ(DecideOne(alert).reason,
            "the rule asked for a backup less than 15m ago, at 2026-11-23T10:15:00.000Z");
}

TEST_F(DecideTest, TheCooldownCountsFromTheLastJob) {
  const Nanoseconds cooldown = webhook_.rules[0].cooldown;
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f2"), backup::JobState::kSucceeded);
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f3"), backup::JobState::kSucceeded, kNow + cooldown);
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}, kNow + cooldown + Seconds(1)), "cooldown");
}

TEST_F(DecideTest, TheCooldownIsPerRuleAndCluster) {
  webhook_.rules = {Rule({"alertname=EtcdSlow"}), Rule({"alertname=EtcdDown"})};
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f2"), backup::JobState::kSucceeded);
  EXPECT_EQ(Decisions({MakeAlert("EtcdSlow")}), "cooldown");
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "accepted");
  EXPECT_EQ(Decisions({MakeAlert("EtcdSlow", "test")}), "accepted");
}

TEST_F(DecideTest, ReorderingRulesKeepsTheirCooldowns) {
  webhook_.rules = {Rule({"alertname=EtcdSlow"}), Rule({"alertname=EtcdDown"})};
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f2"), backup::JobState::kSucceeded);
  std::swap(webhook_.rules[0], webhook_.rules[1]);
  EXPECT_EQ(Decisions({MakeAlert("EtcdSlow")}), "cooldown");
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "accepted");
}

TEST_F(DecideTest, AnIncidentAsksOnce) {
  const WallTime later = kNow + std::chrono::hours(240);
  for (const auto state :
       {backup::JobState::kQueued, backup::JobState::kRunning, backup::JobState::kSucceeded}) {
    clusters_[0].jobs.clear();
    // As read from the disk after a restart.
    const backup::Job job = AddJob(0, MakeAlert("EtcdDown"), state);
    clusters_[0].jobs[0].trigger = backup::TriggerFromJson(backup::ToJson(job.trigger));
    const AlertDecision decision = DecideOne(MakeAlert("EtcdDown"), later);
    EXPECT_EQ(decision.decision, metrics::Decision::kDeduplicated) << JobStateName(state);
    EXPECT_EQ(decision.job, job.id);
    EXPECT_EQ(decision.reason, "this alert already asked for a backup");
  }
  Alert again = MakeAlert("EtcdDown");
  again.starts_at = "2026-11-24T10:14:00Z";
  EXPECT_EQ(Decisions({again}, later), "accepted") << "the next incident";
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown", "prod", "f9")}, later), "accepted") << "another alert";
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown", "test")}, later), "accepted") << "another cluster";
}

TEST_F(DecideTest, AnIncidentWhoseJobFailedAsksAgainAfterTheCooldown) {
  const Nanoseconds cooldown = webhook_.rules[0].cooldown;
  AddJob(0, MakeAlert("EtcdDown"), backup::JobState::kFailed);
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}, kNow + cooldown - Nanoseconds(1)), "deduplicated");
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}, kNow + cooldown), "accepted");
}

TEST_F(DecideTest, AFailedJobHoldsUpNoOtherIncident) {
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f2"), backup::JobState::kFailed).error = "disk full";
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "accepted");
  EXPECT_EQ(DecideOne(MakeAlert("EtcdSlow", "prod", "f2")).reason,
            "this alert already asked for a backup, which failed: disk full");
}

TEST_F(DecideTest, AJobFromBeforeTheClockWasSetBackHoldsNothingUp) {
  AddJob(0, MakeAlert("EtcdSlow", "prod", "f2"), backup::JobState::kSucceeded,
         kNow + std::chrono::hours(10));
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "accepted");
}

TEST_F(DecideTest, AJobThatNoAlertAskedForIsNoDuplicate) {
  backup::Job& job = AddJob(0, MakeAlert("EtcdDown"), backup::JobState::kSucceeded);
  job.trigger.kind = metrics::Trigger::kManual;
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}, kNow + std::chrono::hours(1)), "accepted");
}

TEST_F(DecideTest, TheHeartbeatIsNotedAndAsksForNothing) {
  webhook_.rules = {Rule({"alertname!=\"\""})};
  for (const std::string cluster : {"prod", "", "moon"}) {
    EXPECT_EQ(Decisions({MakeAlert("Watchdog", cluster)}), "heartbeat") << cluster;
  }
  Alert resolved = MakeAlert("Watchdog");
  resolved.firing = false;
  EXPECT_EQ(Decisions({resolved}), "resolved") << "the path works no longer, or so it says";
  webhook_.heartbeat = "DeadMansSwitch";
  EXPECT_EQ(Decisions({MakeAlert("DeadMansSwitch"), MakeAlert("Watchdog")}), "heartbeat accepted");
}

TEST_F(DecideTest, AlertsMayAskForSoManyBackupsWithinAnHour) {
  webhook_.max_backups_per_hour = 3;
  webhook_.rules[0].cooldown = Seconds(0);
  const WallTime hour_ago = kNow - std::chrono::hours(1);
  AddJob(0, MakeAlert("EtcdA", "prod", "a"), backup::JobState::kSucceeded, hour_ago);
  AddJob(0, MakeAlert("EtcdB", "prod", "b"), backup::JobState::kFailed, hour_ago + Seconds(1));
  AddJob(1, MakeAlert("EtcdC", "test", "c"), backup::JobState::kSucceeded, kNow - Seconds(1));
  AddJob(0, MakeAlert("EtcdD", "prod", "d"), backup::JobState::kSucceeded).trigger.kind =
      metrics::Trigger::kSchedule;
  AddJob(0, MakeAlert("EtcdE", "prod", "e"), backup::JobState::kSucceeded, kNow + Seconds(9));
  // Two of the hour, on all clusters and whatever became of them: one more.
  const std::vector<Alert> alerts = {MakeAlert("EtcdX", "test", "x"),
                                     MakeAlert("EtcdY", "prod", "y")};
  EXPECT_EQ(Decisions(alerts), "accepted capped");
  EXPECT_EQ(DecideAll(alerts)[1].reason,
            "alerts have asked for 3 backups within the hour, which is max_backups_per_hour");
  EXPECT_EQ(Decisions(alerts, kNow + Seconds(1)), "accepted accepted") << "the failed one is old";
  webhook_.rules[0].dry_run = true;
  EXPECT_EQ(Decisions(alerts), "dry_run dry_run") << "what is not done uses up nothing";
}

TEST_F(DecideTest, ADryRunSaysWhatItWouldDo) {
  webhook_.rules = {Rule({"alertname=EtcdDown"}), Rule({"alertname=~\"Etcd.*\""})};
  webhook_.rules[1].dry_run = true;
  EXPECT_EQ(Decisions({MakeAlert("EtcdSlow", "prod", "f2"), MakeAlert("EtcdDown")}),
            "dry_run accepted");
  const AlertDecision decision = DecideOne(MakeAlert("EtcdSlow"));
  EXPECT_EQ(decision.reason, "snapshot, for it matches alertname=~\"Etcd.*\"");
  EXPECT_EQ(decision.request.trigger.alertname, "EtcdSlow");
  EXPECT_EQ(decision.job, "");
  webhook_.dry_run = true;
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown"), MakeAlert("EtcdDown")}), "dry_run dry_run")
      << "nothing is queued that could cover the second";
}

TEST_F(DecideTest, TheRuleSaysWhatIsToBeDone) {
  webhook_.rules[0].action = config::RuleAction::kPinBefore;
  webhook_.rules[0].backup_class = "incident";
  webhook_.rules[0].hold = std::chrono::hours(24);
  const AlertDecision decision = DecideOne(MakeAlert("EtcdDown"));
  const backup::Order expected{.action = config::RuleAction::kPinBefore,
                               .backup_class = "incident",
                               .hold = std::chrono::hours(24)};
  EXPECT_EQ(decision.request.order, expected);
  EXPECT_TRUE(decision.reason.starts_with("pin-before, ")) << decision.reason;
}

TEST_F(DecideTest, AWaitingBackupCoversOnlyWhatItWouldDo) {
  using config::RuleAction;
  struct Case {
    RuleAction waiting;
    bool skip_if_unchanged;
    RuleAction wanted;
    std::string decision;
  };
  const std::vector<Case> cases = {
      {RuleAction::kSnapshot, false, RuleAction::kSnapshot, "in_progress"},
      {RuleAction::kSnapshot, true, RuleAction::kSnapshot, "accepted"},
      {RuleAction::kSnapshot, false, RuleAction::kSnapshotAllMembers, "accepted"},
      {RuleAction::kSnapshot, false, RuleAction::kPinBefore, "accepted"},
      {RuleAction::kSnapshotAllMembers, false, RuleAction::kSnapshot, "in_progress"},
      {RuleAction::kSnapshotAllMembers, false, RuleAction::kSnapshotAllMembers, "in_progress"},
      {RuleAction::kSnapshotAllMembers, false, RuleAction::kPinBefore, "accepted"},
      {RuleAction::kPinBefore, false, RuleAction::kSnapshot, "in_progress"},
      {RuleAction::kPinBefore, false, RuleAction::kSnapshotAllMembers, "accepted"},
      {RuleAction::kPinBefore, false, RuleAction::kPinBefore, "accepted"}};
  for (const Case& c : cases) {
    clusters_[0].jobs.clear();
    webhook_.rules = {Rule({"alertname=EtcdDown"})};
    webhook_.rules[0].action = c.wanted;
    backup::Job& job = AddJob(0, MakeAlert("EtcdDown", "prod", "f2"), backup::JobState::kQueued);
    job.trigger = {.kind = metrics::Trigger::kManual};
    job.order = {.action = c.waiting,
                 .backup_class = std::string(config::kAlertClass),
                 .skip_if_unchanged = c.skip_if_unchanged};
    EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), c.decision)
        << RuleActionName(c.waiting) << " waits, wanted is " << RuleActionName(c.wanted);
  }
}

TEST_F(DecideTest, AWaitingBackupCoversWhatIsToStayAsLongInTheSameClass) {
  webhook_.rules[0].hold = Seconds(60);
  backup::Job& job = AddJob(0, MakeAlert("EtcdDown", "prod", "f2"), backup::JobState::kQueued);
  job.trigger = {};
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "in_progress");
  job.order.hold = Seconds(59);
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "accepted");
  job.order = {.backup_class = "other", .hold = Seconds(60)};
  EXPECT_EQ(Decisions({MakeAlert("EtcdDown")}), "accepted");
}

TEST_F(DecideTest, HostileTextIsCutToOneLine) {
  Alert alert = MakeAlert("Etcd" + std::string(10'000, 'x') + "\n");
  alert.fingerprint = std::string(10'000, 'f') + "\r\n";
  webhook_.rules = {Rule({"alertname!=\"\""})};
  const AlertDecision decision = DecideOne(alert);
  EXPECT_EQ(decision.decision, metrics::Decision::kAccepted);
  EXPECT_EQ(decision.request.trigger.alertname.size(), 256U + 3);
  EXPECT_EQ(decision.request.trigger.fingerprint.size(), 64U + 3);
  EXPECT_EQ(Decisions({alert, alert}), "accepted deduplicated");
}

}  // namespace
}  // namespace warden::webhook
