// What is read of the manifests that kubeadm writes, and of those that people write.
#include "exporter/config/static_pod.h"

#include <gtest/gtest.h>

#include <string>

namespace warden::config {
namespace {

// As kubeadm 1.30 writes it, shortened.
constexpr std::string_view kEtcd = R"(apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/etcd.advertise-client-urls: https://10.0.0.11:2379
  creationTimestamp: null
  labels:
    component: etcd
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://10.0.0.11:2379
    - --cert-file=/etc/kubernetes/pki/etcd/server.crt
    - --client-cert-auth=true
    - --data-dir=/var/lib/etcd
    - --initial-cluster=cp-1=https://10.0.0.11:2380
    - --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.11:2379
    - --name=cp-1
    image: registry.k8s.io/etcd:3.5.15-0
    name: etcd
    volumeMounts:
    - mountPath: /var/lib/etcd
      name: etcd-data
    - mountPath: /etc/kubernetes/pki/etcd
      name: etcd-certs
  hostNetwork: true
  volumes:
  - hostPath:
      path: /etc/kubernetes/pki/etcd
      type: DirectoryOrCreate
    name: etcd-certs
  - hostPath:
      path: /srv/disk/etcd
      type: DirectoryOrCreate
    name: etcd-data
status: {}
)";

StaticPod Parse(std::string_view text) {
  const auto pod = ParseStaticPod(text, "etcd", "/m/etcd.yaml");
  EXPECT_TRUE(pod.ok()) << pod.status().message();
  return pod.ok() ? *pod : StaticPod();
}
std::string ProblemOf(std::string_view text) {
  return ParseStaticPod(text, "etcd", "/m/etcd.yaml").status().message();
}
// A pod of one container with this list as its command, and more of the container.
StaticPod PodWith(const std::string& command, const std::string& more = "") {
  return Parse("kind: Pod\nspec:\n  containers:\n  - name: x\n    command: " + command + "\n" +
               more);
}
std::string FlagOf(const StaticPod& pod, std::string_view name) {
  const std::string* value = pod.Flag(name);
  return value == nullptr ? "(none)" : *value;
}
std::string HostOf(const StaticPod& pod, const std::string& path) {
  return pod.HostPath(path).value_or("(nowhere)").string();
}

TEST(StaticPod, IsReadAsKubeadmWritesIt) {
  const StaticPod pod = Parse(kEtcd);
  EXPECT_EQ(pod.name, "etcd");
  EXPECT_EQ(pod.image, "registry.k8s.io/etcd:3.5.15-0");
  EXPECT_TRUE(pod.host_network);
  EXPECT_EQ(pod.flags.size(), 7U);
  EXPECT_EQ(FlagOf(pod, "name"), "cp-1");
  EXPECT_EQ(FlagOf(pod, "initial-cluster"), "cp-1=https://10.0.0.11:2380");
  EXPECT_EQ(FlagOf(pod, "listen-client-urls"), "https://127.0.0.1:2379,https://10.0.0.11:2379");
  EXPECT_EQ(FlagOf(pod, "wal-dir"), "(none)");
  EXPECT_EQ(HostOf(pod, "/var/lib/etcd"), "/srv/disk/etcd");
  EXPECT_EQ(HostOf(pod, "/etc/kubernetes/pki/etcd/server.crt"),
            "/etc/kubernetes/pki/etcd/server.crt");
}

TEST(StaticPod, HasTheFlagsOfItsCommandAndArguments) {
  const struct {
    std::string command, flag, value;
  } cases[] = {
      {"[etcd, --name=a]", "name", "a"},
      {"[etcd, -name=a]", "name", "a"},
      {"[etcd, --name, a]", "name", "a"},
      {"[etcd, --name=a, --name=b]", "name", "b"},
      {"[etcd, --name=]", "name", ""},
      {"[etcd, --force-new-cluster]", "force-new-cluster", "true"},
      {"[etcd, --force-new-cluster, --name=a]", "force-new-cluster", "true"},
      {"[etcd, --force-new-cluster=false]", "force-new-cluster", "false"},
      {"[etcd, --initial-cluster=a=http://h:1]", "initial-cluster", "a=http://h:1"},
      {"[etcd, name=a]", "name", "(none)"},
      {"etcd --name=a", "name", "(none)"},
  };
  for (const auto& [command, flag, value] : cases) {
    EXPECT_EQ(FlagOf(PodWith(command), flag), value) << command;
  }
  EXPECT_EQ(FlagOf(PodWith("[etcd]", "    args: [--name=a]\n"), "name"), "a");
}

TEST(StaticPod, SettingsOfEtcdComeFromTheEnvironmentWhereNoFlagSaysThem) {
  const StaticPod pod = PodWith("[etcd, --name=flag]",
                                "    env:\n"
                                "    - {name: ETCD_NAME, value: variable}\n"
                                "    - {name: ETCD_DATA_DIR, value: /d}\n"
                                "    - {name: ETCD_WAL_DIR, valueFrom: {}}\n");
  EXPECT_EQ(*pod.EtcdSetting("name"), "flag");
  EXPECT_EQ(*pod.EtcdSetting("data-dir"), "/d");
  EXPECT_EQ(pod.EtcdSetting("wal-dir"), nullptr);
}

TEST(StaticPod, TheInnermostMountIsWhereAPathLies) {
  const StaticPod pod = PodWith("[etcd]",
                                "    volumeMounts:\n"
                                "    - {name: outer, mountPath: /data/}\n"
                                "    - {name: inner, mountPath: /data/etcd/wal}\n"
                                "    - {name: part, mountPath: /part, subPath: a/b}\n"
                                "    - {name: memory, mountPath: /memory}\n"
                                "    - {name: unknown, mountPath: /unknown}\n"
                                "  volumes:\n"
                                "  - {name: inner, hostPath: {path: /fast}}\n"
                                "  - {name: outer, hostPath: {path: /srv/}}\n"
                                "  - {name: part, hostPath: {path: /whole}}\n"
                                "  - {name: memory, emptyDir: {}}\n");
  const std::pair<const char*, const char*> cases[] = {
      {"/data", "/srv"},
      {"/data/etcd", "/srv/etcd"},
      {"/data/etcd/", "/srv/etcd"},
      {"/data/./etcd/../etcd", "/srv/etcd"},
      {"/data/etcd/wal", "/fast"},
      {"/data/etcd/wal/x", "/fast/x"},
      {"/data/etcd/wall", "/srv/etcd/wall"},
      {"/part/etcd", "/whole/a/b/etcd"},
      {"/memory/etcd", "(nowhere)"},
      {"/unknown", "(nowhere)"},
      {"/data2", "(nowhere)"},
      {"/", "(nowhere)"},
  };
  for (const auto& [path, host] : cases) EXPECT_EQ(HostOf(pod, path), host) << path;
}

TEST(StaticPod, ChoosesTheContainerByItsName) {
  const std::string pod =
      "kind: Pod\nspec:\n  containers:\n  - {name: proxy, image: p}\n  - {name: etcd, image: e}\n";
  EXPECT_EQ(Parse(pod).image, "e");
  EXPECT_EQ(ParseStaticPod(pod, "backup", "/m/etcd.yaml").status().message(),
            "/m/etcd.yaml:3:3: spec.containers: has no container \"backup\"");
}

TEST(StaticPod, SaysWhereItIsNone) {
  const std::pair<const char*, const char*> cases[] = {
      {"kind: Deployment\nspec: {containers: [{name: etcd}]}\n",
       "/m/etcd.yaml:1:1: kind: is not Pod"},
      {"kind: Pod\n", "/m/etcd.yaml:1:1: spec: is required"},
      {"kind: Pod\nspec: {}\n", "/m/etcd.yaml:2:7: spec.containers: has no container \"etcd\""},
      {"- kind: Pod\n", "/m/etcd.yaml:1:1: top level: must be a mapping"},
      {"", "/m/etcd.yaml:1:1: top level: the file holds no configuration"},
  };
  for (const auto& [text, problem] : cases) EXPECT_EQ(ProblemOf(text), problem) << text;
  EXPECT_TRUE(ProblemOf("kind: [\n").starts_with("/m/etcd.yaml:")) << ProblemOf("kind: [\n");
}

TEST(StaticPod, OddContentIsPassedOver) {
  const StaticPod pod = Parse(
      "kind: Pod\nmetadata: text\nspec:\n  hostNetwork: [true]\n  volumes: {}\n"
      "  containers:\n  - {command: {a: b}, args: [[x], {y: z}], env: [1], volumeMounts: [a]}\n");
  EXPECT_EQ(pod.name, "");
  EXPECT_FALSE(pod.host_network);
  EXPECT_TRUE(pod.flags.empty());
  EXPECT_TRUE(pod.mounts.empty());
}

TEST(ImageVersion, IsWhatTheTagStartsWith) {
  const std::pair<const char*, const char*> cases[] = {
      {"registry.k8s.io/etcd:3.5.15-0", "3.5.15"},
      {"quay.io/coreos/etcd:v3.6.4", "3.6.4"},
      {"etcd:3.4", "3.4"},
      {"host:5000/etcd:3.5.9@sha256:0123", "3.5.9"},
      {"host:5000/etcd", "(none)"},
      {"registry.k8s.io/etcd@sha256:0123", "(none)"},
      {"etcd:latest", "(none)"},
      {"etcd:3", "(none)"},
      {"etcd:3.", "(none)"},
      {"etcd:.5", "(none)"},
      {"etcd:", "(none)"},
      {"etcd", "(none)"},
      {"", "(none)"},
  };
  for (const auto& [image, version] : cases) {
    EXPECT_EQ(ImageVersion(image).value_or("(none)"), version) << image;
  }
}

}  // namespace
}  // namespace warden::config
