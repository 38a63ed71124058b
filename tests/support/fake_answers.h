// What a fake member of etcd is asked, and its answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "exporter/proto/etcd.pb.h"

namespace warden::testing {

// Calls as the client means them: kQuorumRead is the linearizable MemberList.
enum class Rpc {
  kStatus,
  kMemberList,
  kQuorumRead,
  kRange,
  kAuthenticate,
  kSnapshot,
  kHashKv,
  kTxn,
  kLeaseGrant,
  kLeaseRevoke,
  kLeaseKeepAlive,
  kLeaseLeases,
  kAuthStatus
};
inline constexpr std::size_t kRpcCount = 13;

// One step of a snapshot stream.
struct SnapshotStep {
  enum class Kind {
    kMessage,
    kHang,          // until Release, or until the client gives up
    kEmptyForever,  // the message again and again, as etcd does when it cannot read its database
  };
  Kind kind = Kind::kMessage;
  std::uint64_t remaining_bytes = 0;
  std::string blob;
  std::string version;
};

// A healthy member's Status: `leader` is a member id, 0 for none.
inline etcdserverpb::StatusResponse MakeStatusResponse(std::uint64_t member_id,
                                                       std::uint64_t leader,
                                                       const std::string& version) {
  etcdserverpb::StatusResponse response;
  response.mutable_header()->set_cluster_id(0xef37ad9dc622a7c4);
  response.mutable_header()->set_member_id(member_id);
  response.mutable_header()->set_revision(4242);
  response.mutable_header()->set_raft_term(7);
  response.set_version(version);
  response.set_leader(leader);
  response.set_raftindex(5000);
  response.set_raftterm(7);
  response.set_raftappliedindex(4999);
  response.set_dbsize(20'480'000);
  response.set_dbsizeinuse(12'288'000);
  return response;
}

// Voters of these ids, named "m<id>".
inline etcdserverpb::MemberListResponse MakeMemberListResponse(
    const std::vector<std::uint64_t>& ids) {
  etcdserverpb::MemberListResponse response;
  response.mutable_header()->set_cluster_id(0xef37ad9dc622a7c4);
  for (const std::uint64_t id : ids) {
    etcdserverpb::Member& member = *response.add_members();
    member.set_id(id);
    member.set_name("m" + std::to_string(id));
    member.add_peerurls("http://127.0.0.1:2380");
    member.add_clienturls("http://127.0.0.1:2379");
  }
  return response;
}

}  // namespace warden::testing
