// What Alertmanager's alerts lead to. deploy/CONFIG.md describes every key for operators.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/secret.h"
#include "exporter/config/backup_config.h"
#include "exporter/config/matcher.h"

namespace warden::config {

enum class RuleAction {
  kSnapshot,            // of the best member
  kSnapshotAllMembers,  // one of every member that can be reached: needs no quorum
  kPinBefore,           // hold the newest verified backup of before the alert, then snapshot
};
// "snapshot", "snapshot-all-members", "pin-before"
std::string_view RuleActionName(RuleAction action);
std::optional<RuleAction> ParseRuleAction(std::string_view name);

// The longest that a backup is held by a rule or a request: what is to stay longer is pinned.
inline constexpr Seconds kHoldMax{10L * 366 * 24 * 3600};

struct WebhookRule {
  std::vector<Matcher> match;  // all must match
  RuleAction action = RuleAction::kSnapshot;
  std::string backup_class{kAlertClass};
  // How long the backups that the rule asks for are held; 0: not at all, and the one of before the
  // alert until it is unpinned.
  Seconds hold{0};
  Seconds cooldown{15 * 60};  // per rule and cluster, since the last job that the rule asked for
  bool dry_run = false;       // decide and say so, but do nothing
};

struct WebhookConfig {
  Secret bearer_token;
  std::string cluster_label = "etcd_cluster";
  std::string heartbeat = "Watchdog";  // the alert that always fires, to prove the path
  int max_backups_per_hour = 6;        // that alerts may ask for, all clusters and rules together
  bool dry_run = false;                // of every rule
  std::vector<WebhookRule> rules;      // the first that matches decides
};

// The rules that stand for a section without `rules`: for the alerts of etcd's own mixin and for
// ours.
std::vector<WebhookRule> DefaultRules();

}  // namespace warden::config
