// etcd's messages as values of the house.
#pragma once

#include "exporter/etcd/view.h"
#include "exporter/proto/etcd.pb.h"

namespace warden::etcd {

// Fields that 3.6 brought are nullopt where the server's version is older or the value is unset.
MemberStatus ToMemberStatus(const etcdserverpb::StatusResponse& response);

// Sorted by id, so that equal lists compare equal whichever member sent them.
MemberList ToMemberList(const etcdserverpb::MemberListResponse& response);

}  // namespace warden::etcd
