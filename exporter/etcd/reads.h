// What is asked of one member about the keys, leases and users that it has: to compare a cluster
// with the backup that it was made from. Nothing here changes what etcd holds.
//
// Calls are made as the backup user, which needs the role root. All block until the deadline at
// most. A failure says in `reason` what it comes from, such as kPermissionDenied; a revision that
// was compacted, or that the member has not reached yet, is of code kOutOfRange.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "exporter/etcd/cluster.h"

namespace warden::etcd {

enum class Consistency {
  kLinearizable,  // as a quorum knows it; takes up to 7 s to fail where there is none
  kSerializable,  // as the member itself knows it, be it behind the others
};

struct ReadAt {
  std::int64_t revision = 0;  // 0: the newest
  Consistency consistency = Consistency::kLinearizable;
};

// Who answered, and at which revision it was then.
struct Sender {
  MemberIdentity member;
  std::int64_t current_revision = 0;
};

struct KeyCount {
  std::uint64_t keys = 0;
  Sender sender;
};

struct LeaseCount {
  std::uint64_t leases = 0;
  Sender sender;
};

struct KeyEntry {
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;  // 1: as it was created
  std::int64_t lease = 0;    // 0: none
  friend bool operator==(const KeyEntry&, const KeyEntry&) = default;
};

// Thread-safe. Connects lazily, and keeps its connections to the endpoints of its options; any
// other endpoint is dialled anew for each call.
class Reads {
 public:
  virtual ~Reads() = default;

  // Of the whole key space.
  virtual RpcOutcome<KeyCount> CountKeys(const config::Endpoint& endpoint, const ReadAt& at,
                                         const Deadline& deadline) = 0;

  // The inner nullopt: there is no such key.
  virtual RpcOutcome<std::optional<KeyEntry>> ReadKey(const config::Endpoint& endpoint,
                                                      const std::string& key, const ReadAt& at,
                                                      const Deadline& deadline) = 0;

  // Whether there is the key, without its value.
  virtual RpcOutcome<bool> HasKey(const config::Endpoint& endpoint, const std::string& key,
                                  const ReadAt& at, const Deadline& deadline) = 0;

  // As the member itself knows them, now: there is no other way to ask.
  virtual RpcOutcome<LeaseCount> CountLeases(const config::Endpoint& endpoint,
                                             const Deadline& deadline) = 0;

  // Whether etcd asks for users. A refusal for want of a user or of its rights is an answer: that
  // it does. Needs a quorum, and costs one raft entry; 3.4 lacks the call, and is asked in another
  // way.
  virtual RpcOutcome<bool> AuthEnabled(const config::Endpoint& endpoint,
                                       const Deadline& deadline) = 0;
};

// `clock` outlives it.
std::unique_ptr<Reads> MakeReads(const ClusterOptions& options, const Clock& clock);

// What ReadKey says of each of `keys`, in their order, one call after another up to the first that
// fails. For a picture of one moment, name the revision.
RpcOutcome<std::vector<std::optional<KeyEntry>>> ReadKeys(Reads& reads,
                                                          const config::Endpoint& endpoint,
                                                          std::span<const std::string> keys,
                                                          const ReadAt& at,
                                                          const Deadline& deadline);

}  // namespace warden::etcd
