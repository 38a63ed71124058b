// Answers of a cluster that was just restored, and all is well: to be changed by the test that
// needs another one. Members are those of view_builder.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/restore/check.h"
#include "tests/support/view_builder.h"

namespace warden::restore {

inline constexpr std::int64_t kRestored = 4242;
inline constexpr std::uint32_t kSnapshotHash = 0xdeadbeef;

inline SnapshotFacts MakeFacts() {
  SnapshotFacts facts;
  facts.revision = kRestored;
  facts.hash = kSnapshotHash;
  facts.compact_revision = 4000;
  facts.keys = 500;
  facts.leases = 20;
  return facts;
}

// Of three members.
inline ExpectedCluster MakeExpected() {
  ExpectedCluster expected{.cluster = {}, .snapshot = MakeFacts(), .revision = kRestored};
  NewCluster& cluster = expected.cluster.emplace();
  cluster.id = testing::kClusterId;
  for (const etcd::Member& member : testing::MakeList(3)) {
    cluster.members.push_back(
        {.name = member.name, .peer_urls = member.peer_urls, .id = member.id});
  }
  return expected;
}

template <typename T>
etcd::RpcOutcome<T> Answer(T value) {
  etcd::RpcOutcome<T> outcome;
  outcome.value = std::move(value);
  return outcome;
}

inline etcd::RpcError MakeError(etcd::Reason reason, const std::string& message) {
  return {.reason = reason, .code = Code::kUnknown, .message = message};
}
inline etcd::RpcError Compacted() {
  return MakeError(etcd::Reason::kOther, "etcdserver: mvcc: required revision has been compacted");
}
inline etcd::RpcError NoUser() {
  return MakeError(etcd::Reason::kUnauthenticated, "etcdserver: user name is empty");
}

template <typename T>
etcd::RpcOutcome<T> Failure(etcd::RpcError error) {
  etcd::RpcOutcome<T> outcome;
  outcome.error = std::move(error);
  return outcome;
}

inline etcd::KvHash MakeHash(std::uint64_t member_id) {
  return {.cluster_id = testing::kClusterId,
          .member_id = member_id,
          .hash = kSnapshotHash,
          .compact_revision = 4000,
          .revision = kRestored,
          .current_revision = kRestored};
}

inline MemberAnswers MakeAnswers(int n) {
  MemberAnswers member;
  const etcd::EndpointView view = testing::MakeEndpoint(n, "3.5.16", {});
  member.identity = {.cluster_id = view.status.value->cluster_id,
                     .member_id = view.status.value->member_id};
  member.endpoint = view.endpoint;
  member.status = view.status;
  member.hash = Answer(MakeHash(member.identity.member_id));
  member.keys = Answer(etcd::KeyCount{.keys = 500, .sender = {}});
  member.keys_now = Answer(etcd::KeyCount{.keys = 501, .sender = {}});
  member.leases = Answer(etcd::LeaseCount{.leases = 20, .sender = {}});
  member.wanted_hash = kSnapshotHash;
  return member;
}

inline ClusterAnswers MakeAllAnswers() {
  ClusterAnswers answers;
  answers.cluster_id = testing::kClusterId;
  answers.members = {MakeAnswers(1), MakeAnswers(2), MakeAnswers(3)};
  answers.list = testing::MakeList(3);
  answers.hashed_revision = kRestored;
  answers.auth = Answer(false);
  return answers;
}

inline const ClusterCheck& Find(const ClusterReport& report, std::string_view name) {
  return *std::ranges::find(report.checks, name, &ClusterCheck::name);
}

inline void PrintTo(CheckVerdict verdict, std::ostream* out) {
  *out << VerdictName(verdict);
}

}  // namespace warden::restore
