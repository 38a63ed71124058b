// The keys and leases of a fake etcd cluster. No time passes here: a lease ends when a test says
// so.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "exporter/base/mutex.h"
#include "exporter/proto/etcd.pb.h"

namespace warden::testing {

// Thread-safe.
class FakeEtcdKv {
 public:
  // As the calls of their names, refusals in etcd's words. Range knows one moment only, whatever
  // revision is asked for.
  grpc::Status Range(const etcdserverpb::RangeRequest& request,
                     etcdserverpb::RangeResponse& response) const WARDEN_EXCLUDES(mutex_);
  grpc::Status Txn(const etcdserverpb::TxnRequest& request, etcdserverpb::TxnResponse& response)
      WARDEN_EXCLUDES(mutex_);
  grpc::Status Grant(const etcdserverpb::LeaseGrantRequest& request) WARDEN_EXCLUDES(mutex_);
  grpc::Status Revoke(std::int64_t lease) WARDEN_EXCLUDES(mutex_);
  std::int64_t KeepAlive(std::int64_t lease) const WARDEN_EXCLUDES(mutex_);  // the TTL; 0: gone

  struct Entry {
    std::string value;
    std::int64_t lease = 0;
    // As the test says: no revision is counted here.
    std::int64_t create_revision = 1;
    std::int64_t mod_revision = 1;
    std::int64_t version = 1;
  };
  std::optional<Entry> Find(const std::string& key) const WARDEN_EXCLUDES(mutex_);
  // By somebody else.
  void Put(const std::string& key, Entry entry) WARDEN_EXCLUDES(mutex_);
  std::map<std::int64_t, std::int64_t> leases() const WARDEN_EXCLUDES(mutex_);  // id to TTL
  // All leases of that TTL run out.
  void Expire(std::int64_t ttl) WARDEN_EXCLUDES(mutex_);

 private:
  std::optional<Entry> FindLocked(const std::string& key) const WARDEN_REQUIRES(mutex_);
  void Drop(std::int64_t lease) WARDEN_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ WARDEN_GUARDED_BY(mutex_);
  std::map<std::int64_t, std::int64_t> leases_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::testing
