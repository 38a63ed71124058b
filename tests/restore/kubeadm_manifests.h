// The manifests of a node, shortened, and the plan that they go together with.
#pragma once

#include <string>
#include <string_view>

#include "exporter/base/files.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

inline const Files::Path kManifests = "/etc/kubernetes/manifests";
inline const Files::Path kDatabase = "/var/lib/etcd/member/snap/db";
inline constexpr std::string_view kOwnPeerUrl = "https://127.0.0.1:1";

inline std::string EtcdManifest(const std::string& more_flags = "", const std::string& image = "") {
  return "kind: Pod\nspec:\n  hostNetwork: true\n  containers:\n  - name: etcd\n    image: " +
         (image.empty() ? "registry.k8s.io/etcd:3.5.15-0" : image) +
         "\n    command:\n    - etcd\n    - --name=cp-1\n    - --data-dir=/data\n"
         "    - --listen-client-urls=https://127.0.0.1:2379,https://0.0.0.0:4001\n"
         "    - --listen-peer-urls=" +
         std::string(kOwnPeerUrl) +
         "\n    - --initial-advertise-peer-urls=" + std::string(kOwnPeerUrl) +
         "\n    - --initial-cluster="
         "cp-1=https://127.0.0.1:1,cp-2=https://127.0.0.1:2,cp-3=https://127.0.0.1:3\n"
         "    - --listen-metrics-urls=http://127.0.0.1:2381\n" +
         more_flags +
         "    volumeMounts:\n    - {name: data, mountPath: /data}\n"
         "  volumes:\n  - {name: data, hostPath: {path: /var/lib/etcd}}\n";
}
inline std::string PodManifest(const std::string& name, const std::string& flags = "") {
  return "kind: Pod\nspec:\n  containers:\n  - name: " + name + "\n    command: [" + name + flags +
         "]\n";
}

inline Plan ThreeNodePlan() {
  Plan plan{.id = "20261123T101500000Z-00000001",
            .snapshot = {},
            .etcd_version = "3.5",
            .target = Target::k35,
            .cluster = *ParseInitialCluster("cp-1=https://127.0.0.1:1,cp-2=https://127.0.0.1:2,"
                                            "cp-3=https://127.0.0.1:3",
                                            "tok"),
            .places = {},
            .bump = {},
            .remarks = {}};
  for (const char* name : {"cp-1", "cp-2", "cp-3"}) {
    plan.places.push_back({.name = name, .data_dir = "/var/lib/etcd", .wal_dir = {}});
  }
  const auto old = [](const char* name, const char* peer, const char* client) {
    return OldMember{.name = name, .peer_urls = {peer}, .client_urls = {client}};
  };
  plan.snapshot.members = {old("cp-1", "https://127.0.0.1:1", "https://127.0.0.1:2379"),
                           old("cp-2", "https://127.0.0.1:2", "https://127.0.0.1:22"),
                           old("gone", "https://127.0.0.1:4", "https://127.0.0.1:44")};
  return plan;
}

}  // namespace warden::restore
