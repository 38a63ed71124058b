// What the linearizable reads of one fan-out prove about the quorum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "exporter/etcd/view.h"

namespace warden::etcd {

// Reads go through two members that know a leader, so that one that hangs disproves nothing. One
// may be sent early, before its endpoint's Status is there; it counts once that turns out to be
// what a read would have been sent for. Which cluster the view is of shows at its end, so that
// every cluster at the endpoints gets its own reads, and no proof is another's. Not thread-safe.
class QuorumProof {
 public:
  // A read through the endpoint left or came back; one that was refused may leave again.
  void Sent(std::size_t endpoint);
  void CameBack(std::size_t endpoint);
  // How it went, as long as no other one through the endpoint went otherwise.
  void Succeeded(std::size_t endpoint);
  void Failed(std::size_t endpoint, Reason reason);

  // A voter's Status is there: whether to send a read through its endpoint now.
  bool Choose(std::size_t endpoint, const MemberStatus& voter);

  bool Proven(std::uint64_t cluster_id) const;
  int in_flight() const;
  // Whether a read in flight may tell something yet about its cluster.
  bool IsOpen() const;
  // Of the cluster, as ClusterView says it; nullopt if it is unknown.
  std::optional<bool> Verdict(std::optional<std::uint64_t> cluster_id) const;

 private:
  struct Reader {
    std::size_t endpoint = 0;
    int in_flight = 0;
    std::optional<MemberIdentity> member;  // by Status, from when on the read counts
    bool succeeded = false;
    std::optional<Reason> failure;

    bool CountsFor(std::uint64_t cluster_id) const {
      return member && member->cluster_id == cluster_id;
    }
  };
  Reader& Of(std::size_t endpoint);

  std::vector<Reader> readers_;
  std::set<std::uint64_t> readable_;  // clusters of which a voter of 3.5 or later has answered
};

}  // namespace warden::etcd
