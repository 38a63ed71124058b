// What the tests of a whole cluster share.
#pragma once

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

// So that a failed expectation shows words.
inline void PrintTo(Reason reason, std::ostream* out) {
  *out << ReasonName(reason);
}

}  // namespace warden::etcd
