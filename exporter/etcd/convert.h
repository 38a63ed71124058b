// etcd's messages as values of the house.
#pragma once

#include <optional>

#include "exporter/etcd/cluster.h"
#include "exporter/proto/etcd.pb.h"

namespace warden::etcd {

// Fields that 3.6 brought are nullopt where the server's version is older or the value is unset.
MemberStatus ToMemberStatus(const etcdserverpb::StatusResponse& response);

// `asked` is the revision of the request, which a server below 3.6 does not repeat.
KvHash ToKvHash(const etcdserverpb::HashKVResponse& response, std::int64_t asked);

// nullopt if the header does not say.
std::optional<MemberIdentity> ToIdentity(const etcdserverpb::ResponseHeader& header);

// Sorted by id, so that equal lists compare equal whichever member sent them.
MemberList ToMemberList(const etcdserverpb::MemberListResponse& response);

}  // namespace warden::etcd
