// Views of clusters in known situations, to be changed by the test that needs another one: views
// are plain values. Member n (1 to 4) is named "m<n>" and listens on https://10.0.0.1<n>:2379.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "exporter/etcd/view.h"

namespace warden::testing {

inline constexpr std::uint64_t kClusterId = 0xef37ad9dc622a7c4;
inline constexpr std::uint64_t kForeignClusterId = 0xcdf818194e3a8c32;
// Sorted, as member lists are; the third has fewer digits than the others.
inline constexpr std::array<std::uint64_t, 5> kMemberIds = {
    0, 0x8211f1d0f64f3269, 0x91bc3c398fb3c146, 0xa5c40fe21b7d396, 0xfd422379fda50e48};
inline constexpr WallTime kViewTime{Seconds(1'795'428'900)};  // 2026-11-23T10:15:00Z

inline std::string HostOf(int n) {
  return "https://10.0.0.1" + std::to_string(n);
}

inline etcd::Member MakeMember(int n) {
  return {.id = kMemberIds.at(static_cast<std::size_t>(n)),
          .name = "m" + std::to_string(n),
          .peer_urls = {HostOf(n) + ":2380"},
          .client_urls = {HostOf(n) + ":2379"},
          .is_learner = false};
}

// Members 1 to `count`, sorted by id.
inline etcd::MemberList MakeList(int count) {
  etcd::MemberList list;
  for (int n = 1; n <= count; ++n) list.push_back(MakeMember(n));
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return list;
}

// What member n answers in a healthy cluster that member 1 leads. From 3.6 on it says its quota,
// its storage version and that no downgrade is under way.
inline etcd::MemberStatus MakeStatus(int n, const std::string& version) {
  etcd::MemberStatus status;
  status.cluster_id = kClusterId;
  status.member_id = kMemberIds.at(static_cast<std::size_t>(n));
  status.revision = 4242;
  status.raft_term = 7;
  status.raft_index = 5000;
  status.raft_applied_index = 5000;
  status.leader_id = kMemberIds[1];
  status.version = version;
  status.db_bytes = 20'480'000;
  status.db_in_use_bytes = 12'288'000;
  if (etcd::VersionAtLeast(version, 3, 6)) {
    status.storage_version = "3.6.0";
    status.quota_bytes = 2'147'483'648;
    status.downgrade = etcd::Downgrade{};
  }
  return status;
}

inline etcd::EndpointView MakeEndpoint(int n, const std::string& version, etcd::MemberList list) {
  etcd::EndpointView view;
  view.endpoint = {.url = HostOf(n) + ":2379",
                   .target = "ipv4:10.0.0.1" + std::to_string(n) + ":2379",
                   .tls = true};
  view.status.value = MakeStatus(n, version);
  view.status.duration = Milliseconds(2 * n);
  view.status.finished = SteadyTime(Seconds(1000) + Milliseconds(2 * n));
  view.member_list.emplace();
  view.member_list->value = std::move(list);
  view.member_list->duration = Milliseconds(1);
  view.member_list->finished = view.status.finished + Milliseconds(1);
  return view;
}

// A healthy cluster of `count` voters, each with its endpoint.
inline etcd::ClusterView MakeView(int count = 3, const std::string& version = "3.4.23") {
  etcd::ClusterView view;
  view.started = kViewTime;
  view.duration = Milliseconds(2 * count + 1);
  for (int n = 1; n <= count; ++n) {
    view.endpoints.push_back(MakeEndpoint(n, version, MakeList(count)));
  }
  if (etcd::VersionAtLeast(version, 3, 5)) view.quorum_read = true;
  return view;
}

// The endpoint does not answer Status and is asked nothing else.
inline void FailStatus(etcd::EndpointView& view, etcd::Reason reason = etcd::Reason::kTimeout) {
  view.status = {};
  view.status.error = etcd::RpcError{
      .reason = reason,
      .code = reason == etcd::Reason::kTimeout ? Code::kDeadlineExceeded : Code::kUnavailable,
      .message = "status: " + std::string(ReasonName(reason))};
  view.status.duration = Milliseconds(1500);
  view.status.finished = SteadyTime(Seconds(1001) + Milliseconds(500));
  view.member_list.reset();
}

// Every endpoint that answers MemberList answers with this list.
inline void SetList(etcd::ClusterView& view, const etcd::MemberList& list) {
  for (etcd::EndpointView& endpoint : view.endpoints) {
    if (endpoint.member_list) endpoint.member_list->value = list;
  }
}

// Every endpoint that answers Status reports this error, as etcd words it, and the alarm it may
// name.
inline void ReportError(etcd::ClusterView& view, const std::string& error) {
  for (etcd::EndpointView& endpoint : view.endpoints) {
    if (!endpoint.status.ok()) continue;
    endpoint.status.value->errors.push_back(error);
    endpoint.status.value->alarms = etcd::ParseAlarms(endpoint.status.value->errors);
  }
}

}  // namespace warden::testing
