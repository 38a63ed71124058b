#include "exporter/app/describe.h"

#include <array>
#include <cstdio>

#include "exporter/base/text.h"
#include "exporter/etcd/membership.h"

namespace warden::app {
namespace {

std::string Duration(Nanoseconds duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f s", ToSeconds(duration));
  return text.data();
}

std::string Failure(const etcd::RpcError& error) {
  return "failed (" + std::string(etcd::ReasonName(error.reason)) + "): " + error.message;
}

// One call: its name, how long it took, what came of it.
template <typename T, typename Answer>
std::string Call(const std::string& name, const etcd::RpcOutcome<T>& outcome,
                 const Answer& answer) {
  return "  " + name + ", " + Duration(outcome.duration) + ": " +
         (outcome.ok() ? answer(*outcome.value) : Failure(*outcome.error)) + "\n";
}

std::string Answer(const etcd::MemberStatus& status) {
  std::string text =
      "member " + FormatId(status.member_id) + " of cluster " + FormatId(status.cluster_id) +
      ", etcd " + status.version + ", " + (status.is_learner ? "learner, " : "") +
      (status.leader_id == 0 ? "no leader" : "leader " + FormatId(status.leader_id)) + ", term " +
      std::to_string(status.raft_term) + ", index " + std::to_string(status.raft_index) +
      ", revision " + std::to_string(status.revision) + ", database " +
      FormatBytes(static_cast<std::uint64_t>(status.db_bytes));
  for (const std::string& error : status.errors) text += ", error \"" + error + "\"";
  return text;
}

std::string Answer(const etcd::MemberList& list) {
  std::string text = std::to_string(list.size()) + " members";
  for (const etcd::Member& member : list) {
    text += "\n    " + FormatId(member.id) + " " +
            (member.name.empty() ? "(never started)" : member.name) +
            (member.is_learner ? " (learner)" : "") + ", clients " +
            (member.client_urls.empty() ? "nowhere" : Join(member.client_urls, " ")) + ", peers " +
            Join(member.peer_urls, " ");
  }
  return text;
}

std::string Describe(const etcd::EndpointView& view) {
  std::string text = "\n" + view.endpoint.url + (view.discovered ? " (discovered)" : "") +
                     (view.endpoint.tls ? ", TLS" : ", plain text") + ", dialled as " +
                     view.endpoint.target + "\n";
  if (view.certificate) {
    text += "  server certificate until " + FormatTime(view.certificate->leaf_not_after) +
            ", its chain until " + FormatTime(view.certificate->chain_not_after) + "\n";
  }
  text += Call("Status", view.status, [](const auto& value) { return Answer(value); });
  if (view.member_list) {
    text += Call("MemberList", *view.member_list, [](const auto& value) { return Answer(value); });
  } else {
    text += "  MemberList: not sent\n";
  }
  return text;
}

std::string Tell(const std::optional<bool>& fact, const char* yes, const char* no,
                 const char* unknown) {
  if (!fact) return unknown;
  return *fact ? yes : no;
}

}  // namespace

std::string DescribeObservation(const collector::Subject& subject) {
  const etcd::ClusterView& view = subject.view;
  std::string text =
      "Cluster " + subject.cluster + " at " + FormatTime(view.started) + "\n" + "budget " +
      Duration(subject.budget) + ", took " + Duration(view.duration) +
      (subject.shared ? ", shared with another scrape" : "") + "\n" + "quorum read: " +
      Tell(view.quorum_read, "went through", "failed", "not sent (etcd below 3.5?)") +
      "\nauthentication: " + Tell(view.auth_enabled, "on", "off", "unknown") + "\n";
  if (subject.known) {
    const etcd::MemberList& members = subject.known->members;
    const etcd::Voters voters =
        etcd::CountVoters(members, etcd::ReachedMembers(view, members, subject.cluster_id()));
    text += "member list of " + FormatTime(subject.known->fetched) + ": " +
            std::to_string(voters.listed) + " voters, " + std::to_string(voters.reachable) +
            " reachable\n";
  } else {
    text += "member list: none known\n";
  }
  for (const etcd::EndpointView& endpoint : view.endpoints) text += Describe(endpoint);
  return text;
}

}  // namespace warden::app
