#include "exporter/etcd/membership.h"

#include <algorithm>
#include <tuple>

#include "exporter/base/text.h"

namespace warden::etcd {
namespace {

// Calls `visit` with every endpoint that reached a member of the main cluster and that member's id,
// in the view's order.
template <typename Visit>
void ForEachInMainCluster(const ClusterView& view, std::optional<std::uint64_t> remembered,
                          const Visit& visit) {
  const std::optional<std::uint64_t> main = MainClusterId(view, remembered);
  for (const EndpointView& endpoint : view.endpoints) {
    const auto identity = IdentityOf(endpoint);
    if (identity && identity->cluster_id == main) visit(endpoint, identity->member_id);
  }
}

// One member list and who stands behind it.
struct Candidate {
  const MemberList* list = nullptr;
  int votes = 0;
  std::uint64_t raft_term = 0;   // of the voter that has seen most
  std::uint64_t raft_index = 0;  // the same voter's

  auto Rank() const { return std::tie(votes, raft_term, raft_index); }
};

// The cluster that more than half of the configured endpoints answered for. Discovered endpoints
// have no say: they come from the list of the cluster that may have been replaced.
std::optional<std::uint64_t> MajorityOfConfigured(const ClusterView& view) {
  std::map<std::uint64_t, std::size_t> answers;
  std::size_t configured = 0;
  for (const EndpointView& endpoint : view.endpoints) {
    if (endpoint.discovered) continue;
    ++configured;
    if (const auto identity = IdentityOf(endpoint)) ++answers[identity->cluster_id];
  }
  for (const auto& [id, count] : answers) {
    if (2 * count > configured) return id;
  }
  return std::nullopt;
}

}  // namespace

std::optional<MemberIdentity> IdentityOf(const EndpointView& endpoint) {
  if (!endpoint.status.ok()) return endpoint.list_sender;
  return MemberIdentity{.cluster_id = endpoint.status.value->cluster_id,
                        .member_id = endpoint.status.value->member_id};
}

std::optional<MemberList> AgreedMembers(const ClusterView& view,
                                        std::optional<std::uint64_t> remembered) {
  std::map<std::uint64_t, const EndpointView*> answers;
  ForEachInMainCluster(view, remembered,
                       [&](const EndpointView& endpoint, std::uint64_t member_id) {
                         if (!endpoint.member_list || !endpoint.member_list->ok()) return;
                         answers.try_emplace(member_id, &endpoint);
                       });

  std::vector<Candidate> candidates;
  for (const auto& [member_id, endpoint] : answers) {
    const MemberList& list = *endpoint->member_list->value;
    auto candidate = std::find_if(candidates.begin(), candidates.end(),
                                  [&](const Candidate& known) { return *known.list == list; });
    if (candidate == candidates.end()) {
      candidate = candidates.insert(candidates.end(), Candidate{.list = &list});
    }
    ++candidate->votes;
    if (!endpoint->status.ok()) continue;
    const MemberStatus& status = *endpoint->status.value;
    std::tie(candidate->raft_term, candidate->raft_index) =
        std::max(std::tuple(candidate->raft_term, candidate->raft_index),
                 std::tuple(status.raft_term, status.raft_index));
  }
  if (candidates.empty()) return std::nullopt;
  return *std::max_element(
              candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.Rank() < b.Rank(); })
              ->list;
}

std::optional<std::uint64_t> MainClusterId(const ClusterView& view,
                                           std::optional<std::uint64_t> remembered) {
  if (remembered) return MajorityOfConfigured(view).value_or(*remembered);
  std::map<std::uint64_t, int> answers;
  for (const EndpointView& endpoint : view.endpoints) {
    if (const auto identity = IdentityOf(endpoint)) ++answers[identity->cluster_id];
  }
  // In the order of the view, so that the first of equals stays.
  std::optional<std::uint64_t> main;
  for (const EndpointView& endpoint : view.endpoints) {
    const auto identity = IdentityOf(endpoint);
    if (!identity) continue;
    if (!main || answers[identity->cluster_id] > answers[*main]) main = identity->cluster_id;
  }
  return main;
}

std::map<std::uint64_t, const EndpointView*> StatusByMember(
    const ClusterView& view, std::optional<std::uint64_t> remembered) {
  std::map<std::uint64_t, const EndpointView*> members;
  ForEachInMainCluster(view, remembered,
                       [&](const EndpointView& endpoint, std::uint64_t member_id) {
                         if (endpoint.status.ok()) members.try_emplace(member_id, &endpoint);
                       });
  return members;
}

std::string AddressOf(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  while (url.ends_with('/')) url.remove_suffix(1);
  return ToLower(url);
}

bool IsAnswered(const RpcOutcome<MemberStatus>& status) {
  return status.ok() || (status.error && (status.error->reason == Reason::kUnauthenticated ||
                                          status.error->reason == Reason::kPermissionDenied));
}

std::set<std::uint64_t> ReachedMembers(const ClusterView& view, const MemberList& members,
                                       std::optional<std::uint64_t> remembered) {
  std::set<std::uint64_t> known;
  ForEachInMainCluster(view, remembered, [&](const EndpointView&, std::uint64_t member_id) {
    known.insert(member_id);
  });
  std::set<std::string> refusing;
  for (const EndpointView& endpoint : view.endpoints) {
    if (!IdentityOf(endpoint) && IsAnswered(endpoint.status)) {
      refusing.insert(AddressOf(endpoint.endpoint.url));
    }
  }
  const auto refuses = [&](const std::string& url) { return refusing.contains(AddressOf(url)); };
  std::set<std::uint64_t> reached;
  for (const Member& member : members) {
    if (known.contains(member.id) ||
        std::any_of(member.client_urls.begin(), member.client_urls.end(), refuses)) {
      reached.insert(member.id);
    }
  }
  return reached;
}

std::string MemberName(const MemberList& members, std::uint64_t id) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [id](const Member& member) { return member.id == id; });
  return found == members.end() ? "" : found->name;
}

std::string Describe(const Member& member) {
  return member.name.empty() ? FormatId(member.id) : member.name + " (" + FormatId(member.id) + ")";
}

std::vector<ReachableVoter> ReachableVoters(const ClusterView& view, const MemberList& members,
                                            std::optional<std::uint64_t> remembered) {
  const auto answers = StatusByMember(view, remembered);
  std::vector<ReachableVoter> voters;
  for (const Member& member : members) {
    const auto answer = answers.find(member.id);
    if (member.is_learner || answer == answers.end()) continue;
    voters.push_back({.member = member,
                      .endpoint = answer->second,
                      .is_leader = answer->second->status.value->leader_id == member.id});
  }
  std::stable_partition(voters.begin(), voters.end(),
                        [](const ReachableVoter& voter) { return !voter.is_leader; });
  return voters;
}

Voters CountVoters(const MemberList& members, const std::set<std::uint64_t>& reached) {
  Voters voters;
  for (const Member& member : members) {
    if (member.is_learner) continue;
    ++voters.listed;
    if (reached.contains(member.id)) ++voters.reachable;
  }
  return voters;
}

}  // namespace warden::etcd
