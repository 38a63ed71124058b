// The lock between wardens: of several that watch one etcd cluster, one does a piece of work. It is
// the only thing here that writes to etcd, and only where the configuration asks for it.
//
// A claim is the key `prefix/work` under a lease that is kept alive while the work goes on; a mark
// that says who did it takes the key's place afterwards. Every key has a lease, so nothing stays
// for ever. Where etcd cannot say whose the work is, it is everybody's: at least once beats never.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/etcd/cluster.h"

namespace warden::etcd {

enum class ClaimVerdict {
  kOurs,         // it is for us to do the work, then to call Done or GiveUp
  kDone,         // another one has done it
  kHeld,         // another one is at it: ask again in a while
  kUnavailable,  // etcd cannot say: do the work all the same, then call Done or GiveUp as well
};

// While it lives, its lease is kept alive by a thread of its own. A claim that is dropped without
// Done or GiveUp lapses after the ttl, as that of a process that died.
class KeptAlive {
 public:
  virtual ~KeptAlive() = default;
};

// One claim on one piece of work. Moved, never copied; it may outlive its lock.
struct Claim {
  ClaimVerdict verdict = ClaimVerdict::kUnavailable;
  std::string holder;      // kDone, kHeld: who has it, as WorkLockOptions::holder
  std::string result;      // kDone: what Done was given
  std::string reason;      // kUnavailable: why, in one line
  std::string work;        // as it was claimed
  std::int64_t lease = 0;  // of the key that is ours or, kUnavailable, that may be; 0: none
  std::unique_ptr<KeptAlive> kept;
};

// Thread-safe. It stands between locks, not between the threads that share one: what a lock claims
// a second time while it holds it is kOurs again. So the key of a call whose answer was lost is
// recognised when the work is claimed once more.
class WorkLock {
 public:
  virtual ~WorkLock() = default;

  // `work` is any bytes: "the tick of 10:00". Costs etcd no raft entry if another one has it, else
  // two. Blocks for about twice the rpc_timeout at most, whatever the deadline.
  virtual Claim TryClaim(std::string_view work, const Deadline& deadline) = 0;

  // The work is done: the mark with `result` stays for mark_ttl. Fails with kAborted if the claim
  // was lost meanwhile (cut off for longer than the ttl) and another one has the work by now. If
  // nobody has, the mark is left all the same, also for a kUnavailable. On other failures the claim
  // lapses, or has become the mark already.
  virtual Status Done(Claim& claim, std::string_view result, const Deadline& deadline) = 0;

  // The work is not done, and another one may claim it at once. On failure after the ttl.
  virtual Status GiveUp(Claim& claim, const Deadline& deadline) = 0;
};

struct WorkLockOptions {
  std::string prefix = "/etcd-warden";  // of the keys, without the slash that follows
  std::string holder;                   // how others see us: host and process
  Seconds ttl{30};                      // how long a claim outlives its holder; etcd's least is 2
  Seconds mark_ttl{86'400};
  Milliseconds rpc_timeout{2'500};  // for one call to one endpoint
};

// As the backup user, over connections and with a token of its own; connects lazily. The endpoints
// are asked in turn until one answers for the cluster. `clock` outlives the lock and its claims.
std::unique_ptr<WorkLock> MakeWorkLock(const ClusterOptions& cluster,
                                       const WorkLockOptions& options, const Clock& clock);

}  // namespace warden::etcd
