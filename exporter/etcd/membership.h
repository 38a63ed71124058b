// Pure functions over a ClusterView: who is in the cluster, who answered, what disagrees.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/etcd/view.h"

namespace warden::etcd {

// Who answered at the endpoint: by its Status or, where that was refused, by its member list.
std::optional<MemberIdentity> IdentityOf(const EndpointView& endpoint);

// The cluster that the endpoints stand for: the id that most of them answered with (the first in
// the view's order wins a tie); nullopt if none answered. `remembered` is the id known from before:
// it stays, whoever answers, unless more than half of the configured endpoints answered with one
// other; then the cluster was rebuilt. Endpoints with another id are strangers: their values stay
// out of the roll-ups.
std::optional<std::uint64_t> MainClusterId(const ClusterView& view,
                                           std::optional<std::uint64_t> remembered = std::nullopt);

// The member list most answers agree on; among equally common ones that of the member with the
// highest raft term, then index. nullopt if nobody answered MemberList. Only answers of
// `MainClusterId` count, and a member that several endpoints reach has one vote.
std::optional<MemberList> AgreedMembers(const ClusterView& view,
                                        std::optional<std::uint64_t> remembered = std::nullopt);

// One Status per member: an endpoint list may name a member twice; the first answer stands.
// Strangers to the main cluster are left out.
std::map<std::uint64_t, const EndpointView*> StatusByMember(
    const ClusterView& view, std::optional<std::uint64_t> remembered = std::nullopt);

// Host and port in lower case: the part by which an endpoint and a client URL can be the same.
std::string AddressOf(std::string_view url);

// Whether the server answered Status, be it that our user may not ask: it runs then.
bool IsAnswered(const RpcOutcome<MemberStatus>& status);

// The listed members that answered Status, or refused our user. One that refuses MemberList too
// does not say who it is; it is the member with the endpoint's address among its client URLs.
std::set<std::uint64_t> ReachedMembers(const ClusterView& view, const MemberList& members,
                                       std::optional<std::uint64_t> remembered = std::nullopt);

// The name of the member with that id, empty if it is unknown or was never started.
std::string MemberName(const MemberList& members, std::uint64_t id);
// "etcd-1 (8e9e05c52164694d)", without a name the id alone.
std::string Describe(const Member& member);

struct ReachableVoter {
  Member member;
  const EndpointView* endpoint = nullptr;  // of the view
  bool is_leader = false;
};
// The listed voters that answered Status, the leader last: the order in which to ask for what holds
// up a member's writes.
std::vector<ReachableVoter> ReachableVoters(const ClusterView& view, const MemberList& members,
                                            std::optional<std::uint64_t> remembered = std::nullopt);

struct Voters {
  int listed = 0;
  int reachable = 0;
  // Reachable minus quorum: 0 = the next failure loses quorum, negative = lost.
  int FailureTolerance() const { return reachable - (listed / 2 + 1); }
};
Voters CountVoters(const MemberList& members, const std::set<std::uint64_t>& reached);

}  // namespace warden::etcd
