#include <algorithm>
#include <map>
#include <set>

#include "exporter/base/text.h"
#include "exporter/collector/render.h"
#include "exporter/etcd/membership.h"
#include "exporter/metrics/labels.h"

namespace warden::collector {
namespace {

using etcd::AlarmType;
using etcd::MemberStatus;
using metrics::Label;
using metrics::Page;

Label MemberLabel(std::uint64_t id) {
  return {metrics::kMemberLabel, FormatId(id)};
}

void RenderInfo(Page& page, const Label& cluster, const Subject& subject,
                const etcd::EndpointView& view) {
  const MemberStatus& status = *view.status.value;
  page.Gauge(
      "member_info",
      "Always 1; says which member answers at which endpoint, its name in the member list, its "
      "cluster and its versions, to be joined on member_id.",
      1,
      {cluster,
       {metrics::kEndpointLabel, view.endpoint.url},
       MemberLabel(status.member_id),
       {"member", subject.known ? etcd::MemberName(subject.known->members, status.member_id) : ""},
       {"cluster_id", FormatId(status.cluster_id)},
       {"version", status.version},
       {"storage_version", status.storage_version.value_or("")}});
}

void RenderListed(Page& page, const Label& cluster, const etcd::Member& listed, bool reached) {
  const Label member = MemberLabel(listed.id);
  page.Gauge("member_listed",
             "1 for every member in the list that the cluster agreed on; kept through an outage.",
             1, {cluster, member});
  page.Gauge("member_up", "1 if some endpoint reached the listed member in this scrape.",
             reached ? 1 : 0, {cluster, member});
  page.Gauge(
      "member_started",
      "0 while the member was added but never started; it counts towards quorum all the same.",
      listed.name.empty() ? 0 : 1, {cluster, member});
  page.Gauge("member_listed_as_learner", "1 if the member list has the member as a learner.",
             listed.is_learner ? 1 : 0, {cluster, member});
}

void RenderRole(Page& page, const Label& cluster, const Label& member, const MemberStatus& status) {
  page.Gauge("member_is_leader", "1 if the member names itself the leader.",
             status.leader_id == status.member_id ? 1 : 0, {cluster, member});
  page.Gauge("member_has_leader", "1 if the member knows a leader; without one it takes no writes.",
             status.leader_id != 0 ? 1 : 0, {cluster, member});
  if (status.leader_id != 0) {
    page.Gauge("member_leader_info",
               "Always 1; leader_id is the member_id of the leader that this member believes in.",
               1, {cluster, member, {"leader_id", FormatId(status.leader_id)}});
  }
}

void RenderRaft(Page& page, const Label& cluster, const Label& member, const MemberStatus& status) {
  page.Gauge("member_raft_term", "Raft term that the member is in; it grows with every election.",
             static_cast<double>(status.raft_term), {cluster, member});
  page.Gauge(
      "member_raft_index",
      "Raft index that the member knows to be committed; a member that falls behind the others "
      "lags.",
      static_cast<double>(status.raft_index), {cluster, member});
  page.Gauge("member_revision", "Newest revision of the key space that the member has applied.",
             static_cast<double>(status.revision), {cluster, member});
}

void RenderDatabase(Page& page, const Label& cluster, const Label& member,
                    const MemberStatus& status, std::optional<std::uint64_t> configured_quota) {
  page.Gauge("member_db_bytes",
             "Size of the member's database file; only defragmentation makes it smaller.",
             static_cast<double>(status.db_bytes), {cluster, member});
  double quota = static_cast<double>(configured_quota.value_or(0));
  // A negative quota is switched off.
  if (status.quota_bytes) quota = static_cast<double>(*status.quota_bytes);
  if (quota > 0) {
    page.Gauge(
        "member_quota_bytes",
        "Database size at which the member raises NOSPACE and writes stop; as the server says "
        "(3.6 or later), else as configured here.",
        quota, {cluster, member});
  }
}

// What etcd says since 3.4.
void RenderSince34(Page& page, const Label& cluster, const Label& member,
                   const MemberStatus& status) {
  if (!etcd::VersionAtLeast(status.version, 3, 4)) return;
  page.Gauge("member_is_learner", "1 if the member itself says that it is a learner.",
             status.is_learner ? 1 : 0, {cluster, member});
  page.Gauge("member_raft_applied_index", "Raft index that the member has applied to its database.",
             static_cast<double>(status.raft_applied_index), {cluster, member});
  page.Gauge(
      "member_db_in_use_bytes",
      "Part of the database file that holds data; the rest is what defragmentation would free.",
      static_cast<double>(status.db_in_use_bytes), {cluster, member});
  page.Gauge(
      "member_errors",
      "Errors that the member reports in its Status: raised alarms and the lack of a leader.",
      static_cast<double>(status.errors.size()), {cluster, member});
}

void RenderDowngrade(Page& page, const Label& cluster, const Label& member,
                     const MemberStatus& status) {
  if (!status.downgrade) return;
  page.Gauge("member_downgrade_enabled", "1 while a downgrade of the cluster is under way.",
             status.downgrade->enabled ? 1 : 0, {cluster, member});
  if (!status.downgrade->target_version.empty()) {
    page.Gauge("member_downgrade_target_info",
               "Always 1 while a downgrade has a target; target_version says which.", 1,
               {cluster, member, {"target_version", status.downgrade->target_version}});
  }
}

// Every member reports all alarms of the cluster, so one answer is enough to know them, and without
// any answer they are unknown rather than 0.
void RenderAlarms(Page& page, const Label& cluster, const std::set<std::uint64_t>& members,
                  const std::map<std::uint64_t, const etcd::EndpointView*>& answers) {
  if (answers.empty()) return;
  std::map<std::pair<std::uint64_t, AlarmType>, bool> raised;
  for (const std::uint64_t id : members) {
    raised[{id, AlarmType::kNoSpace}] = false;
    raised[{id, AlarmType::kCorrupt}] = false;
    raised[{id, AlarmType::kUnknown}] = false;
  }
  for (const auto& [reporter, view] : answers) {
    for (const etcd::Alarm& alarm : view->status.value->alarms) {
      if (alarm.member_id != 0) {
        // An alarm can outlive its member's removal and stops the writes of the others all the
        // same.
        raised[{alarm.member_id, alarm.type}] = true;
      } else {
        for (const std::uint64_t id : members) raised[{id, alarm.type}] = true;
      }
    }
  }
  for (const auto& [key, is_raised] : raised) {
    page.Gauge(
        "member_alarm",
        "1 while the alarm is raised for the member: NOSPACE stops writes, CORRUPT says that its "
        "data differs from the others'.",
        is_raised ? 1 : 0,
        {cluster, MemberLabel(key.first), {"alarm", std::string(AlarmName(key.second))}});
  }
}

}  // namespace

void RenderMembers(Page& page, const Subject& subject) {
  const Label cluster{metrics::kClusterLabel, subject.cluster};
  for (const etcd::EndpointView& view : subject.view.endpoints) {
    if (view.status.ok()) RenderInfo(page, cluster, subject, view);
  }

  const auto answers = etcd::StatusByMember(subject.view, subject.cluster_id());
  std::set<std::uint64_t> members;
  for (const auto& [id, view] : answers) {
    members.insert(id);
    const MemberStatus& status = *view->status.value;
    const Label member = MemberLabel(id);
    RenderRole(page, cluster, member, status);
    RenderRaft(page, cluster, member, status);
    RenderDatabase(page, cluster, member, status, subject.quota_backend_bytes);
    RenderSince34(page, cluster, member, status);
    RenderDowngrade(page, cluster, member, status);
  }
  if (subject.known) {
    const std::set<std::uint64_t> reached =
        etcd::ReachedMembers(subject.view, subject.known->members, subject.cluster_id());
    for (const etcd::Member& listed : subject.known->members) {
      members.insert(listed.id);
      RenderListed(page, cluster, listed, reached.contains(listed.id));
    }
  }
  RenderAlarms(page, cluster, members, answers);
}

}  // namespace warden::collector
