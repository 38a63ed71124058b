// Whether the static-pod procedure can be begun on a node, from its manifests and the plan.
#pragma once

#include <string>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/restore/kubeadm_procedure.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

struct KubeadmNode {
  KubeadmProcedure procedure;  // without a holding directory, of nothing that was done
  std::vector<std::string> remarks;
};

// Reads the manifests, where they are or where an earlier run put them (`holding`; may be empty),
// and compares them with the plan. kFailedPrecondition names everything for which the procedure
// cannot be begun. Nothing is changed.
Result<KubeadmNode> InspectNode(Files& files, const Plan& plan, const std::string& member,
                                const KubeadmNodeOptions& options, const Files::Path& holding);

}  // namespace warden::restore
