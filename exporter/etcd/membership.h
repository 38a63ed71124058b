// Pure functions over a ClusterView: who is in the cluster, who answered, what disagrees.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "exporter/etcd/view.h"

namespace warden::etcd {

// The member list most answers agree on; among equally common ones that of the member with the
// highest raft term, then index. nullopt if nobody answered MemberList. Only answers of
// `MainClusterId` count, and a member that several endpoints reach has one vote.
std::optional<MemberList> AgreedMembers(const ClusterView& view);

// The cluster id that most endpoints answered with (the first configured wins a tie); nullopt if
// none answered. Endpoints with another id are strangers: their values stay out of the roll-ups.
std::optional<std::uint64_t> MainClusterId(const ClusterView& view);

// One Status per member: an endpoint list may name a member twice; the first answer stands.
// Strangers to the main cluster are left out.
std::map<std::uint64_t, const EndpointView*> StatusByMember(const ClusterView& view);

// The name of the member with that id, empty if it is unknown or was never started.
std::string MemberName(const MemberList& members, std::uint64_t id);

struct Voters {
  int listed = 0;
  int reachable = 0;
  // Reachable minus quorum: 0 = the next failure loses quorum, negative = lost.
  int FailureTolerance() const { return reachable - (listed / 2 + 1); }
};
Voters CountVoters(const ClusterView& view, const MemberList& members);

}  // namespace warden::etcd
