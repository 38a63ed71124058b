#include "exporter/etcd/quorum_proof.h"

#include <algorithm>

namespace warden::etcd {
namespace {

constexpr std::ptrdiff_t kReadersMax = 2;

}  // namespace

void QuorumProof::Sent(std::size_t endpoint) {
  ++Of(endpoint).in_flight;
}

void QuorumProof::CameBack(std::size_t endpoint) {
  --Of(endpoint).in_flight;
}

void QuorumProof::Succeeded(std::size_t endpoint) {
  Of(endpoint).succeeded = true;
}

void QuorumProof::Failed(std::size_t endpoint, Reason reason) {
  Of(endpoint).failure = reason;
}

bool QuorumProof::Choose(std::size_t endpoint, const MemberStatus& voter) {
  // 3.4 ignores that the read should be linearizable.
  if (!VersionAtLeast(voter.version, 3, 5)) return false;
  const MemberIdentity member{.cluster_id = voter.cluster_id, .member_id = voter.member_id};
  readable_.insert(member.cluster_id);
  // A member without a leader would only make the read wait for its time-out.
  if (voter.leader_id == 0) return false;
  const bool is_early = std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.endpoint == endpoint;
  });
  if (!is_early) {
    const auto counted = std::count_if(readers_.begin(), readers_.end(), [&](const Reader& reader) {
      return reader.CountsFor(member.cluster_id);
    });
    // Two endpoints may be one member.
    const bool is_read = std::any_of(readers_.begin(), readers_.end(),
                                     [&](const Reader& reader) { return reader.member == member; });
    if (Proven(member.cluster_id) || counted == kReadersMax || is_read) return false;
  }
  Of(endpoint).member = member;
  return !is_early;
}

bool QuorumProof::Proven(std::uint64_t cluster_id) const {
  return std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.CountsFor(cluster_id) && reader.succeeded;
  });
}

int QuorumProof::in_flight() const {
  int sum = 0;
  for (const Reader& reader : readers_) sum += reader.in_flight;
  return sum;
}

bool QuorumProof::IsOpen() const {
  return std::any_of(readers_.begin(), readers_.end(), [this](const Reader& reader) {
    return reader.in_flight > 0 && reader.member && !Proven(reader.member->cluster_id);
  });
}

std::optional<bool> QuorumProof::Verdict(std::optional<std::uint64_t> cluster_id) const {
  if (!cluster_id) return std::nullopt;
  if (Proven(*cluster_id)) return true;
  // Any other failure is a member's own and says nothing about the quorum.
  const bool unclear = std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.CountsFor(*cluster_id) && reader.failure &&
           *reader.failure != Reason::kNoLeader && *reader.failure != Reason::kTimeout;
  });
  return readable_.contains(*cluster_id) && !unclear ? std::optional(false) : std::nullopt;
}

QuorumProof::Reader& QuorumProof::Of(std::size_t endpoint) {
  const auto known = std::find_if(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.endpoint == endpoint;
  });
  if (known != readers_.end()) return *known;
  return readers_.emplace_back(Reader{.endpoint = endpoint});
}

}  // namespace warden::etcd
