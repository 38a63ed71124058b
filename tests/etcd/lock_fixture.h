// What the tests of the lock between wardens share.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "exporter/etcd/lock.h"
#include "tests/etcd/fixture.h"

namespace warden::etcd {

inline void PrintTo(ClaimVerdict verdict, std::ostream* out) {
  constexpr std::array<std::string_view, 4> kNames = {"ours", "done", "held", "unavailable"};
  *out << kNames.at(static_cast<std::size_t>(verdict));
}

inline constexpr std::int64_t kTtl = 30;
inline constexpr std::int64_t kMarkTtl = 86'400;
inline constexpr std::string_view kTick = "tick/10:00";
inline const std::string kKey = "/etcd-warden/tick/10:00";

inline const grpc::Status kTimedOut(grpc::StatusCode::UNAVAILABLE, "etcdserver: request timed out");
inline const grpc::Status kNoSpace(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                   "etcdserver: mvcc: database space exceeded");

// Two members of one cluster, and locks that ask `first_` first.
class Lock : public ::testing::Test {
 protected:
  static WorkLockOptions Named(const std::string& holder) {
    WorkLockOptions options;
    options.holder = holder;
    return options;
  }

  std::unique_ptr<WorkLock> MakeLock(const WorkLockOptions& options) {
    ClusterOptions cluster = OptionsFor({first_.endpoint(), second_.endpoint()});
    cluster.auth = auth_;
    cluster.backup_auth = backup_auth_;
    return MakeWorkLock(cluster, options, TestClock());
  }

  static Claim TryClaim(WorkLock& lock) { return lock.TryClaim(kTick, Within(kPlenty)); }
  static Status Done(WorkLock& lock, Claim& claim) {
    return lock.Done(claim, "backup 7", Within(kPlenty));
  }

  int Count(testing::Rpc rpc) const { return first_.Count(rpc) + second_.Count(rpc); }

  void FailBoth(testing::Rpc rpc, const grpc::Status& status) {
    first_.Fail(rpc, status);
    second_.Fail(rpc, status);
  }

  int CountLeases(std::int64_t ttl) const {
    int count = 0;
    for (const auto& [lease, granted] : kv_->leases()) count += granted == ttl ? 1 : 0;
    return count;
  }

  std::optional<config::AuthConfig> auth_;
  std::optional<config::AuthConfig> backup_auth_;
  const std::shared_ptr<testing::FakeEtcdKv> kv_ = std::make_shared<testing::FakeEtcdKv>();
  testing::FakeEtcd first_{std::nullopt, 0, "127.0.0.1", kv_};
  testing::FakeEtcd second_{std::nullopt, 0, "127.0.0.1", kv_};
  std::unique_ptr<WorkLock> a_ = MakeLock(Named("a"));
  std::unique_ptr<WorkLock> b_ = MakeLock(Named("b"));
};

}  // namespace warden::etcd
