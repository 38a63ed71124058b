// The members of a cluster that does not exist yet, and the ids that etcd will give them.
//
// Every member computes the ids by itself from --initial-cluster and the token, so all must be
// given the same text, and whoever writes a data directory has to arrive at what etcd arrives at.
// Formula: etcd's server/etcdserver/api/membership (computeMemberID, genID), the same from 3.4 to
// 3.7; syntax: its types.NewURLsMap. Checked against `snapshot restore` of each version by
// tests/integration/restore_formats_test.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.h"
#include "exporter/restore/target.h"

namespace warden::restore {

struct NewMember {
  std::string name;
  std::vector<std::string> peer_urls;  // ascending, as text
  std::uint64_t id = 0;
  friend bool operator==(const NewMember&, const NewMember&) = default;
};

struct NewCluster {
  std::vector<NewMember> members;  // at least one, by ascending id
  std::string token;
  std::uint64_t id = 0;

  // nullptr if no member has that name.
  const NewMember* Find(std::string_view name) const;
};

// Reads the syntax of etcd's flag: "a=http://10.0.0.1:2380,b=http://10.0.0.2:2380"; a member with
// several URLs is named once for each. The ids depend on the exact text of a URL: as in etcd, its
// scheme becomes lower case, blanks around it go, and nothing else is changed (HOST and host make
// two ids).
//
// kInvalidArgument says what is wrong, without showing what might be a password. Refused is what
// etcd refuses: an entry that is not NAME=URL, a scheme that is none of http, https, unix and
// unixs, no port, a path (so a trailing slash, too), the same URL twice. And what etcd takes
// although no cluster can live with it: no token, a name that is empty or hard to see, a query, a
// user, a URL that differs from another one only in upper and lower case, and whatever
// config::ParseEndpoint knows to be no address. (Of sockets, 3.4 takes only unix://HOST:PORT, which
// is refused here.)
Result<NewCluster> ParseInitialCluster(std::string_view text, std::string_view token);

// The member as etcd keeps it in JSON: in the bucket `members` and in the log entry that adds it.
// Of a name, Go would escape <, > and &, which reads the same.
std::string MemberJson(const NewMember& member);

// Every member as a voter: a raftpb.ConfState on the wire, and as JSON in the bucket `meta`.
std::string ConfStateMessage(const NewCluster& cluster, Target target);
std::string ConfStateJson(const NewCluster& cluster);

}  // namespace warden::restore
