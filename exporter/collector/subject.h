// What one cluster's part of a page is rendered from: plain values, gathered before rendering
// starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporter/base/clock.h"
#include "exporter/etcd/view.h"

namespace warden::collector {

// A member list that the cluster agreed on, and when.
struct KnownMembers {
  std::uint64_t cluster_id = 0;
  etcd::MemberList members;
  WallTime fetched{};
  SteadyTime began{};  // of the view that told
};

// When the certificates expire that the configuration names, the earliest of each file; nullopt if
// there is no such file or it cannot be read.
struct CertificateTimes {
  std::optional<WallTime> client;
  std::optional<WallTime> ca;
};

struct Subject {
  std::string cluster;  // the configured name
  const etcd::ClusterView& view;
  // The newest agreed list, this view's or one remembered from before; nullopt if there never was
  // one.
  std::optional<KnownMembers> known;
  Milliseconds budget{};
  bool shared = false;  // the fan-out was started by another scrape
  // What the operator configured etcd with; used where the server does not say.
  std::optional<std::uint64_t> quota_backend_bytes;
  std::optional<int> expected_members;  // as configured
  CertificateTimes certificates;

  // The cluster as known from before, for the functions of etcd/membership.h.
  std::optional<std::uint64_t> cluster_id() const {
    return known ? std::optional(known->cluster_id) : std::nullopt;
  }
};

}  // namespace warden::collector
