#include "exporter/config/config.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exporter/config/loader.h"
#include "tests/config/config_file.h"
#include "tests/support/certificates.h"

namespace warden::config {
namespace {

using warden::testing::CertificateAuthority;
using warden::testing::TempDir;

const char* const kIssueExample = R"(clusters:
  - name: prod                         # label etcd_cluster
    endpoints: [https://10.0.0.11:2379, https://10.0.0.12:2379, https://10.0.0.13:2379]
    tls: {ca_file: ca.crt, cert_file: client.crt, key_file: client.key}    # also server_name
    auth: {username: root, password_file: password}                        # optional
    backup: {directory: /var/lib/etcd-warden/prod}
scrape: {timeout: 10s, timeout_offset: 500ms}
webhook:
  bearer_token_file: token
  cluster_label: etcd_cluster
  rules:
    - match: ['alertname=~"EtcdMember.*|etcdMembersDown"']
      action: snapshot
      cooldown: 15m
)";

TEST_F(ConfigFile, LoadsTheSmallest) {
  const auto config = LoadText("clusters: [{name: a, endpoints: ['localhost:2379']}]");
  ASSERT_TRUE(config.ok()) << config.status().message();
  const Config& it = **config;
  ASSERT_EQ(it.clusters.size(), 1u);
  EXPECT_EQ(it.clusters[0].name, "a");
  EXPECT_EQ(it.clusters[0].endpoints, std::vector{*ParseEndpoint("localhost:2379")});
  EXPECT_FALSE(it.clusters[0].auth);
  EXPECT_FALSE(it.clusters[0].backup);
  EXPECT_FALSE(it.clusters[0].quota_backend_bytes);
  EXPECT_EQ(it.scrape.timeout, Seconds(10));
  EXPECT_EQ(it.scrape.timeout_offset, Milliseconds(500));
  EXPECT_FALSE(it.webhook);
  EXPECT_FALSE(it.probe);
  EXPECT_FALSE(it.clusters[0].discover);
  EXPECT_FALSE(it.clusters[0].expected_members);
  EXPECT_FALSE(it.clusters[0].hashkv);
  EXPECT_FALSE(it.clusters[0].backup_auth);
  EXPECT_EQ(it.scrape.max_concurrent, 40);
}

TEST_F(ConfigFile, LoadsTheExampleOfTheIssue) {
  const auto config = LoadText(kIssueExample);
  ASSERT_TRUE(config.ok()) << config.status().message();
  const Config& it = **config;
  ASSERT_EQ(it.clusters.size(), 1u);
  EXPECT_EQ(it.clusters[0].endpoints.size(), 3u);
  EXPECT_EQ(it.clusters[0].endpoints[2].target, "ipv4:10.0.0.13:2379");
  EXPECT_EQ(it.clusters[0].tls.ca_file, dir_ / "ca.crt");
  EXPECT_EQ(it.clusters[0].tls.cert_file, dir_ / "client.crt");
  EXPECT_EQ(it.clusters[0].tls.key_file, dir_ / "client.key");
  EXPECT_EQ(it.clusters[0].auth->username, "root");
  EXPECT_EQ(*it.clusters[0].auth->password.Read(), "hunter2");
  EXPECT_FALSE(it.clusters[0].backup_auth) << "one user for everything";
  EXPECT_EQ(it.clusters[0].backup->directory, "/var/lib/etcd-warden/prod");
  EXPECT_EQ(it.clusters[0].backup->attest, AttestPolicy::kFollowers);
  EXPECT_EQ(*it.webhook->bearer_token.Read(), "t0ken");
  ASSERT_EQ(it.webhook->rules.size(), 1u);
  EXPECT_TRUE(it.webhook->rules[0].match[0].Matches({{"alertname", "etcdMembersDown"}}));
  EXPECT_EQ(it.webhook->rules[0].action, RuleAction::kSnapshot);
  EXPECT_EQ(it.webhook->rules[0].cooldown, Seconds(900));
}

TEST_F(ConfigFile, LoadsEveryKey) {
  const auto config = LoadText(R"(
clusters:
  - name: a
    endpoints:
      - https://a-0:2379
      - http://a-1:2379
    tls: {ca_file: ./x/../ca.crt, server_name: etcd.local}
    auth: {username: warden, password_file: password}
    backup: {directory: backups/a/, objective: 1d, attest: all}
    quota_backend_bytes: 8GiB
  - name: b_2.x:y-z
    endpoints: ['unix:///run/b.sock']
    backup: {directory: backups/b, attest: off}
    quota_backend_bytes: 2147483648
scrape: {timeout: 3s, timeout_offset: 0}
webhook:
  bearer_token_file: token
  cluster_label: job
  rules:
    - match: [severity=critical, alertname!="X"]
      cooldown: 0s
    - match: ['a=b']
)");
  ASSERT_TRUE(config.ok()) << config.status().message();
  const Config& it = **config;
  ASSERT_EQ(it.clusters.size(), 2u);
  EXPECT_EQ(it.clusters[0].tls.ca_file, dir_ / "ca.crt");
  EXPECT_EQ(it.clusters[0].tls.server_name, "etcd.local");
  EXPECT_EQ(it.clusters[0].backup->directory, dir_ / "backups/a");
  EXPECT_EQ(it.clusters[0].backup->objective, Seconds(86'400));
  EXPECT_EQ(it.clusters[0].backup->attest, AttestPolicy::kAll);
  EXPECT_EQ(it.clusters[0].quota_backend_bytes, 8ull << 30);
  EXPECT_EQ(it.clusters[1].name, "b_2.x:y-z");
  EXPECT_FALSE(it.clusters[1].backup->objective);
  EXPECT_EQ(it.clusters[1].backup->attest, AttestPolicy::kOff);
  EXPECT_EQ(it.clusters[1].quota_backend_bytes, 2ull << 30);
  EXPECT_EQ(it.scrape.timeout, Seconds(3));
  EXPECT_EQ(it.scrape.timeout_offset, Milliseconds(0));
  EXPECT_EQ(it.webhook->cluster_label, "job");
  ASSERT_EQ(it.webhook->rules.size(), 2u);
  EXPECT_EQ(it.webhook->rules[0].match.size(), 2u);
  EXPECT_EQ(it.webhook->rules[0].cooldown, Seconds(0));
  EXPECT_EQ(it.webhook->rules[1].cooldown, Seconds(900));
  EXPECT_EQ(it.FindCluster("b_2.x:y-z"), &it.clusters[1]);
  EXPECT_EQ(it.FindCluster("c"), nullptr);
}

TEST_F(ConfigFile, ReadsDiscoveryExpectationAndConsistencyCheck) {
  const auto config = LoadText(
      "clusters:\n"
      "  - {name: a, endpoints: ['http://a:1'], discover: true, expected_members: 1000,\n"
      "     hashkv: {interval: 1m}, tls: {insecure_skip_verify: true}}\n"
      "  - {name: b, endpoints: ['https://b:1'], discover: false, expected_members: 1, hashkv: "
      "{},\n"
      "     tls: {insecure_skip_verify: false, ca_file: ca.crt}}\n"
      "scrape: {max_concurrent: 50}\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  const Config& it = **config;
  EXPECT_TRUE(it.clusters[0].discover);
  EXPECT_EQ(it.clusters[0].expected_members, 1000);
  EXPECT_EQ(it.clusters[0].hashkv->interval, Seconds(60));
  EXPECT_TRUE(it.clusters[0].tls.insecure_skip_verify) << "for what it discovers";
  EXPECT_FALSE(it.clusters[1].discover);
  EXPECT_EQ(it.clusters[1].expected_members, 1);
  EXPECT_EQ(it.clusters[1].hashkv->interval, Seconds(3600));
  EXPECT_FALSE(it.clusters[1].tls.insecure_skip_verify);
  EXPECT_EQ(it.scrape.max_concurrent, 50);
}

TEST_F(ConfigFile, ReadsAUserForEachPurpose) {
  dir_.Write("other-password", "hunter3\n");
  const std::string monitor = "monitor: {username: m, password_file: password}";
  const std::string backup = "backup: {username: b, password_file: other-password}";
  const auto load = [&](const std::string& auth) {
    return LoadText("clusters: [{name: a, endpoints: ['e:1'], auth: {" + auth + "}}]");
  };
  const auto both = load(monitor + ", " + backup);
  ASSERT_TRUE(both.ok()) << both.status().message();
  EXPECT_EQ((*both)->clusters[0].auth->username, "m");
  EXPECT_EQ(*(*both)->clusters[0].auth->password.Read(), "hunter2");
  EXPECT_EQ((*both)->clusters[0].backup_auth->username, "b");
  EXPECT_EQ(*(*both)->clusters[0].backup_auth->password.Read(), "hunter3");

  const auto only_backup = load(backup);
  ASSERT_TRUE(only_backup.ok()) << only_backup.status().message();
  EXPECT_FALSE((*only_backup)->clusters[0].auth);
  EXPECT_EQ((*only_backup)->clusters[0].backup_auth->username, "b");

  const auto only_monitor = load(monitor);
  ASSERT_TRUE(only_monitor.ok()) << only_monitor.status().message();
  EXPECT_EQ((*only_monitor)->clusters[0].auth->username, "m");
  EXPECT_FALSE((*only_monitor)->clusters[0].backup_auth);
}

TEST_F(ConfigFile, ReadsProbes) {
  const auto config = LoadText(R"(
clusters: [{name: a, endpoints: ['e:1']}]
probe:
  allowed_targets: [10.0.0.0/24, "2001:db8::1", etcd.example.com]
  modules:
    - name: plain
    - {name: roots, tls: {}}
    - name: mutual
      tls: {ca_file: ca.crt, cert_file: client.crt, key_file: client.key, server_name: e}
      auth: {username: monitor, password_file: password}
    - {name: blind, tls: {insecure_skip_verify: true}}
)");
  ASSERT_TRUE(config.ok()) << config.status().message();
  const ProbeConfig& probe = *(*config)->probe;
  EXPECT_TRUE(probe.allowed_targets.AllowsAddress(*ParseIpAddress("10.0.0.7")));
  EXPECT_TRUE(probe.allowed_targets.AllowsAddress(*ParseIpAddress("2001:db8::1")));
  EXPECT_TRUE(probe.allowed_targets.AllowsName("etcd.example.com"));
  EXPECT_FALSE(probe.allowed_targets.AllowsAddress(*ParseIpAddress("10.0.1.7")));
  ASSERT_EQ(probe.modules.size(), 4u);
  EXPECT_FALSE(probe.modules[0].use_tls);
  EXPECT_TRUE(probe.modules[1].use_tls);
  EXPECT_TRUE(probe.modules[1].tls.ca_file.empty());
  EXPECT_EQ(probe.modules[2].tls.key_file, dir_ / "client.key");
  EXPECT_EQ(probe.modules[2].tls.server_name, "e");
  EXPECT_EQ(*probe.modules[2].auth->password.Read(), "hunter2");
  EXPECT_FALSE(probe.modules[3].auth);
  EXPECT_TRUE(probe.modules[3].tls.insecure_skip_verify);
}

TEST_F(ConfigFile, KeepsItsTextAndShowsItself) {
  const std::string text = std::string("# a comment\n") + kIssueExample;
  const auto config = LoadText(text);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->text(), text);
  EXPECT_EQ(config->shown(), R"(clusters:
  - name: prod
    endpoints:
      - https://10.0.0.11:2379
      - https://10.0.0.12:2379
      - https://10.0.0.13:2379
    tls:
      ca_file: ca.crt
      cert_file: client.crt
      key_file: client.key
    auth:
      username: root
      password_file: password
    backup:
      directory: /var/lib/etcd-warden/prod
scrape:
  timeout: 10s
  timeout_offset: 500ms
webhook:
  bearer_token_file: token
  cluster_label: etcd_cluster
  rules:
    - match:
        - "alertname=~\"EtcdMember.*|etcdMembersDown\""
      action: snapshot
      cooldown: 15m
)");
  const std::string shown = config->shown();
  const auto again = LoadText(shown);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->text(), shown);
  EXPECT_EQ(again->shown(), shown);
  EXPECT_EQ((*again)->webhook->rules[0].match[0].text(),
            R"(alertname=~"EtcdMember.*|etcdMembersDown")");
}

TEST_F(ConfigFile, CreatesNothing) {
  ASSERT_TRUE(
      LoadText("clusters: [{name: a, endpoints: ['e:1'], backup: {directory: later}}]").ok());
  EXPECT_FALSE(std::filesystem::exists(dir_ / "later"));
}

TEST_F(ConfigFile, MayBeNamedByARelativePath) {
  dir_.Write("w.yaml", kIssueExample);
  const auto file = std::filesystem::proximate(dir_ / "w.yaml");
  ASSERT_TRUE(file.is_relative());
  const auto config = Load(file);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ((*config)->clusters[0].tls.ca_file, dir_ / "ca.crt");
}

TEST_F(ConfigFile, SharesPartsThroughAliases) {
  const auto config = LoadText(
      "clusters:\n"
      "  - {name: a, endpoints: ['https://a:1'], tls: &tls {ca_file: ca.crt}}\n"
      "  - {name: b, endpoints: ['https://b:1'], tls: *tls}\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ((*config)->clusters[1].tls.ca_file, dir_ / "ca.crt");
}

TEST_F(ConfigFile, MustExist) {
  EXPECT_EQ(Load(dir_ / "missing.yaml").status().code(), Code::kNotFound);
  EXPECT_FALSE(Load(dir_.path()).ok());
}

TEST(CheckTls, ChecksWhatIsGiven) {
  const TempDir dir;
  CertificateAuthority ca(dir);
  const auto one = ca.Issue("one");
  const auto two = ca.Issue("two");
  EXPECT_TRUE(CheckTls({}).ok());
  EXPECT_TRUE(CheckTls({ca.file(), one.cert, one.key, ""}).ok());
  EXPECT_FALSE(CheckTls({ca.file(), one.cert, two.key, ""}).ok());
  EXPECT_FALSE(CheckTls({one.key, "", "", ""}).ok());
  EXPECT_EQ(CheckTls({"", one.cert, "", ""}).message(),
            one.cert.string() + ": the client certificate needs its key as well");
  EXPECT_EQ(CheckTls({"", "", one.key, ""}).message(),
            one.key.string() + ": the client key needs its certificate as well");
}

TEST(Loader, ChecksTextWithoutOpeningAnyFile) {
  EXPECT_EQ(Loader("/nowhere/w.yaml").CheckText(kIssueExample).message(), "");
  EXPECT_EQ(Loader("/nowhere/w.yaml").CheckText("clusters: 1\n").message(),
            "/nowhere/w.yaml:1:11: clusters: expected a list, found text");
}

}  // namespace
}  // namespace warden::config
