// The whole cluster as `status` sees it: every endpoint given and every member that the list names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/etcd/cluster.h"

namespace warden::cli {

struct Report {
  std::string endpoint;                      // the URL asked; empty if the member has none
  std::optional<etcd::Member> listed;        // nullopt: in no member list
  std::optional<etcd::MemberStatus> status;  // nullopt: did not answer
  std::vector<std::string> faults;           // empty: healthy
};

// Asks the given endpoints, then, in parallel, every listed member that did not answer there under
// its advertised client URLs. One report per member, in the order of the list, then one per
// endpoint that belongs to none. Both rounds together end at the deadline.
std::vector<Report> Survey(const etcd::ClusterOptions& options, const Clock& clock,
                           const Deadline& deadline);

}  // namespace warden::cli
