// The rules that stand for a webhook section without any.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/config/config_file.h"

namespace warden::config {
namespace {

// What the first rule that matches says; "none" if none does.
std::string ActionFor(const std::string& alertname, const std::string& severity = "warning",
                      const std::string& backup = "") {
  const Labels labels = {
      {"alertname", alertname}, {"severity", severity}, {"job", "etcd"}, {"backup", backup}};
  for (const WebhookRule& rule : DefaultRules()) {
    const bool matches = std::ranges::all_of(
        rule.match, [&](const Matcher& matcher) { return matcher.Matches(labels); });
    if (matches) return std::string(RuleActionName(rule.action));
  }
  return "none";
}

TEST(DefaultRules, KnowTheAlertsOfEtcdsOwnMixinAndOurs) {
  const std::pair<const char*, const char*> cases[] = {
      {"etcdInsufficientMembers", "snapshot-all-members"},
      {"etcdNoLeader", "snapshot-all-members"},
      {"EtcdQuorumLost", "snapshot-all-members"},
      {"etcdDatabaseQuotaLowSpace", "pin-before"},
      {"etcdExcessiveDatabaseGrowth", "pin-before"},
      {"EtcdCorruptAlarm", "pin-before"},
      {"etcdMembersDown", "none"},
      {"etcdHighCommitDurations", "none"},
      {"KubePodCrashLooping", "none"},
      {"NodeFilesystemNoSpace", "none"},
      {"notetcdNoLeader", "none"},
      {"Watchdog", "none"},
  };
  for (const auto& [alertname, action] : cases) {
    EXPECT_EQ(ActionFor(alertname), action) << alertname;
  }
  EXPECT_EQ(ActionFor("etcdMembersDown", "critical"), "snapshot");
  EXPECT_EQ(ActionFor("KubeAPIDown", "critical"), "none");
}

// The alerts in alerts/ that have this label.
TEST(DefaultRules, TakeABackupForEveryAlertThatSaysSo) {
  const std::pair<const char*, const char*> cases[] = {
      {"EtcdQuorumLost", "snapshot-all-members"}, {"EtcdSplitView", "snapshot-all-members"},
      {"EtcdHashMismatch", "pin-before"},         {"EtcdAlarmCorrupt", "pin-before"},
      {"EtcdRevisionDivergence", "pin-before"},   {"EtcdAlarmNoSpace", "pin-before"},
      {"EtcdQuotaCritical", "pin-before"},        {"EtcdBackupTooOld", "snapshot"},
      {"EtcdMemberUnreachable", "snapshot"},      {"EtcdVersionSkew", "snapshot"},
      {"SomeAlertOfYours", "snapshot"},
  };
  for (const auto& [alertname, action] : cases) {
    EXPECT_EQ(ActionFor(alertname, "warning", "true"), action) << alertname;
    EXPECT_NE(ActionFor(alertname, "warning", "false"), "snapshot") << alertname;
  }
}

TEST(DefaultRules, HoldWhatTheyAskForAndRest) {
  for (const WebhookRule& rule : DefaultRules()) {
    EXPECT_FALSE(rule.match.empty());
    EXPECT_EQ(rule.backup_class, kAlertClass);
    EXPECT_GE(rule.hold, Seconds(7 * 24 * 3600));
    EXPECT_LE(rule.hold, kHoldMax);
    EXPECT_GT(rule.cooldown, Seconds(0));
    EXPECT_FALSE(rule.dry_run);
  }
}

TEST_F(ConfigFile, HasTheDefaultRulesWithoutRules) {
  const std::string text =
      "clusters: [{name: a, endpoints: ['https://e:1'], backup: {directory: b}}]\n"
      "webhook:\n  bearer_token_file: token\n";
  const auto config = LoadText(text);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ((**config).webhook->rules.size(), DefaultRules().size());
  const auto own = LoadText(text + "  rules: [{match: ['a=b']}]\n");
  ASSERT_TRUE(own.ok()) << own.status().message();
  EXPECT_EQ((**own).webhook->rules.size(), 1U);
}

}  // namespace
}  // namespace warden::config
