// The static pods of a node, stopped and started by moving their manifests: the kubelet runs what
// it finds in its directory, and ends what is no longer there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/restore/kubeadm_probes.h"
#include "exporter/restore/kubeadm_procedure.h"

namespace warden::restore {

// Where a manifest is.
enum class Whereabouts { kInPlace, kHeld };

// For one thread.
class KubeadmPods {
 public:
  struct Tools {
    Files& files;
    const Clock& clock;
    NodeProbes& node;
    std::function<void(const std::string& line)> say;
    std::stop_token stop;
    Milliseconds timeout;  // of each wait
  };
  // `procedure` outlives it and has a holding directory. `database` is the file that etcd locks.
  KubeadmPods(const KubeadmProcedure& procedure, Files::Path database, Tools tools)
      : procedure_(procedure), database_(std::move(database)), tools_(std::move(tools)) {}

  // kFailedPrecondition if it is in both directories or in none: somebody else was at work.
  Result<Whereabouts> Find(const KubeadmPod& pod) const;

  // Moves the manifest aside if it is not, and waits until nothing of the pod is left: no listening
  // port, no lock on etcd's database, no container. `while_waiting` is called again and again.
  Status Stop(const KubeadmPod& pod, const std::function<Status()>& while_waiting);
  // Puts the manifest back if it is not.
  Status PutBack(const KubeadmPod& pod);
  // Until the pod listens everywhere.
  Status WaitUntilItListens(const KubeadmPod& pod);
  // Removes the holding directory, once it is empty; one that is not, or is gone, may be.
  Status RemoveHolding();

  // Waits until `missing` says nothing; every new thing that it says is told. kDeadlineExceeded
  // ends with the last one, kCancelled is a stop.
  Status WaitFor(const std::function<Result<std::string>()>& missing);

  // "etcd.yaml is in /etc/kubernetes/manifests, ...": of every pod.
  std::string Describe() const;

 private:
  Status Move(const Files::Path& from, const Files::Path& to, const std::string& file);
  Result<std::string> WhatIsLeft(const KubeadmPod& pod);

  const KubeadmProcedure& procedure_;
  const Files::Path database_;
  const Tools tools_;
  bool crictl_fails_ = false;
};

}  // namespace warden::restore
