#include "exporter/etcd/membership.h"

#include <algorithm>
#include <tuple>

namespace warden::etcd {
namespace {

// Calls `visit` for every endpoint that reached a member of the main cluster, in configured order.
template <typename Visit>
void ForEachInMainCluster(const ClusterView& view, const Visit& visit) {
  const std::optional<std::uint64_t> main = MainClusterId(view);
  for (const EndpointView& endpoint : view.endpoints) {
    if (endpoint.status.ok() && endpoint.status.value->cluster_id == main) visit(endpoint);
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

}  // namespace

std::optional<MemberList> AgreedMembers(const ClusterView& view) {
  std::map<std::uint64_t, const EndpointView*> answers;
  ForEachInMainCluster(view, [&](const EndpointView& endpoint) {
    if (!endpoint.member_list || !endpoint.member_list->ok()) return;
    answers.try_emplace(endpoint.status.value->member_id, &endpoint);
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

std::optional<std::uint64_t> MainClusterId(const ClusterView& view) {
  std::map<std::uint64_t, int> answers;
  for (const EndpointView& endpoint : view.endpoints) {
    if (endpoint.status.ok()) ++answers[endpoint.status.value->cluster_id];
  }
  // In configured order, so that the first of equals stays.
  std::optional<std::uint64_t> main;
  for (const EndpointView& endpoint : view.endpoints) {
    if (!endpoint.status.ok()) continue;
    const std::uint64_t id = endpoint.status.value->cluster_id;
    if (!main || answers[id] > answers[*main]) main = id;
  }
  return main;
}

std::map<std::uint64_t, const EndpointView*> StatusByMember(const ClusterView& view) {
  std::map<std::uint64_t, const EndpointView*> members;
  ForEachInMainCluster(view, [&](const EndpointView& endpoint) {
    members.try_emplace(endpoint.status.value->member_id, &endpoint);
  });
  return members;
}

std::string MemberName(const MemberList& members, std::uint64_t id) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [id](const Member& member) { return member.id == id; });
  return found == members.end() ? "" : found->name;
}

Voters CountVoters(const ClusterView& view, const MemberList& members) {
  const auto reached = StatusByMember(view);
  Voters voters;
  for (const Member& member : members) {
    if (member.is_learner) continue;
    ++voters.listed;
    if (reached.contains(member.id)) ++voters.reachable;
  }
  return voters;
}

}  // namespace warden::etcd
