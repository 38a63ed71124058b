#include <set>

#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr int kCountMax = 100'000;

// A key that holds a number of backups or periods.
template <int RetentionRule::*kCount>
void ReadCount(Reading& reading, const TreeNode& node, RetentionRule& rule) {
  if (const auto count = ReadNumber(reading, node, 0, kCountMax)) rule.*kCount = *count;
}

constexpr Field<RetentionRule> kRuleFields[] = {
    {"class", false,
     [](Reading& reading, const TreeNode& node, RetentionRule& rule) {
       if (auto name = ReadName(reading, node)) rule.backup_class = *std::move(name);
     }},
    {"keep_last", false, ReadCount<&RetentionRule::keep_last>},
    {"keep_within", false,
     [](Reading& reading, const TreeNode& node, RetentionRule& rule) {
       if (const auto within = ReadSeconds(reading, node)) rule.keep_within = *within;
     }},
    {"hourly", false, ReadCount<&RetentionRule::hourly>},
    {"daily", false, ReadCount<&RetentionRule::daily>},
    {"weekly", false, ReadCount<&RetentionRule::weekly>},
    {"monthly", false, ReadCount<&RetentionRule::monthly>},
    {"yearly", false, ReadCount<&RetentionRule::yearly>},
    {"max_bytes", false,
     [](Reading& reading, const TreeNode& node, RetentionRule& rule) {
       if (const auto bytes = ReadBytes(reading, node)) rule.max_bytes = *bytes;
     }},
};

void ReadRules(Reading& reading, const TreeNode& node, RetentionConfig& retention) {
  if (!Expect(reading, node, Kind::kList)) return;
  std::set<std::string> classes;
  for (const TreeNode& child : node.children) {
    RetentionRule& rule = retention.rules.emplace_back();
    ReadMapping(reading, child, kRuleFields, rule);
    if (child.kind != Kind::kMapping) continue;
    if (rule.KeepsNothing()) {
      reading.Fail(child,
                   "would keep nothing; say how much stays: keep_last, keep_within, hourly, daily, "
                   "weekly, monthly, yearly or max_bytes");
    }
    if (!classes.insert(rule.backup_class).second) {
      reading.Fail(child, rule.backup_class.empty()
                              ? "is the second rule without a class"
                              : "is the second rule of class " + Quoted(rule.backup_class));
    }
  }
}

constexpr Field<RetentionConfig> kRetentionFields[] = {
    {"rules", true, ReadRules},
    {"keep_verified_min", false,
     [](Reading& reading, const TreeNode& node, RetentionConfig& retention) {
       if (const auto count = ReadNumber(reading, node, 1, kCountMax)) {
         retention.keep_verified_min = *count;
       }
     }},
    {"keep_quarantined", false,
     [](Reading& reading, const TreeNode& node, RetentionConfig& retention) {
       if (const auto count = ReadNumber(reading, node, 0, kCountMax)) {
         retention.keep_quarantined = *count;
       }
     }},
    {"time_zone", false,
     [](Reading& reading, const TreeNode& node, RetentionConfig& retention) {
       retention.time_zone = ReadTimeZone(reading, node);
     }},
};

}  // namespace

TimeZone ReadTimeZone(Reading& reading, const TreeNode& node) {
  const auto name = ReadText(reading, node);
  if (!name) return {};
  const Result<TimeZone> zone = TimeZone::Load(*name);
  return reading.Check(node, zone.status()) ? *zone : TimeZone();
}

RetentionConfig ReadRetention(Reading& reading, const TreeNode& node) {
  RetentionConfig retention;
  ReadMapping(reading, node, kRetentionFields, retention);
  return retention;
}

void AppendRetentionKeys(std::vector<std::string>& keys, const std::string& prefix) {
  AppendKeys(keys, prefix, kRetentionFields);
  AppendKeys(keys, prefix + "rules[].", kRuleFields);
}

}  // namespace warden::config
