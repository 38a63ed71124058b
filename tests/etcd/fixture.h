// What the tests of a whole cluster share.
#pragma once

#include <atomic>
#include <initializer_list>
#include <stop_token>
#include <utility>

#include "exporter/etcd/cluster.h"
#include "tests/support/fake_etcd.h"

namespace warden::etcd {

// For whatever ends by itself: it is never waited out.
inline constexpr Seconds kPlenty{30};
// For what a test wants to see run out.
inline constexpr Milliseconds kShort{300};

inline const Clock& TestClock() {
  static const SystemClock clock;
  return clock;
}

// Runs, and is ahead by what a test skipped: for what ages.
class SkippingClock final : public Clock {
 public:
  WallTime Now() const override { return TestClock().Now() + skipped_.load(); }
  SteadyTime Steady() const override { return TestClock().Steady() + skipped_.load(); }
  void Skip(Seconds by) { skipped_ = skipped_.load() + by; }
  Deadline Within(Milliseconds patience) const { return {.at = Steady() + patience, .stop = {}}; }

 private:
  std::atomic<Seconds> skipped_ = Seconds(0);
};

inline Deadline Within(Milliseconds patience, std::stop_token stop = {}) {
  return {.at = TestClock().Steady() + patience, .stop = std::move(stop)};
}

inline ClusterOptions OptionsFor(std::initializer_list<config::Endpoint> endpoints) {
  ClusterOptions options;
  options.endpoints = endpoints;
  return options;
}

// One observation of a cluster of its own.
inline ClusterView ObserveOnce(const ClusterOptions& options, const Deadline& deadline) {
  return MakeCluster(options, TestClock())->Observe(deadline)->Wait();
}

inline std::optional<Reason> ReasonOf(const std::optional<RpcError>& error) {
  return error ? std::optional(error->reason) : std::nullopt;
}

inline Status AsStatus(const std::optional<RpcError>& error) {
  return error ? ToStatus(*error) : Status();
}

// So that a failed expectation shows words.
inline void PrintTo(Reason reason, std::ostream* out) {
  *out << ReasonName(reason);
}

}  // namespace warden::etcd
