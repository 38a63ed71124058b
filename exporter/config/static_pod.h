// The manifest of a static pod, as kubeadm writes it to /etc/kubernetes/manifests: how its program
// is started, and where on the machine its directories are.
//
// Only what etcd and the control plane need is read; the rest may be anything. Format: a Kubernetes
// Pod, https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.h"

namespace warden::config {

struct StaticPod {
  // A directory of the machine within the container.
  struct Mount {
    std::filesystem::path container;
    std::filesystem::path host;
    friend bool operator==(const Mount&, const Mount&) = default;
  };

  std::string name;   // metadata.name
  std::string image;  // "registry.k8s.io/etcd:3.5.15-0"
  bool host_network = false;
  // Of command and args, without dashes; one without a value is "true", of two the last counts.
  std::map<std::string, std::string, std::less<>> flags;
  std::map<std::string, std::string, std::less<>> environment;  // only what is written as text
  std::vector<Mount> mounts;                                    // of hostPath volumes

  // nullptr if the flag is not given.
  const std::string* Flag(std::string_view flag) const;
  // As etcd reads its settings: the flag "data-dir", or else the variable ETCD_DATA_DIR.
  const std::string* EtcdSetting(std::string_view flag) const;
  // Where on the machine that path of the container is; nullopt if nowhere.
  std::optional<std::filesystem::path> HostPath(const std::filesystem::path& path) const;
};

// `container` names the one that is read; a pod with a single container may call it otherwise.
// kInvalidArgument says where it is wrong, as a configuration's errors do; `file` is only named.
Result<StaticPod> ParseStaticPod(std::string_view text, std::string_view container,
                                 const std::filesystem::path& file);

// The version that the tag of an image starts with: "3.5.15" of "registry.k8s.io/etcd:3.5.15-0" or
// "quay.io/coreos/etcd:v3.5.15"; nullopt if it has no such tag.
std::optional<std::string> ImageVersion(std::string_view image);

}  // namespace warden::config
