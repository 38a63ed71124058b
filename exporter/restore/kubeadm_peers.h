// The other members of the cluster that is given up: none of them may serve any more when the new
// one begins, or clients could write to both.
//
// A peer that was seen to be down once counts as down for good: a neighbour that is further along
// starts its new member at the same address. So it has to be seen in time, and each node, once it
// has seen all others down, stays down itself for a little longer (KubeadmOptions::settle).
#pragma once

#include <string>
#include <vector>

#include "exporter/base/result.h"
#include "exporter/restore/kubeadm_probes.h"
#include "exporter/restore/kubeadm_procedure.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

class KubeadmPeers {
 public:
  // Those of the snapshot's members and of the plan's, but for this node's own. All outlive it.
  KubeadmPeers(const Plan& plan, const std::string& member, KubeadmProcedure& procedure,
               NodeProbes& node);

  // Asks those that were not seen down yet, and adds those that are to the procedure. Whether there
  // were any.
  Result<bool> Look(const std::stop_token& stop);

  // Asks the next of those that are up whether it is of the plan's cluster already, which says that
  // the old one is gone; the same otherwise. At most a second.
  Result<bool> AskForNewMember(const std::stop_token& stop);

  // "etcd-2 (https://10.0.0.12:2380)" for each that was not seen down; empty if there is none.
  std::string Missing() const;

 private:
  struct Peer {
    std::string name;
    std::string url;
    std::vector<std::string> client_urls;
  };
  void Add(const std::string& name, const std::string& url, std::vector<std::string> client_urls);
  std::vector<const Peer*> Unseen() const;

  const Plan& plan_;
  KubeadmProcedure& procedure_;
  NodeProbes& node_;
  std::vector<std::string> own_;
  std::vector<Peer> peers_;
  std::size_t asked_ = 0;
};

}  // namespace warden::restore
