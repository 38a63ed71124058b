// A control-plane node in memory: its kubelet runs what lies in the manifests directory, and lags
// one look behind; etcd has a lock on its database; the other nodes are names in sets.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exporter/restore/kubeadm_probes.h"
#include "tests/restore/kubeadm_manifests.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_files.h"

namespace warden::restore {

class FakeNode final : public NodeProbes {
 public:
  explicit FakeNode(testing::MemoryFiles& files, testing::FakeClock& clock)
      : files_(files), clock_(clock) {
    Write(kDatabase, "old");
    for (const auto& [name, content] : Manifests()) Write(kManifests / (name + ".yaml"), content);
    Sync();
  }

  // As they were; nobody may change them.
  static std::map<std::string, std::string> Manifests() {
    return {{"etcd", EtcdManifest()},
            {"kube-apiserver", PodManifest("kube-apiserver")},
            {"kube-controller-manager",
             PodManifest("kube-controller-manager", ", --bind-address=127.0.0.1")},
            {"kube-scheduler", PodManifest("kube-scheduler", ", --secure-port=1234")}};
  }
  void Write(const Files::Path& path, const std::string& content) {
    ASSERT_TRUE(files_.MakeDirectories(path.parent_path()).ok());
    ASSERT_TRUE(WriteAtomically(files_, path, content).ok());
  }
  std::string Read(const Files::Path& path) {
    const auto text = files_.ReadAll(path, 1 << 20);
    return text.ok() ? *text : "(none)";
  }

  // One look of the kubelet at its directory. What it finds etcd with is written down.
  void Sync() {
    std::set<std::string> wanted;
    for (const DirectoryEntry& entry : *files_.List(kManifests)) wanted.insert(entry.name);
    for (const auto& [name, content] : Manifests()) {
      const bool is_wanted = wanted.contains(name + ".yaml");
      if (is_wanted == running_.contains(name)) continue;
      if (is_wanted) {
        running_.insert(name);
      } else {
        running_.erase(name);
      }
      if (name == "etcd" && !is_wanted) lock_.reset();
      const std::string data = name == "etcd" && is_wanted ? " on " + Read(kDatabase) : "";
      if (name == "etcd" && is_wanted && files_.Stat(kDatabase).ok()) {
        lock_ = std::move(*files_.Lock(kDatabase));
      }
      events.push_back((is_wanted ? "start " : "stop ") + name + data);
    }
  }
  // After the machine has lost its power.
  void Boot() {
    lock_.reset();
    running_.clear();
    Sync();
  }
  std::set<std::string> running() const { return running_; }

  Result<bool> Listens(const std::string& address, const std::stop_token& /*stop*/) override {
    asked.insert(address);
    static const std::map<std::string, std::string> owners = {
        {"https://127.0.0.1:2379", "etcd"},   {"https://127.0.0.1:4001", "etcd"},
        {"http://127.0.0.1:2381", "etcd"},    {std::string(kOwnPeerUrl), "etcd"},
        {"127.0.0.1:6443", "kube-apiserver"}, {"127.0.0.1:10257", "kube-controller-manager"},
        {"127.0.0.1:1234", "kube-scheduler"}};
    const auto owner = owners.find(address);
    return owner == owners.end() ? peers_up.contains(address) : running_.contains(owner->second);
  }
  Result<std::optional<std::vector<std::string>>> Containers(
      const std::string& name, const std::stop_token& /*stop*/) override {
    if (crictl_fails) return Status(Code::kUnknown, "crictl exited with 1");
    using Ids = std::vector<std::string>;
    if (!has_crictl) return std::optional<Ids>();
    return std::optional(lingering == name ? Ids{"c0ffee"} : Ids());
  }
  Status CanCheckHealth(const std::string& client_url) override {
    EXPECT_EQ(client_url, "https://127.0.0.1:2379");
    return can_check;
  }
  Status CheckHealth(const std::string& /*client_url*/, const std::stop_token& /*stop*/) override {
    const bool is_new = running_.contains("etcd") && Read(kDatabase) == "new";
    return is_new && has_quorum ? Status() : Status(Code::kDeadlineExceeded, "no answer");
  }
  Result<std::uint64_t> ClusterAt(const std::string& url,
                                  const std::stop_token& /*stop*/) override {
    const auto found = clusters.find(url);
    if (found == clusters.end()) return Status(Code::kUnavailable, "refused");
    return found->second;
  }
  void Wait(Milliseconds pause, const std::stop_token& /*stop*/) override {
    clock_.Advance(pause);
    Sync();
    if (on_wait) on_wait();
  }

  std::vector<std::string> events;  // "stop etcd", "start etcd on new"
  std::set<std::string> asked;
  std::set<std::string> peers_up;
  std::map<std::string, std::uint64_t> clusters;  // by client URL
  bool has_quorum = true;
  bool has_crictl = false;
  bool crictl_fails = false;
  std::string lingering;  // the pod whose container stays
  Status can_check;
  std::function<void()> on_wait;

 private:
  testing::MemoryFiles& files_;
  testing::FakeClock& clock_;
  std::set<std::string> running_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace warden::restore
