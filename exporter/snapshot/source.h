// Which member a snapshot is taken from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/etcd/view.h"

namespace warden::snapshot {

enum class Role { kFollower, kLearner, kLeader };
std::string_view RoleName(Role role);  // "follower", "learner", "leader"

struct Source {
  config::Endpoint endpoint;
  std::string member_name;  // empty if no member list said it
  Role role = Role::kFollower;
  etcd::MemberStatus status;  // as it was before the snapshot
  // Entries that the member has still to apply, against the highest committed index seen.
  std::uint64_t raft_lag = 0;
};

// A member more entries behind than this is worse than the leader; a healthy one is a handful
// behind.
inline constexpr std::uint64_t kLagMax = 1'000;

// Whether CORRUPT is raised for the member, or for the whole cluster.
bool IsCorrupt(const etcd::MemberStatus& status);

// Every member that can serve a snapshot, best first: one without a CORRUPT alarm, that knows a
// leader, not far behind, rather a follower or learner than the leader (a snapshot costs the member
// disk and memory), then the least lag, then the fastest to answer. Members of a foreign cluster
// and learners of versions that refuse (below 3.4.28) are left out; `cluster_id` is the cluster
// known from before, as in etcd::MainClusterId. Pure.
std::vector<Source> RankSources(const etcd::ClusterView& view,
                                std::optional<std::uint64_t> cluster_id = std::nullopt);

}  // namespace warden::snapshot
