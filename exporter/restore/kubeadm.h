// A member of a kubeadm control plane restored on its node: a static pod is stopped by moving its
// manifest out of the kubelet's directory, and started by moving it back.
//
//   1. prepare   the new data is written and proven beside the old; nothing is stopped for it
//   2. stop      the manifests of the API server, controller manager, scheduler and etcd are moved
//                aside, one after the other, until nothing of each is left
//   3. peers     until every other member of the old cluster was seen to be down
//   4. swap      the old data aside, the new into its place
//   5. etcd      its manifest back, and a linearizable read: as soon as a quorum has come this far
//   6. start     the manifests of the others back
//   7. finish    the receipt
//
// Manifests are only ever renamed. What fails, or is stopped, in 2 to 5 is undone in reverse: etcd
// down again, the old data and the manifests back where they were. Once etcd has served the new
// data, nothing is undone but at somebody's word, since writes would be put aside. A kill leaves
// the journal, with which the next run goes on or UndoKubeadm goes back. A run that ends after
// `until` leaves it, too.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/restore/journal.h"
#include "exporter/restore/kubeadm_probes.h"
#include "exporter/restore/kubeadm_procedure.h"
#include "exporter/restore/run.h"

namespace warden::restore {

// After which a run may end. kEtcd is etcd that listens: its health takes a quorum, for which one
// person with three nodes has to start the others first.
enum class KubeadmStep { kStopped, kSwapped, kEtcd };
std::string_view KubeadmStepName(KubeadmStep step);  // "stopped", "swapped", "etcd"
std::optional<KubeadmStep> ParseKubeadmStep(std::string_view name);

struct KubeadmOptions {
  KubeadmNodeOptions node;
  bool peers_stopped = false;  // somebody has made sure of it
  std::optional<KubeadmStep> until;
  Milliseconds timeout{600'000};  // of each wait
  // How long this node's etcd stays down after its peers were seen to be, so that it is seen, too.
  Milliseconds settle{3'000};
};

enum class KubeadmAnswer {
  kGoOn,
  kLeave,  // ends the run here; nothing is undone
  kUndo,
};

// What run.h does, so that a test can do it otherwise.
struct MemberSteps {
  std::function<Result<Journal>(const RunOptions&, const RunTools&)> prepare = Prepare;
  std::function<Status(Journal&, const Plan&, const RunTools&)> swap = Swap;
  std::function<Status(Journal&, const RunTools&)> finish = Finish;
  std::function<Status(Journal&, const RunTools&)> undo = Undo;
};

struct KubeadmTools {
  RunTools run;
  NodeProbes& node;
  // Asked before each step that changes something; a failure is one of the step.
  std::function<Result<KubeadmAnswer>(const std::string& question)> ask;
  MemberSteps steps = {};
};

// Success: all of it is done, or all up to `until`. kAborted: left where it was, at somebody's
// word. Every other failure is one before anything was moved, or says how the undo went: where that
// fails, what stands where. The code is that of what failed first.
Status RunKubeadm(const RunOptions& run, const KubeadmOptions& options, const KubeadmTools& tools);

// Goes back from wherever a run with that procedure has come, to the end of an undo that was cut
// short, too. Asks nobody. Does nothing where nothing is left to do.
Status UndoKubeadm(Journal& journal, const KubeadmOptions& options, const KubeadmTools& tools);

// Whether manifests are still where the journal's run moved them; for one that is undone, that
// means that its undo was cut short.
bool HoldsManifests(Files& files, const Journal& journal);

// What RunKubeadm would do on every node of the plan, as lines for people. Pure.
std::vector<std::string> DescribeKubeadm(const Plan& plan, const KubeadmOptions& options);

}  // namespace warden::restore
