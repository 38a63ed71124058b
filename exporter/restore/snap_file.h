// The .snap file of a cluster's first moment: a raft snapshot whose data is etcd's v2 store, as
// JSON, with the members and nothing else. 3.4 and 3.5 learn the members from it at their
// start, 3.6 loads it and believes the database; 3.7 does not read it, its `snapshot restore` still
// writes it.
//
// Format: etcd's server/etcdserver/api/snap and .../v2store. The tools also write the counters and
// the thousand places of the event history of that store; etcd starts without, so they are left
// out.
#pragma once

#include <string>

#include "exporter/restore/membership.h"
#include "exporter/restore/target.h"

namespace warden::restore {

// In `member/snap/`: "0000000000000001-0000000000000003.snap", term and index in hex.
std::string SnapFileName(const NewCluster& cluster);

// The same for every member.
std::string SnapFileBytes(const NewCluster& cluster, Target target);

}  // namespace warden::restore
