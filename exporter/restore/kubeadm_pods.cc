#include "exporter/restore/kubeadm_pods.h"

#include <utility>

#include "exporter/base/text.h"

namespace warden::restore {
namespace {

constexpr Milliseconds kLook{200};

}  // namespace

Result<Whereabouts> KubeadmPods::Find(const KubeadmPod& pod) const {
  const Status here = tools_.files.Stat(procedure_.manifests / pod.file).status();
  const Status held = tools_.files.Stat(procedure_.holding / pod.file).status();
  for (const Status& status : {here, held}) {
    if (!status.ok() && status.code() != Code::kNotFound) return status;
  }
  if (here.ok() != held.ok()) return here.ok() ? Whereabouts::kInPlace : Whereabouts::kHeld;
  return Status(Code::kFailedPrecondition,
                pod.file + " is in " + (here.ok() ? "both " : "neither ") +
                    procedure_.manifests.string() + (here.ok() ? " and " : " nor ") +
                    procedure_.holding.string() +
                    (here.ok() ? "; compare them, and leave one" : "; bring it back"));
}

Status KubeadmPods::Move(const Files::Path& from, const Files::Path& to, const std::string& file) {
  WARDEN_RETURN_IF_ERROR(tools_.files.RenameNew(from / file, to / file));
  // The new name before the end of the old one: after a power cut there are two rather than none.
  WARDEN_RETURN_IF_ERROR(tools_.files.SyncDirectory(to));
  return tools_.files.SyncDirectory(from);
}

Status KubeadmPods::Stop(const KubeadmPod& pod, const std::function<Status()>& while_waiting) {
  WARDEN_ASSIGN_OR_RETURN(const Whereabouts where, Find(pod));
  if (where == Whereabouts::kInPlace) {
    tools_.say("move " + pod.file + " to " + procedure_.holding.string());
    WARDEN_RETURN_IF_ERROR(tools_.files.MakeDirectories(procedure_.holding));
    WARDEN_RETURN_IF_ERROR(Move(procedure_.manifests, procedure_.holding, pod.file));
  }
  return WaitFor([&]() -> Result<std::string> {
           WARDEN_RETURN_IF_ERROR(while_waiting());
           return WhatIsLeft(pod);
         })
      .WithContext("stop " + pod.name);
}

Status KubeadmPods::PutBack(const KubeadmPod& pod) {
  WARDEN_ASSIGN_OR_RETURN(const Whereabouts where, Find(pod));
  if (where == Whereabouts::kInPlace) return {};
  tools_.say("move " + pod.file + " back to " + procedure_.manifests.string());
  return Move(procedure_.holding, procedure_.manifests, pod.file);
}

Status KubeadmPods::WaitUntilItListens(const KubeadmPod& pod) {
  return WaitFor([&]() -> Result<std::string> {
           for (const std::string& address : pod.addresses) {
             WARDEN_ASSIGN_OR_RETURN(const bool listens, tools_.node.Listens(address, tools_.stop));
             if (!listens) return pod.name + " does not listen at " + address + " yet";
           }
           return std::string();
         })
      .WithContext("start " + pod.name);
}

Result<std::string> KubeadmPods::WhatIsLeft(const KubeadmPod& pod) {
  for (const std::string& address : pod.addresses) {
    WARDEN_ASSIGN_OR_RETURN(const bool listens, tools_.node.Listens(address, tools_.stop));
    if (listens) return pod.name + " still listens at " + address;
  }
  if (pod.name == kEtcdPod) {
    const Result<bool> locked = tools_.files.IsLocked(database_);
    // No database, no lock: it may be what was lost.
    if (!locked.ok() && locked.error().code() != Code::kNotFound) return locked.error();
    if (locked.ok() && *locked) return "somebody still holds the lock on " + database_.string();
  }
  if (crictl_fails_) return std::string();
  const auto containers = tools_.node.Containers(pod.name, tools_.stop);
  if (!containers.ok()) {
    if (tools_.stop.stop_requested()) return containers.error();
    tools_.say("crictl does not tell which containers run (" + containers.error().message() +
               "); ports and the lock have to do");
    crictl_fails_ = true;
  } else if (*containers && !(*containers)->empty()) {
    return "the container " + (*containers)->front() + " of " + pod.name + " still runs";
  }
  return std::string();
}

Status KubeadmPods::RemoveHolding() {
  const Status removed = tools_.files.RemoveDirectory(procedure_.holding);
  const bool stays = removed.code() == Code::kFailedPrecondition;
  return stays || removed.code() == Code::kNotFound ? Status() : removed;
}

Status KubeadmPods::WaitFor(const std::function<Result<std::string>()>& missing) {
  const SteadyTime end = tools_.clock.Steady() + tools_.timeout;
  std::string told;
  while (true) {
    if (tools_.stop.stop_requested()) return {Code::kCancelled, "stopped"};
    WARDEN_ASSIGN_OR_RETURN(const std::string what, missing());
    if (what.empty()) return {};
    if (tools_.clock.Steady() >= end) {
      return {Code::kDeadlineExceeded, "after " + FormatDuration(tools_.timeout) + ", " + what};
    }
    if (what != told) tools_.say("  waiting: " + what);
    told = what;
    tools_.node.Wait(kLook, tools_.stop);
  }
}

std::string KubeadmPods::Describe() const {
  std::vector<std::string> places;
  for (const KubeadmPod& pod : procedure_.pods) {
    const Result<Whereabouts> where = Find(pod);
    if (!where.ok()) {
      places.push_back(where.error().message());
      continue;
    }
    const bool held = *where == Whereabouts::kHeld;
    places.push_back(pod.file + " is in " +
                     (held ? procedure_.holding : procedure_.manifests).string());
  }
  return Join(places, ", ");
}

}  // namespace warden::restore
