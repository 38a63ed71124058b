#include "exporter/etcd/memory.h"

#include <utility>

namespace warden::etcd {
Seen SeenIn(const RpcOutcome<MemberStatus>& status) {
  if (!status.ok() || status.value->is_learner) return Seen::kNoVoter;
  const std::uint64_t leader = status.value->leader_id;
  if (leader == 0 || !VersionAtLeast(status.value->version, 3, 5)) return Seen::kVoter;
  return leader == status.value->member_id ? Seen::kLeader : Seen::kReader;
}

std::optional<bool> ClusterMemory::auth_enabled() const {
  MutexLock lock(mutex_);
  return auth_enabled_;
}

void ClusterMemory::SawFailure(Reason reason) {
  if (reason != Reason::kUnauthenticated && reason != Reason::kPermissionDenied) return;
  SawAuthentication(true);
}

void ClusterMemory::SawAuthentication(bool enabled) {
  MutexLock lock(mutex_);
  auth_enabled_ = enabled;
}

bool ClusterMemory::SawCluster(std::uint64_t id) {
  MutexLock lock(mutex_);
  doubted_ = false;
  const auto before = std::exchange(cluster_id_, id);
  return before && *before != id;
}

std::optional<std::uint64_t> ClusterMemory::cluster_id() const {
  MutexLock lock(mutex_);
  return cluster_id_;
}

void ClusterMemory::DoubtCluster() {
  MutexLock lock(mutex_);
  doubted_ = true;
}

bool ClusterMemory::MayBeOurs(std::uint64_t cluster_id) const {
  MutexLock lock(mutex_);
  return doubted_ || cluster_id == 0 || cluster_id_.value_or(cluster_id) == cluster_id;
}

void ClusterMemory::ForgetAuthentication() {
  MutexLock lock(mutex_);
  auth_enabled_.reset();
}

}  // namespace warden::etcd
