// What the members of a FakeCluster answer when they are asked for a hash.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/mutex.h"
#include "exporter/etcd/cluster.h"

namespace warden::testing {

// Thread-safe.
class FakeHashes {
 public:
  using Hook = std::function<void(const Deadline&)>;

  // What HashKv answers for the endpoint; an error otherwise.
  void SetHash(const std::string& url, etcd::RpcOutcome<etcd::KvHash> outcome) {
    MutexLock lock(mutex_);
    hashes_[url] = std::move(outcome);
  }
  // Called at the start of each HashKv, before its answer is looked up.
  void OnHash(Hook hook) {
    MutexLock lock(mutex_);
    hook_ = std::move(hook);
  }
  // The calls of HashKv so far, in order.
  std::vector<std::pair<std::string, std::int64_t>> hashed() const {
    MutexLock lock(mutex_);
    return hashed_;
  }

 protected:
  etcd::RpcOutcome<etcd::KvHash> Answer(const std::string& url, std::int64_t revision,
                                        const Deadline& deadline) {
    Hook hook;
    {
      MutexLock lock(mutex_);
      hashed_.emplace_back(url, revision);
      hook = hook_;
    }
    if (hook) hook(deadline);
    MutexLock lock(mutex_);
    const auto found = hashes_.find(url);
    if (found != hashes_.end()) return found->second;
    return {.error = etcd::RpcError{etcd::Reason::kOther, Code::kUnknown, "no hash for " + url}};
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, etcd::RpcOutcome<etcd::KvHash>> hashes_ WARDEN_GUARDED_BY(mutex_);
  Hook hook_ WARDEN_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, std::int64_t>> hashed_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::testing
