// `restore run --kubeadm`: the flags of the static-pod procedure, and the run on this machine.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/cli/command.h"
#include "exporter/restore/journal.h"
#include "exporter/restore/kubeadm.h"

namespace warden::cli {

class KubeadmFlags {
 public:
  // Declares --kubeadm and what goes with it; the object outlives the parsing.
  void Declare(CLI::App& app);
  // What an undo takes: the flags for waiting, and no --kubeadm.
  void DeclareForUndo(CLI::App& app);

  bool chosen() const { return kubeadm_; }
  // kInvalidArgument for a flag without --kubeadm, or one whose value is none.
  Status Check() const;
  Result<restore::KubeadmOptions> Options() const;

 private:
  friend int RunRestoreKubeadm(Console& console, const KubeadmFlags& flags,
                               const restore::RunOptions& run, const restore::RunTools& tools);

  const CLI::App* app_ = nullptr;
  bool kubeadm_ = false;
  bool yes_ = false;
  bool dry_run_ = false;
  bool peers_stopped_ = false;
  std::string manifests_ = "/etc/kubernetes/manifests";
  std::string until_;
  std::string timeout_ = "10m";
  std::string ca_cert_ = "/etc/kubernetes/pki/etcd/ca.crt";
  std::string cert_ = "/etc/kubernetes/pki/etcd/healthcheck-client.crt";
  std::string key_ = "/etc/kubernetes/pki/etcd/healthcheck-client.key";
};

// The exit code. kUsage: the flags, or a standard input that nobody can answer on; nothing was
// touched then. `tools.say` is told every step.
int RunRestoreKubeadm(Console& console, const KubeadmFlags& flags, const restore::RunOptions& run,
                      const restore::RunTools& tools);

// For `restore undo`, of a journal whose procedure is not null, in whatever state.
Status UndoRestoreKubeadm(const KubeadmFlags& flags, restore::Journal& journal,
                          const restore::RunTools& tools);

}  // namespace warden::cli
