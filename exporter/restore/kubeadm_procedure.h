// What the static-pod procedure of kubeadm.h has to know of the node it works on, and what it keeps
// in the journal, so that whoever goes on or goes back needs nothing else.
//
// Where a manifest is, the directories themselves say, and how far the data is, the journal's state
// does; so nothing here has to be believed that a kill could have made wrong.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/base/result.h"

namespace warden::restore {

inline constexpr std::string_view kEtcdPod = "etcd";

struct KubeadmPod {
  std::string name;                    // of its container, too
  std::string file;                    // "etcd.yaml", in either directory
  std::vector<std::string> addresses;  // where it listens on this machine: "127.0.0.1:2379"
  friend bool operator==(const KubeadmPod&, const KubeadmPod&) = default;
};

struct KubeadmProcedure {
  Files::Path manifests;
  Files::Path holding;           // empty until the journal's id is known
  std::vector<KubeadmPod> pods;  // in the order in which they start: etcd is the first
  std::string client_url;        // where this node's etcd is asked for its health
  std::string peer_url;          // where it listens before it has a quorum
  // URLs of peers of the old cluster that were seen to be down since this run began.
  std::vector<std::string> seen_down;
  bool peers_stopped = false;  // somebody says so
  struct Made {
    std::string step;
    WallTime at{};
    friend bool operator==(const Made&, const Made&) = default;
  };
  std::vector<Made> steps;  // for people
  friend bool operator==(const KubeadmProcedure&, const KubeadmProcedure&) = default;

  const KubeadmPod& etcd() const { return pods.front(); }
  // Everything that writes to etcd first, etcd last.
  std::vector<KubeadmPod> InStopOrder() const;
};

Json ToJson(const KubeadmProcedure& procedure);
// kInvalidArgument if a journal holds something else.
Result<KubeadmProcedure> ParseProcedure(const Json& json);

struct KubeadmNodeOptions {
  Files::Path manifests = "/etc/kubernetes/manifests";
  // Where the directory is made that holds what is moved aside; empty: around `manifests`.
  Files::Path holding_parent;
  std::vector<std::string> control_plane = {"kube-apiserver", "kube-controller-manager",
                                            "kube-scheduler"};  // those that are there

  Files::Path HoldingParent() const;
  Files::Path HoldingOf(const std::string& journal_id) const;
};

}  // namespace warden::restore
