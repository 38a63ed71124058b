#include "exporter/etcd/convert.h"

#include <algorithm>

#include "exporter/base/text.h"

namespace warden::etcd {

MemberStatus ToMemberStatus(const etcdserverpb::StatusResponse& response) {
  MemberStatus status;
  status.cluster_id = response.header().cluster_id();
  status.member_id = response.header().member_id();
  status.revision = response.header().revision();
  status.raft_term = response.raftterm();
  status.raft_index = response.raftindex();
  status.raft_applied_index = response.raftappliedindex();
  status.leader_id = response.leader();
  status.version = ToSingleLine(response.version(), 64);
  if (!response.storageversion().empty()) {
    status.storage_version = ToSingleLine(response.storageversion(), 64);
  }
  status.db_bytes = response.dbsize();
  status.db_in_use_bytes = response.dbsizeinuse();
  // 3.6.0 to 3.6.5 answer 0 for the default quota, which is not a size; negative means none.
  if (response.dbsizequota() != 0) status.quota_bytes = response.dbsizequota();
  status.is_learner = response.islearner();
  for (const std::string& error : response.errors()) status.errors.push_back(ToSingleLine(error));
  status.alarms = ParseAlarms(status.errors);
  if (VersionAtLeast(status.version, 3, 6)) {
    status.downgrade =
        Downgrade{.enabled = response.downgradeinfo().enabled(),
                  .target_version = ToSingleLine(response.downgradeinfo().targetversion(), 64)};
  }
  return status;
}

KvHash ToKvHash(const etcdserverpb::HashKVResponse& response, std::int64_t asked) {
  return {.cluster_id = response.header().cluster_id(),
          .member_id = response.header().member_id(),
          .hash = response.hash(),
          .compact_revision = response.compact_revision(),
          .revision = response.hash_revision() != 0 ? response.hash_revision() : asked,
          .current_revision = response.header().revision()};
}

std::optional<MemberIdentity> ToIdentity(const etcdserverpb::ResponseHeader& header) {
  if (header.cluster_id() == 0 || header.member_id() == 0) return std::nullopt;
  return MemberIdentity{.cluster_id = header.cluster_id(), .member_id = header.member_id()};
}

MemberList ToMemberList(const etcdserverpb::MemberListResponse& response) {
  MemberList members;
  for (const etcdserverpb::Member& sent : response.members()) {
    Member& member = members.emplace_back();
    member.id = sent.id();
    member.name = ToSingleLine(sent.name());
    for (const std::string& url : sent.peerurls()) member.peer_urls.push_back(ToSingleLine(url));
    for (const std::string& url : sent.clienturls()) {
      member.client_urls.push_back(ToSingleLine(url));
    }
    std::sort(member.peer_urls.begin(), member.peer_urls.end());
    std::sort(member.client_urls.begin(), member.client_urls.end());
    member.is_learner = sent.islearner();
  }
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
  return members;
}

}  // namespace warden::etcd
