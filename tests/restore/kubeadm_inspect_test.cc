// What of a node's manifests keeps the procedure from being begun, and what is only remarked.
#include "exporter/restore/kubeadm_inspect.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/restore/kubeadm_fixture.h"

namespace warden::restore {
namespace {

class KubeadmInspect : public KubeadmNodeTest {
 protected:
  Result<KubeadmNode> Inspect(const std::string& holding = "") {
    return InspectNode(files, plan, "cp-1", options.node, holding);
  }
  std::string Problem() { return Inspect().status().message(); }
  void Etcd(const std::string& manifest) { node.Write(kManifests / "etcd.yaml", manifest); }
};

TEST_F(KubeadmInspect, KnowsThePodsAndWhereTheyListen) {
  const auto found = Inspect();
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->remarks, std::vector<std::string>());
  const KubeadmProcedure& procedure = found->procedure;
  ASSERT_EQ(procedure.pods.size(), 4U);
  EXPECT_EQ(procedure.etcd().name, "etcd");
  EXPECT_EQ(procedure.client_url, "https://127.0.0.1:2379");
  EXPECT_EQ(procedure.peer_url, kOwnPeerUrl);
  EXPECT_EQ(procedure.InStopOrder().back().name, "etcd");
  EXPECT_EQ(procedure.pods.at(1).addresses, std::vector<std::string>{"127.0.0.1:6443"});
}

TEST_F(KubeadmInspect, NamesWhatDoesNotGoTogetherWithThePlan) {
  const struct {
    std::string manifest, problem;
  } cases[] = {
      {EtcdManifest("    - --name=cp-2\n"), "etcd.yaml is of the member \"cp-2\", not of \"cp-1\""},
      {EtcdManifest("    - --data-dir=/data/x\n"),
       "etcd.yaml has --data-dir /data/x, which is /var/lib/etcd/x of this machine, the plan "
       "/var/lib/etcd"},
      {EtcdManifest("    - --data-dir=/elsewhere\n"),
       "etcd.yaml has --data-dir /elsewhere, which is in no hostPath volume"},
      {EtcdManifest("    - --wal-dir=/data/wal\n"),
       "etcd.yaml has --wal-dir /data/wal, the plan has none"},
      {EtcdManifest("    - --force-new-cluster\n"),
       "etcd.yaml has --force-new-cluster, with which nobody knows here what its etcd would do"},
      {EtcdManifest("    - --config-file=/x\n"),
       "etcd.yaml has --config-file, with which nobody knows here what its etcd would do"},
      {EtcdManifest("    - --listen-client-urls=unix://x\n"),
       "etcd.yaml: \"unix://x\" needs an absolute path, as in unix:///run/etcd.sock"},
      {EtcdManifest("    - --listen-client-urls=\n"), "etcd.yaml lets etcd listen nowhere"},
      {EtcdManifest("", "registry.k8s.io/etcd:3.6.4-0"),
       "etcd.yaml runs etcd 3.6.4, the plan is for 3.5"},
      {EtcdManifest("", "registry.k8s.io/etcd:2.3.8"),
       "etcd.yaml runs etcd 2.3.8, the plan is for 3.5"},
  };
  for (const auto& [manifest, problem] : cases) {
    Etcd(manifest);
    EXPECT_EQ(Inspect().status().code(), Code::kFailedPrecondition);
    EXPECT_EQ(Problem(), problem);
  }
  Etcd(EtcdManifest("    - --name=cp-2\n    - --wal-dir=/data/wal\n"));
  EXPECT_EQ(Problem(), std::string(cases[0].problem) + "; " + cases[3].problem);
  plan.places.front().wal_dir = "/var/lib/etcd/wal";
  Etcd(EtcdManifest("    - --wal-dir=/data/wal\n"));
  EXPECT_TRUE(Inspect().ok());
  Etcd(EtcdManifest());
  EXPECT_EQ(Problem(), "etcd.yaml has no --wal-dir, the plan /var/lib/etcd/wal");
}

TEST_F(KubeadmInspect, RemarksOnWhatEtcdDoesNotReadAnyMore) {
  Etcd(
      EtcdManifest("    - --initial-cluster=cp-1=https://127.0.0.1:1\n"
                   "    - --initial-advertise-peer-urls=https://127.0.0.1:9\n"
                   "    - --force-new-cluster=false\n",
                   "registry.local/etcd:stable"));
  const auto found = Inspect();
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(
      found->remarks,
      (std::vector<std::string>{
          "the image \"registry.local/etcd:stable\" names no version; the plan is for etcd 3.5",
          "etcd.yaml has --initial-cluster cp-1=https://127.0.0.1:1, the plan "
          "cp-1=https://127.0.0.1:1,cp-2=https://127.0.0.1:2,cp-3=https://127.0.0.1:3; etcd takes "
          "what its data says",
          "etcd.yaml has --initial-advertise-peer-urls https://127.0.0.1:9, the plan "
          "https://127.0.0.1:1, where the others will look for this member"}));
}

TEST_F(KubeadmInspect, TheHoldingDirectoryIsNoPlaceForTheKubelet) {
  for (const char* parent : {"/etc/kubernetes/manifests", "/etc/kubernetes/manifests/held"}) {
    options.node.holding_parent = parent;
    EXPECT_EQ(Problem(),
              "what is moved aside must not lie in /etc/kubernetes/manifests, where the kubelet "
              "would start it");
  }
}

TEST_F(KubeadmInspect, FindsManifestsThatAnEarlierRunMovedAside) {
  ASSERT_TRUE(disk.MakeDirectories("/held").ok());
  ASSERT_TRUE(disk.Rename(kManifests / "etcd.yaml", "/held/etcd.yaml").ok());
  EXPECT_EQ(Problem(), "there is no /etc/kubernetes/manifests/etcd.yaml");
  EXPECT_EQ(Inspect("/held")->procedure.pods.size(), 4U);
}

TEST_F(KubeadmInspect, SaysWhatCannotBeRead) {
  Etcd("kind: Pod\n");
  EXPECT_EQ(Problem(), "/etc/kubernetes/manifests/etcd.yaml:1:1: spec: is required");
  Etcd(EtcdManifest());
  node.Write(kManifests / "kube-scheduler.yaml", "kind: [\n");
  EXPECT_TRUE(Problem().starts_with("/etc/kubernetes/manifests/kube-scheduler.yaml:"));
  plan.places.clear();
  EXPECT_EQ(Problem(), "the plan has no member \"cp-1\"");
}

}  // namespace
}  // namespace warden::restore
