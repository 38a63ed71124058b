#include "exporter/base/text.h"
#include "exporter/config/sections.h"

namespace warden::config {
namespace {

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

void ReadAction(Reading& reading, const TreeNode& node, WebhookRule& rule) {
  const auto text = ReadText(reading, node);
  if (!text) return;
  if (*text == "snapshot") {
    rule.action = RuleAction::kSnapshot;
  } else {
    reading.Fail(node, Quoted(*text) + " is no action; known: snapshot");
  }
}

constexpr Field<WebhookRule> kRuleFields[] = {
    {"match", true, ReadMatch},
    {"action", false, ReadAction},
    {"cooldown", false,
     [](Reading& reading, const TreeNode& node, WebhookRule& rule) {
       if (const auto cooldown = ReadSeconds(reading, node)) rule.cooldown = *cooldown;
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
    {"rules", true, ReadRules},
};

}  // namespace

void ReadWebhook(Reading& reading, const TreeNode& node, Config& config) {
  config.webhook = WebhookConfig{.bearer_token = Secret::Literal({}), .rules = {}};
  ReadMapping(reading, node, kWebhookFields, *config.webhook);
}

void AppendWebhookKeys(std::vector<std::string>& keys) {
  AppendKeys(keys, "webhook.", kWebhookFields);
  AppendKeys(keys, "webhook.rules[].", kRuleFields);
}

}  // namespace warden::config
