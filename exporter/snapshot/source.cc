#include "exporter/snapshot/source.h"

#include <algorithm>
#include <tuple>

#include "exporter/etcd/membership.h"

namespace warden::snapshot {
namespace {

// Learners serve snapshots since 3.4.28 and in every 3.5 and later.
bool ServesSnapshots(const etcd::MemberStatus& status) {
  return !status.is_learner || etcd::VersionAtLeast(status.version, 3, 4, 28);
}

Role RoleOf(const etcd::MemberStatus& status) {
  if (status.is_learner) return Role::kLearner;
  return status.leader_id == status.member_id ? Role::kLeader : Role::kFollower;
}

}  // namespace

bool IsCorrupt(const etcd::MemberStatus& status) {
  return std::any_of(status.alarms.begin(), status.alarms.end(), [&](const etcd::Alarm& alarm) {
    return alarm.type == etcd::AlarmType::kCorrupt &&
           (alarm.member_id == status.member_id || alarm.member_id == 0);
  });
}

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kLearner:
      return "learner";
    case Role::kLeader:
      return "leader";
  }
  return "follower";
}

std::vector<Source> RankSources(const etcd::ClusterView& view,
                                std::optional<std::uint64_t> cluster_id) {
  const auto by_member = etcd::StatusByMember(view, cluster_id);
  const etcd::MemberList members =
      etcd::AgreedMembers(view, cluster_id).value_or(etcd::MemberList());
  std::uint64_t index_max = 0;
  for (const auto& [id, endpoint] : by_member) {
    index_max = std::max(index_max, endpoint->status.value->raft_index);
  }
  using Rank = std::tuple<bool, bool, bool, bool, std::uint64_t, Nanoseconds>;
  std::vector<std::pair<Rank, Source>> ranked;
  for (const auto& [id, endpoint] : by_member) {
    const etcd::MemberStatus& status = *endpoint->status.value;
    if (!ServesSnapshots(status)) continue;
    const std::uint64_t applied = std::min(status.raft_applied_index, index_max);
    Source source{.endpoint = endpoint->endpoint,
                  .member_name = etcd::MemberName(members, id),
                  .role = RoleOf(status),
                  .status = status,
                  .raft_lag = index_max - applied};
    const bool far_behind = source.raft_lag > kLagMax;
    const Rank rank{IsCorrupt(status), status.leader_id == 0, far_behind,
                    source.role == Role::kLeader,
                    // A few entries are the skew of asking, not a lag.
                    source.raft_lag / 100, endpoint->status.duration};
    ranked.emplace_back(rank, std::move(source));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Source> sources;
  sources.reserve(ranked.size());
  for (auto& [rank, source] : ranked) sources.push_back(std::move(source));
  return sources;
}

}  // namespace warden::snapshot
