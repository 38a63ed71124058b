// What a cluster's answers taught beyond the scrape that they belong to.
#pragma once

#include <cstdint>
#include <optional>

#include "exporter/base/mutex.h"
#include "exporter/etcd/view.h"

namespace warden::etcd {

// What the last observation found at an endpoint. By that the next one asks it more than its Status
// right away, and forgets the answers if the Status says otherwise.
enum class Seen {
  kNoVoter,  // or nothing
  kVoter,
  kReader,  // a voter through which the quorum can be proven: 3.5 or later, and it knew a leader
  kLeader,  // and was it
};
Seen SeenIn(const RpcOutcome<MemberStatus>& status);

// Thread-safe. Nothing is ever asked for its sake.
class ClusterMemory {
 public:
  // Whether etcd asks for users, by the last answer that told; nullopt if none did. Not noticed is
  // authentication that was turned off while servers still accept the token in use, which newer
  // ones do without a word.
  std::optional<bool> auth_enabled() const WARDEN_EXCLUDES(mutex_);

  // A call failed: for want of a user or of its rights it proves that etcd asks for users.
  void SawFailure(Reason reason) WARDEN_EXCLUDES(mutex_);
  // Authenticate gave a token, or said that authentication is not enabled.
  void SawAuthentication(bool enabled) WARDEN_EXCLUDES(mutex_);

  // The cluster that a fan-out found at the endpoints; true if it is another than the last.
  bool SawCluster(std::uint64_t id) WARDEN_EXCLUDES(mutex_);
  std::optional<std::uint64_t> cluster_id() const WARDEN_EXCLUDES(mutex_);  // the last one
  // Nobody of that cluster answers, and most endpoints refuse our user: it may have been rebuilt,
  // with an id that only a fresh token can show.
  void DoubtCluster() WARDEN_EXCLUDES(mutex_);
  // False for the id of a stranger; 0: a server did not say. In doubt, nobody is one.
  bool MayBeOurs(std::uint64_t cluster_id) const WARDEN_EXCLUDES(mutex_);
  // What is known of authentication was of another cluster.
  void ForgetAuthentication() WARDEN_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::optional<bool> auth_enabled_ WARDEN_GUARDED_BY(mutex_);
  std::optional<std::uint64_t> cluster_id_ WARDEN_GUARDED_BY(mutex_);
  bool doubted_ WARDEN_GUARDED_BY(mutex_) = false;
};

}  // namespace warden::etcd
