#include <algorithm>
#include <set>
#include <tuple>

#include "exporter/base/text.h"
#include "exporter/collector/render.h"
#include "exporter/etcd/membership.h"
#include "exporter/metrics/labels.h"

namespace warden::collector {
namespace {

using etcd::AddressOf;
using etcd::EndpointView;
using etcd::Member;
using etcd::MemberList;
using etcd::MemberStatus;
using metrics::Label;
using metrics::Page;

// Members are the same for this purpose if they have the same id, peers and role: names and client
// URLs reach the list when a member starts, and differ for a moment then.
using Identity = std::tuple<std::uint64_t, std::set<std::string>, bool>;
std::set<Identity> IdentitiesOf(const MemberList& list) {
  std::set<Identity> identities;
  for (const Member& member : list) {
    identities.emplace(member.id,
                       std::set<std::string>(member.peer_urls.begin(), member.peer_urls.end()),
                       member.is_learner);
  }
  return identities;
}

void RenderDistinct(Page& page, const Label& cluster, const Subject& subject) {
  const etcd::ClusterView& view = subject.view;
  const auto answers = etcd::StatusByMember(view, subject.cluster_id());
  if (answers.empty()) return;
  std::uint64_t term = 0;
  for (const auto& [id, answer] : answers) term = std::max(term, answer->status.value->raft_term);
  std::set<std::string> versions;
  std::set<std::uint64_t> leaders;
  for (const auto& [id, answer] : answers) {
    const MemberStatus& status = *answer->status.value;
    versions.insert(status.version);
    if (status.raft_term == term && status.leader_id != 0) leaders.insert(status.leader_id);
  }
  page.Gauge("cluster_distinct_versions",
             "Number of different server versions among the members; above 1 during an upgrade.",
             static_cast<double>(versions.size()), {cluster});
  page.Gauge("cluster_distinct_leaders",
             "Number of different leaders that members in the highest raft term believe in: 0 is a "
             "cluster without a leader, above 1 must not happen.",
             static_cast<double>(leaders.size()), {cluster});
}

// Of all that answered, strangers too.
void RenderClusterIds(Page& page, const Label& cluster, const Subject& subject) {
  const auto main = etcd::MainClusterId(subject.view, subject.cluster_id());
  std::set<std::uint64_t> cluster_ids;
  std::set<std::set<Identity>> lists;
  for (const EndpointView& endpoint : subject.view.endpoints) {
    if (!endpoint.status.ok()) continue;
    cluster_ids.insert(endpoint.status.value->cluster_id);
    if (endpoint.status.value->cluster_id != main) continue;
    if (endpoint.member_list && endpoint.member_list->ok()) {
      lists.insert(IdentitiesOf(*endpoint.member_list->value));
    }
  }
  if (!cluster_ids.empty()) {
    page.Gauge("cluster_distinct_cluster_ids",
               "Number of different cluster ids at the endpoints; above 1 some endpoint belongs to "
               "another cluster.",
               static_cast<double>(cluster_ids.size()), {cluster});
  }
  if (!lists.empty()) {
    page.Gauge(
        "cluster_distinct_member_lists",
        "Number of different member lists that members hold, by id, peer URLs and learner flag; "
        "above 1 for long, a member missed a change.",
        static_cast<double>(lists.size()), {cluster});
  }
}

// Endpoints whose member does not belong to the list; of one that is down nothing is known.
int CountUnknownEndpoints(const etcd::ClusterView& view, const KnownMembers& known) {
  const auto main = etcd::MainClusterId(view, known.cluster_id);
  const MemberList& members = known.members;
  return static_cast<int>(std::count_if(
      view.endpoints.begin(), view.endpoints.end(), [&](const EndpointView& endpoint) {
        if (!endpoint.status.ok()) return false;
        const MemberStatus& status = *endpoint.status.value;
        return status.cluster_id != main ||
               std::none_of(members.begin(), members.end(),
                            [&](const Member& member) { return member.id == status.member_id; });
      }));
}

// Listed members that no endpoint stands for. A member is covered if it was reached or
// if an endpoint has its address. An endpoint that is down and has the address of none (a name
// where the member gave an IP address) may stand for any one member, so an outage makes no blind
// spots of members that were covered before. A member that never started has no address to cover.
int CountUncovered(const etcd::ClusterView& view, const MemberList& members,
                   const std::set<std::uint64_t>& reached) {
  std::set<std::string> listed;
  for (const Member& member : members) {
    for (const std::string& url : member.client_urls) listed.insert(AddressOf(url));
  }
  std::set<std::string> dialled;
  int unidentified = 0;
  for (const EndpointView& endpoint : view.endpoints) {
    const std::string address = AddressOf(endpoint.endpoint.url);
    dialled.insert(address);
    // A discovered endpoint is that of a member, or of one that was removed since.
    if (!endpoint.status.ok() && !endpoint.discovered && !listed.contains(address)) ++unidentified;
  }
  const auto is_uncovered = [&](const Member& member) {
    return !member.client_urls.empty() && !reached.contains(member.id) &&
           std::none_of(member.client_urls.begin(), member.client_urls.end(),
                        [&](const std::string& url) { return dialled.contains(AddressOf(url)); });
  };
  const auto uncovered = std::count_if(members.begin(), members.end(), is_uncovered);
  return std::max(0, static_cast<int>(uncovered) - unidentified);
}

void RenderMembership(Page& page, const Label& cluster, const Subject& subject) {
  if (!subject.known) return;
  const MemberList& members = subject.known->members;
  const std::set<std::uint64_t> reached =
      etcd::ReachedMembers(subject.view, members, subject.cluster_id());
  const etcd::Voters voters = etcd::CountVoters(members, reached);
  constexpr std::string_view kMembersHelp =
      "Number of members in the agreed list, by role; a learner has no vote.";
  page.Gauge("cluster_members", kMembersHelp, voters.listed, {cluster, {"role", "voter"}});
  page.Gauge("cluster_members", kMembersHelp, static_cast<double>(members.size()) - voters.listed,
             {cluster, {"role", "learner"}});
  page.Gauge("cluster_member_list_timestamp_seconds",
             "When the agreed member list was last fetched; it is kept while nobody answers.",
             ToUnixSeconds(subject.known->fetched), {cluster});
  page.Gauge("cluster_voters_reachable",
             "Number of listed voters that answered Status, be it that they refused our user.",
             voters.reachable, {cluster});
  page.Gauge(
      "cluster_failure_tolerance",
      "Number of reachable voters that can fail before quorum is lost; negative if it is lost as "
      "seen from here.",
      voters.FailureTolerance(), {cluster});
  page.Gauge(
      "cluster_client_urls_uncovered",
      "Number of listed members that no endpoint stands for, configured or discovered: blind "
      "spots of this exporter.",
      CountUncovered(subject.view, members, reached), {cluster});
  const auto& endpoints = subject.view.endpoints;
  if (std::any_of(endpoints.begin(), endpoints.end(),
                  [](const EndpointView& endpoint) { return endpoint.status.ok(); })) {
    page.Gauge("cluster_endpoints_unknown",
               "Number of endpoints, configured or discovered, whose member is not in the agreed "
               "list.",
               CountUnknownEndpoints(subject.view, *subject.known), {cluster});
  }
}

}  // namespace

void RenderCluster(Page& page, const Subject& subject) {
  const Label cluster{metrics::kClusterLabel, subject.cluster};
  RenderMembership(page, cluster, subject);
  RenderDistinct(page, cluster, subject);
  RenderClusterIds(page, cluster, subject);
  if (subject.expected_members) {
    page.Gauge("cluster_members_expected",
               "Number of members that the cluster should have, as configured.",
               *subject.expected_members, {cluster});
  }
  if (subject.view.auth_enabled) {
    page.Gauge("auth_enabled",
               "1 if etcd asks for users, as its answers to other calls tell; absent if they do "
               "not.",
               *subject.view.auth_enabled ? 1 : 0, {cluster});
  }
  if (subject.view.quorum_read) {
    page.Gauge(
        "cluster_quorum_read_success",
        "1 if a linearizable read of the member list went through, the proof of a working quorum; "
        "absent below etcd 3.5.",
        *subject.view.quorum_read ? 1 : 0, {cluster});
  }
}

}  // namespace warden::collector
