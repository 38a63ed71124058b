#include "exporter/base/text.h"
#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr int kPerHourMax = 1000;

// webhook.rules[]

void ReadMatch(Reading& reading, const TreeNode& node, WebhookRule& rule) {
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    const auto text = ReadText(reading, child);
    if (!text) continue;
    const Result<Matcher> matcher = Matcher::Parse(*text);
    if (reading.Check(child, matcher.status())) rule.match.push_back(*matcher);
  }
}

constexpr RuleAction kActions[] = {RuleAction::kSnapshot, RuleAction::kSnapshotAllMembers,
                                   RuleAction::kPinBefore};

void ReadAction(Reading& reading, const TreeNode& node, WebhookRule& rule) {
  const auto text = ReadText(reading, node);
  if (!text) return;
  if (const auto action = ParseRuleAction(*text)) {
    rule.action = *action;
    return;
  }
  std::vector<std::string> names;
  for (const RuleAction action : kActions) names.emplace_back(RuleActionName(action));
  reading.Fail(node, Quoted(*text) + " is no action; known: " + Join(names, ", "));
}

constexpr Field<WebhookRule> kRuleFields[] = {
    {"match", true, ReadMatch},
    {"action", false, ReadAction},
    {"class", false,
     [](Reading& reading, const TreeNode& node, WebhookRule& rule) {
       if (auto name = ReadName(reading, node)) rule.backup_class = *std::move(name);
     }},
    {"hold", false,
     [](Reading& reading, const TreeNode& node, WebhookRule& rule) {
       const auto hold = ReadSeconds(reading, node);
       if (!hold) return;
       if (*hold > kHoldMax) reading.Fail(node, "must be 10y or less");
       rule.hold = *hold;
     }},
    {"cooldown", false,
     [](Reading& reading, const TreeNode& node, WebhookRule& rule) {
       if (const auto cooldown = ReadSeconds(reading, node)) rule.cooldown = *cooldown;
     }},
    {"dry_run", false,
     [](Reading& reading, const TreeNode& node, WebhookRule& rule) {
       rule.dry_run = ReadFlag(reading, node).value_or(false);
     }},
};

// webhook

void ReadToken(Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
  ReadSecretInto(reading, node, webhook.bearer_token);
}

void ReadClusterLabel(Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
  const auto label = ReadText(reading, node);
  if (!label) return;
  const bool starts_with_digit = label->front() >= '0' && label->front() <= '9';
  if (HasOnly(*label, "_") && !starts_with_digit) {
    webhook.cluster_label = *label;
  } else {
    reading.Fail(node, Quoted(*label) +
                           " is no label name; use letters, digits and _, starting "
                           "with a letter or _");
  }
}

void ReadRules(Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    ReadMapping(reading, child, kRuleFields, webhook.rules.emplace_back());
  }
}

constexpr Field<WebhookConfig> kWebhookFields[] = {
    {"bearer_token_file", true, ReadToken},
    {"cluster_label", false, ReadClusterLabel},
    {"heartbeat", false,
     [](Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
       ReadTextInto(reading, node, webhook.heartbeat);
     }},
    {"max_backups_per_hour", false,
     [](Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
       if (const auto most = ReadNumber(reading, node, 1, kPerHourMax)) {
         webhook.max_backups_per_hour = *most;
       }
     }},
    {"dry_run", false,
     [](Reading& reading, const TreeNode& node, WebhookConfig& webhook) {
       webhook.dry_run = ReadFlag(reading, node).value_or(false);
     }},
    {"rules", false, ReadRules},
};

WebhookRule MakeRule(RuleAction action, const std::vector<std::string_view>& matchers, Seconds hold,
                     Seconds cooldown) {
  WebhookRule rule{.match = {}, .action = action, .hold = hold, .cooldown = cooldown};
  // They are ours, and tested to parse.
  for (const std::string_view text : matchers) rule.match.push_back(*Matcher::Parse(text));
  return rule;
}

}  // namespace

std::string_view RuleActionName(RuleAction action) {
  switch (action) {
    case RuleAction::kSnapshot:
      return "snapshot";
    case RuleAction::kSnapshotAllMembers:
      return "snapshot-all-members";
    case RuleAction::kPinBefore:
      return "pin-before";
  }
  return "snapshot";
}

std::optional<RuleAction> ParseRuleAction(std::string_view name) {
  for (const RuleAction action : kActions) {
    if (RuleActionName(action) == name) return action;
  }
  return std::nullopt;
}

std::vector<WebhookRule> DefaultRules() {
  constexpr Seconds kMonth{30L * 24 * 3600};
  constexpr Seconds kWeek{7L * 24 * 3600};
  return {
      // Every member may hold what the others lost.
      MakeRule(RuleAction::kSnapshotAllMembers,
               {R"m(alertname=~"(?i)etcd(InsufficientMembers|NoLeader|.*(Quorum|Split).*)")m"},
               kMonth, Seconds(15 * 60)),
      // What is there now may be damaged already, and what was there before must stay.
      MakeRule(RuleAction::kPinBefore,
               {R"m(alertname=~"(?i)etcd.*(Corrupt|Inconsisten|Mismatch|Divergence).*")m"}, kMonth,
               Seconds(15 * 60)),
      MakeRule(RuleAction::kPinBefore, {R"m(alertname=~"(?i)etcd.*(Quota|NoSpace|Growth).*")m"},
               kWeek, Seconds(3600)),
      MakeRule(RuleAction::kSnapshot, {R"m(alertname=~"(?i)etcd.*")m", R"(severity="critical")"},
               kWeek, Seconds(30 * 60)),
      // Whoever writes an alert can ask for a backup, as ours do.
      MakeRule(RuleAction::kSnapshot, {R"(backup="true")"}, kWeek, Seconds(30 * 60)),
  };
}

void ReadWebhook(Reading& reading, const TreeNode& node, Config& config) {
  config.webhook = WebhookConfig{.bearer_token = Secret::Literal({}), .rules = {}};
  ReadMapping(reading, node, kWebhookFields, *config.webhook);
  if (node.Find("rules") == nullptr) config.webhook->rules = DefaultRules();
}

void AppendWebhookKeys(std::vector<std::string>& keys) {
  AppendKeys(keys, "webhook.", kWebhookFields);
  AppendKeys(keys, "webhook.rules[].", kRuleFields);
}

}  // namespace warden::config
