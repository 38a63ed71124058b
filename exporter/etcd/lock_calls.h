// The calls to etcd that the lock makes, each through the endpoints in turn until one of them
// answers for the cluster.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "exporter/etcd/connections.h"

namespace warden::etcd {

// Thread-safe. Failures have etcd's code and say in one line which endpoint said what, and what to
// do about it where that is known.
class LockCalls {
 public:
  // `keys` is what all keys begin with, for the message of a refusal. `clock` outlives this.
  LockCalls(const ClusterOptions& options, std::string keys, Milliseconds rpc_timeout,
            const Clock& clock);

  struct Entry {
    std::string value;
    std::int64_t lease = 0;
  };
  // The key as a quorum knows it; nullopt: there is none. No raft entry.
  Result<std::optional<Entry>> Read(const std::string& key, const Deadline& deadline);

  struct Put {
    std::string key;
    std::string value;
    std::int64_t lease = 0;
    // The lease under which the key must be for it; 0: there must be no such key.
    std::int64_t instead_of = 0;
  };
  struct PutAnswer {
    bool done = false;
    std::optional<Entry> found;  // instead, if it is not done
  };
  // May have put even if it fails: its answer can be lost.
  Result<PutAnswer> TryPut(const Put& put, const Deadline& deadline);

  // The caller chooses the id, so that a grant whose answer was lost is repeated without harm.
  Status Grant(std::int64_t lease, Seconds ttl, const Deadline& deadline);
  // Its keys go with it. Success as well if there is no such lease.
  Status Revoke(std::int64_t lease, const Deadline& deadline);
  // False: there is no such lease any more. No raft entry.
  Result<bool> KeepAlive(std::int64_t lease, const Deadline& deadline);

 private:
  using Call = std::function<grpc::Status(Connection&, grpc::ClientContext&)>;
  Status Ask(const Deadline& deadline, const Call& call);
  Status Explain(const Connection& member, const RpcError& error) const;

  const std::string keys_;
  const Milliseconds rpc_timeout_;
  Connections connections_;
  std::atomic<std::size_t> first_ = 0;  // where the next call begins: what answered the last time
};

}  // namespace warden::etcd
