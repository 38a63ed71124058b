#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/config/config_file.h"

namespace warden::config {
namespace {

// One mistake (or a few) and what is said about it, without "DIR/w.yaml:".
struct BadCase {
  std::string text;
  std::vector<std::string> lines;
};

class BadConfigFile : public ConfigFile {
 protected:
  void ExpectErrors(const std::vector<BadCase>& cases) {
    for (const BadCase& each : cases) {
      std::string expected;
      for (const std::string& line : each.lines) {
        expected += (expected.empty() ? "DIR/w.yaml:" : "\nDIR/w.yaml:") + line;
      }
      EXPECT_EQ(ErrorsOf(each.text), expected) << each.text;
    }
  }
};

// A valid cluster on two lines; what a case adds starts on line 3, indented by four.
const std::string kCluster = "clusters:\n  - {name: a, endpoints: ['https://e:1']";
std::string Cluster(const std::string& more) {
  return "clusters:\n  - name: a\n    endpoints: ['https://e:1']\n" + more;
}
std::string Webhook(const std::string& more) {
  return kCluster + ", backup: {directory: b}}\nwebhook:\n" + more;
}

TEST_F(BadConfigFile, HasAWrongShape) {
  ExpectErrors({
      {"- a\n", {"1:1: top level: expected a mapping, found a list"}},
      {"hello\n", {"1:1: top level: expected a mapping, found text"}},
      {"scrape: {}\n", {"1:1: clusters: is required"}},
      {"clusters:\n", {"1:1: clusters: expected a list, found nothing"}},
      {"clusters: []\n", {"1:11: clusters: is empty"}},
      {"clusters: {name: a}\n", {"1:11: clusters: expected a list, found a mapping"}},
      {"clusters:\n  - a\n", {"2:5: clusters[0]: expected a mapping, found text"}},
      {"clusters:\n  - {}\n",
       {"2:5: clusters[0].name: is required", "2:5: clusters[0].endpoints: is required"}},
      {"clusters:\n  - name: [a]\n    endpoints: x\n",
       {"2:11: clusters[0].name: expected text, found a list",
        "3:16: clusters[0].endpoints: expected a list, found text"}},
      {"clusters:\n  - name: ''\n    endpoints: []\n",
       {"2:11: clusters[0].name: is empty", "3:16: clusters[0].endpoints: is empty"}},
      {Cluster("    tls: ~\n"), {"4:5: clusters[0].tls: expected a mapping, found nothing"}},
      {Cluster("scrape: 10s\n"), {"4:9: scrape: expected a mapping, found text"}},
      {Cluster("webhook:\n"),
       {"4:1: webhook: expected a mapping, found nothing",
        "4:1: webhook: could not store a snapshot, for no cluster has a backup directory"}},
  });
}

TEST_F(BadConfigFile, HasUnknownOrDuplicateKeys) {
  ExpectErrors({
      {Cluster("    endpoint: x\n"),
       {"4:5: clusters[0].endpoint: unknown key; did you mean \"endpoints\"?"}},
      {Cluster("    auth: {username: root, password: hunter2, password_file: password}\n"),
       {"4:28: clusters[0].auth.password: unknown key; did you mean \"password_file\"?"}},
      {Cluster("scrapes: {}\n"), {"4:1: scrapes: unknown key; did you mean \"scrape\"?"}},
      {Cluster("scrape: {retries: 3}\n"),
       {"4:10: scrape.retries: unknown key; known here: timeout, timeout_offset, "
        "max_concurrent"}},
      {Cluster("    name: b\n"), {"4:5: clusters[0].name: duplicate key, first given on line 2"}},
      {Cluster("    <<: {tls: {}}\n"),
       {"4:5: clusters[0].<<: unknown key; known here: name, endpoints, discover, "
        "expected_members, tls, auth, hashkv, backup, quota_backend_bytes"}},
      {Cluster("scrape: {}\nscrape: {}\n"), {"5:1: scrape: duplicate key, first given on line 4"}},
  });
}

TEST_F(BadConfigFile, HasBadClusters) {
  const std::string name_rule =
      " is no name; use letters, digits, _ . : and -, starting with a letter, a digit or _";
  const std::string e = ", endpoints: ['https://e:1']}\n";
  ExpectErrors({
      {"clusters:\n  - {name: 'a b'" + e, {"2:12: clusters[0].name: \"a b\"" + name_rule}},
      {"clusters:\n  - {name: '..'" + e, {"2:12: clusters[0].name: \"..\"" + name_rule}},
      {"clusters:\n  - {name: '-a'" + e, {"2:12: clusters[0].name: \"-a\"" + name_rule}},
      {"clusters:\n  - {name: " + std::string(129, 'x') + e,
       {"2:12: clusters[0].name: is longer than 128 characters"}},
      {"clusters:\n  - {name: \"a\\nb\"" + e,
       {"2:12: clusters[0].name: holds a line break or another control character"}},
      {"clusters:\n  - {name: a" + e + "  - {name: b" + e + "  - {name: a" + e,
       {"4:12: clusters[2].name: \"a\" is already the name of clusters[0]"}},
      {"clusters:\n  - name: a\n    endpoints:\n      - https://e:1\n      - 10.0.0.1\n",
       {"5:9: clusters[0].endpoints[1]: \"10.0.0.1\" has no port; write https://10.0.0.1:2379"}},
      {"clusters:\n  - {name: a, endpoints: ['e:1', 'http://E:1', [x]]}\n",
       {"2:34: clusters[0].endpoints[1]: same endpoint as clusters[0].endpoints[0]",
        "2:48: clusters[0].endpoints[2]: expected text, found a list"}},
      {Cluster("    quota_backend_bytes: many\n"),
       {"4:26: clusters[0].quota_backend_bytes: \"many\" is not a size; write it as 8GiB or "
        "500MB"}},
      {Cluster("    quota_backend_bytes: 0\n"),
       {"4:26: clusters[0].quota_backend_bytes: must be greater than zero; leave the key out if "
        "the quota is unknown"}},
  });
}

TEST_F(BadConfigFile, HasBadFlagsAndNumbers) {
  const std::string flag = " is neither true nor false";
  const std::string members = " is no whole number from 1 to 1000";
  ExpectErrors({
      {Cluster("    discover: yes\n"), {"4:15: clusters[0].discover: \"yes\"" + flag}},
      {Cluster("    discover: True\n"), {"4:15: clusters[0].discover: \"True\"" + flag}},
      {Cluster("    discover: 1\n"), {"4:15: clusters[0].discover: \"1\"" + flag}},
      {Cluster("    discover: [true]\n"),
       {"4:15: clusters[0].discover: expected text, found a list"}},
      {Cluster("    expected_members: 0\n"),
       {"4:23: clusters[0].expected_members: \"0\"" + members}},
      {Cluster("    expected_members: 1001\n"),
       {"4:23: clusters[0].expected_members: \"1001\"" + members}},
      {Cluster("    expected_members: -3\n"),
       {"4:23: clusters[0].expected_members: \"-3\"" + members}},
      {Cluster("    expected_members: 3.0\n"),
       {"4:23: clusters[0].expected_members: \"3.0\"" + members}},
      {Cluster("    expected_members: 99999999999999999999\n"),
       {"4:23: clusters[0].expected_members: \"99999999999999999999\"" + members}},
  });
}

TEST_F(BadConfigFile, HasBadConsistencyChecks) {
  ExpectErrors({
      {Cluster("    hashkv: true\n"), {"4:13: clusters[0].hashkv: expected a mapping, found text"}},
      {Cluster("    hashkv: {interval: 59s}\n"),
       {"4:24: clusters[0].hashkv.interval: must be 1m or more, since each check holds up every "
        "member's writes"}},
      {Cluster("    hashkv: {interval: 60500ms}\n"),
       {"4:24: clusters[0].hashkv.interval: \"60500ms\" is no whole number of seconds"}},
  });
}

TEST_F(BadConfigFile, HasBadAuth) {
  const std::string user = "{username: u, password_file: password}";
  const std::string mixed =
      "4:11: clusters[0].auth: mixes one user with several; write {username, password_file} for "
      "one user, or monitor: {username, password_file} and backup: {username, password_file}";
  ExpectErrors({
      {Cluster("    auth: {}\n"),
       {"4:11: clusters[0].auth.username: is required",
        "4:11: clusters[0].auth.password_file: is required"}},
      {Cluster("    auth: {monitor: {}}\n"),
       {"4:21: clusters[0].auth.monitor.username: is required",
        "4:21: clusters[0].auth.monitor.password_file: is required"}},
      {Cluster("    auth: {backup: root}\n"),
       {"4:20: clusters[0].auth.backup: expected a mapping, found text"}},
      {Cluster("    auth: {username: u, backup: " + user + "}\n"), {mixed}},
      {Cluster("    auth: {password_file: password, monitor: " + user + "}\n"), {mixed}},
      {Cluster("    auth: {monitor: " + user + ", restore: " + user + "}\n"),
       {"4:61: clusters[0].auth.restore: unknown key; known here: username, password_file, "
        "monitor, backup"}},
  });
}

TEST_F(BadConfigFile, HasBadProbes) {
  const auto probe = [](const std::string& more) { return Cluster("probe:\n" + more); };
  const std::string allowed = "  allowed_targets: [10.0.0.0/8]\n";
  const std::string modules = "  modules: [{name: a}]\n";
  ExpectErrors({
      {probe(allowed), {"5:3: probe.modules: is required"}},
      {probe(modules), {"5:3: probe.allowed_targets: is required"}},
      {probe(allowed + "  modules: []\n"), {"6:12: probe.modules: is empty"}},
      {probe("  allowed_targets: []\n" + modules), {"5:20: probe.allowed_targets: is empty"}},
      {probe("  allowed_targets: [10.0.0.1/8, 'a b']\n" + modules),
       {"5:21: probe.allowed_targets[0]: \"10.0.0.1/8\" has bits set behind its prefix; write "
        "10.0.0.0/8",
        "5:33: probe.allowed_targets[1]: \"a b\" is no address, network (192.0.2.0/24) or host "
        "name"}},
      {probe(allowed + "  modules: [{name: a}, {name: a}, {name: '-'}, {}]\n"),
       {"6:31: probe.modules[1].name: \"a\" is already the name of probe.modules[0]",
        "6:42: probe.modules[2].name: \"-\" is no name; use letters, digits, _ . : and -, "
        "starting with a letter, a digit or _",
        "6:48: probe.modules[3].name: is required"}},
      {probe(allowed + "  modules: [{name: a, tls: {ca_file: missing}, auth: {username: u}}]\n"),
       {"6:38: probe.modules[0].tls.ca_file: open DIR/missing: No such file or directory",
        "6:54: probe.modules[0].auth.password_file: is required"}},
      {probe(allowed + "  modules: [{name: a, tls: }]\n"),
       {"6:23: probe.modules[0].tls: expected a mapping, found nothing"}},
  });
}

TEST_F(BadConfigFile, HasBadBackups) {
  const std::string b = "  - {name: b, endpoints: ['e:2'], backup: {directory: ";
  ExpectErrors({
      {Cluster("    backup: {}\n"), {"4:13: clusters[0].backup.directory: is required"}},
      {Cluster("    backup: {directory: ''}\n"), {"4:25: clusters[0].backup.directory: is empty"}},
      {Cluster("    backup: {directory: /x, objective: 0s}\n"),
       {"4:40: clusters[0].backup.objective: must be greater than zero"}},
      {Cluster("    backup: {directory: /x, objective: daily}\n"),
       {"4:40: clusters[0].backup.objective: \"daily\" is not a duration; write it as 30s, 15m or "
        "1h30m"}},
      {Cluster("    backup: {directory: /x, objective: 1500ms}\n"),
       {"4:40: clusters[0].backup.objective: \"1500ms\" is no whole number of seconds"}},
      {Cluster("    backup: {directory: /x, attest: leader}\n"),
       {"4:37: clusters[0].backup.attest: must be off, followers or all, not \"leader\""}},
      {Cluster("    backup: {directory: /x, attest: All}\n"),
       {"4:37: clusters[0].backup.attest: must be off, followers or all, not \"All\""}},
      {Cluster("    backup: {directory: /x, attest: [all]}\n"),
       {"4:37: clusters[0].backup.attest: expected text, found a list"}},
      {Cluster("    backup: {directory: /x/y}\n" + b + "/x/../x/y/}}\n"),
       {"5:55: clusters[1].backup.directory: is already the directory of clusters[0]; each cluster "
        "needs its own"}},
  });
}

TEST_F(BadConfigFile, HasBadFiles) {
  ExpectErrors({
      {Cluster("    tls: {ca_file: missing}\n"),
       {"4:20: clusters[0].tls.ca_file: open DIR/missing: No such file or directory"}},
      {Cluster("    tls: {ca_file: empty}\n"),
       {"4:20: clusters[0].tls.ca_file: DIR/empty: the file is empty"}},
      {Cluster("    tls: {ca_file: password}\n"),
       {"4:20: clusters[0].tls.ca_file: DIR/password: the file holds no valid PEM certificate"}},
      {Cluster("    tls: {cert_file: client.crt}\n"),
       {"4:22: clusters[0].tls.key_file: is required with cert_file"}},
      {Cluster("    tls: {key_file: client.key}\n"),
       {"4:21: clusters[0].tls.cert_file: is required with key_file"}},
      {Cluster("    tls: {cert_file: client.crt, key_file: other.key}\n"),
       {"4:22: clusters[0].tls.cert_file: DIR/other.key: the private key does not belong to the "
        "certificate DIR/client.crt"}},
      {Cluster("    tls: {cert_file: client.crt, key_file: password}\n"),
       {"4:22: clusters[0].tls.cert_file: DIR/password: the file holds no valid PEM private key"}},
      {Cluster("    tls: {insecure_skip_verify: true, ca_file: ca.crt, server_name: e}\n"),
       {"4:33: clusters[0].tls.insecure_skip_verify: verifies nothing, so ca_file would be "
        "ignored; leave one of the "
        "two out",
        "4:33: clusters[0].tls.insecure_skip_verify: verifies nothing, so server_name would be "
        "ignored; leave one of "
        "the two out"}},
      {"clusters:\n  - {name: a, endpoints: ['http://e:1'], tls: {ca_file: ca.crt}}\n",
       {"2:42: clusters[0].tls: would be ignored, for no endpoint is https:// or unixs://"}},
      {Cluster("    auth: {username: root}\n"),
       {"4:11: clusters[0].auth.password_file: is required"}},
      {Cluster("    auth: {password_file: password}\n"),
       {"4:11: clusters[0].auth.username: is required"}},
      {Cluster("    auth: {username: root, password_file: empty}\n"),
       {"4:43: clusters[0].auth.password_file: DIR/empty: the file is empty"}},
      {Cluster("    auth: {username: root, password_file: missing}\n"),
       {"4:43: clusters[0].auth.password_file: open DIR/missing: No such file or directory"}},
  });
}

TEST_F(BadConfigFile, HasBadScrapes) {
  ExpectErrors({
      {Cluster("scrape: {timeout: 0s}\n"), {"4:19: scrape.timeout: must be greater than zero"}},
      {Cluster("scrape: {timeout: -1s}\n"),
       {"4:19: scrape.timeout: \"-1s\" is not a duration; write it as 30s, 15m or 1h30m"}},
      {Cluster("scrape: {timeout: 10}\n"),
       {"4:19: scrape.timeout: \"10\" is not a duration; write it as 30s, 15m or 1h30m"}},
      {Cluster("scrape: {timeout: 1s, timeout_offset: 1s}\n"),
       {"4:39: scrape.timeout_offset: timeout_offset (1s) must be smaller than timeout (1s)"}},
      {Cluster("scrape: {timeout: 200ms}\n"),
       {"4:19: scrape.timeout: timeout_offset (500ms) must be smaller than timeout (200ms)"}},
      {Cluster("scrape: {max_concurrent: 0}\n"),
       {"4:26: scrape.max_concurrent: \"0\" is no whole number from 1 to 50"}},
      {Cluster("scrape: {max_concurrent: 51}\n"),
       {"4:26: scrape.max_concurrent: \"51\" is no whole number from 1 to 50"}},
      {Cluster("scrape: {timeout_offset: 10s}\n"),
       {"4:26: scrape.timeout_offset: timeout_offset (10s) must be smaller than timeout (10s)"}},
  });
}

TEST_F(BadConfigFile, HasBadWebhooks) {
  const std::string rules = "  rules: [{match: ['a=b']}]\n";
  const std::string token = "  bearer_token_file: token\n";
  ExpectErrors({
      {Webhook(rules), {"4:3: webhook.bearer_token_file: is required"}},
      {Webhook("  bearer_token_file: empty\n" + rules),
       {"4:22: webhook.bearer_token_file: DIR/empty: the file is empty"}},
      {Webhook(token + "  rules: []\n"), {"5:10: webhook.rules: is empty"}},
      {Webhook(token + "  rules: [{}]\n"), {"5:11: webhook.rules[0].match: is required"}},
      {Webhook(token + "  rules: [{match: []}]\n"), {"5:19: webhook.rules[0].match: is empty"}},
      {Webhook(token + "  rules: [{match: ['a=\"b', 'c']}]\n"),
       {"5:20: webhook.rules[0].match[0]: matcher 'a=\"b' has no closing quote at its end",
        "5:28: webhook.rules[0].match[1]: matcher 'c' has no operator; write it like "
        "alertname=\"X\""}},
      {Webhook(token + "  rules: [{match: ['a=b'], action: defrag}]\n"),
       {"5:36: webhook.rules[0].action: \"defrag\" is no action; known: snapshot, "
        "snapshot-all-members, pin-before"}},
      {Webhook(token + "  max_backups_per_hour: 0\n" + rules),
       {"5:25: webhook.max_backups_per_hour: \"0\" is no whole number from 1 to 1000"}},
      {Webhook(token + "  rules: [{match: ['a=b'], hold: 11y, dry_run: maybe}]\n"),
       {"5:34: webhook.rules[0].hold: must be 10y or less",
        "5:48: webhook.rules[0].dry_run: \"maybe\" is neither true nor false"}},
      {Webhook(token + "  rules: [{match: ['a=b'], cooldown: 1.5h}]\n"),
       {"5:38: webhook.rules[0].cooldown: \"1.5h\" is not a duration; write it as 30s, 15m or "
        "1h30m"}},
      {Webhook(token + "  cluster_label: 1-x\n" + rules),
       {"5:18: webhook.cluster_label: \"1-x\" is no label name; use letters, digits and _, "
        "starting "
        "with a letter or _"}},
      {Cluster("webhook:\n" + token + rules),
       {"4:1: webhook: could not store a snapshot, for no cluster has a backup directory"}},
  });
}

TEST_F(BadConfigFile, TellsEveryProblemInTheOrderOfTheFile) {
  ExpectErrors({{"webhook: {rules: [{match: [x]}]}\nclusters:\n  - {endpoints: [e], nam: a}\n",
                 {"1:1: webhook: could not store a snapshot, for no cluster has a backup directory",
                  "1:10: webhook.bearer_token_file: is required",
                  "1:28: webhook.rules[0].match[0]: matcher 'x' has no operator; write it like "
                  "alertname=\"X\"",
                  "3:5: clusters[0].name: is required",
                  "3:18: clusters[0].endpoints[0]: \"e\" has no port; write https://e:2379",
                  "3:22: clusters[0].nam: unknown key; did you mean \"name\"?"}}});
}

TEST_F(BadConfigFile, LimitsHowMuchItTells) {
  std::string text = kCluster + "}\n";
  for (int i = 0; i < 120; ++i) text += "key" + std::to_string(i) + ": x\n";
  const std::string message = ErrorsOf(text);
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 100);
  EXPECT_TRUE(message.ends_with("\nDIR/w.yaml: 20 more problems are not shown")) << message;
}

TEST_F(BadConfigFile, NeverShowsASecret) {
  dir_.Write("large", std::string(70'000, 's'));
  for (const std::string& text :
       {Cluster("    auth: {username: u, password: hunter2}\n"),
        Cluster("    auth: {username: u, password_file: [hunter2]}\n"),
        Cluster("    auth: {username: u, password_file: large}\n"),
        Cluster("    auth: {username: u, password_file: password}\n    x: y\n"),
        Cluster("    tls: {ca_file: password}\n    auth: hunter2\n"),
        std::string("clusters: [{name: a, endpoints: ['https://u:hunter2@e:1']}]\n")}) {
    const std::string message = ErrorsOf(text);
    EXPECT_NE(message, "");
    EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
    EXPECT_EQ(message.find("ssss"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace warden::config
