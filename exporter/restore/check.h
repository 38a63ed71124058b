// Whether the cluster that runs is the one that was restored: what its members answer, compared
// with the plan and with what the snapshot holds. Pure; check_gather.h asks the members.
//
// A restored cluster is in use at once. So what is compared is of the revision with which it began,
// as long as it has not compacted that, and what moves on by itself (leases, the revision) is an
// error only where it cannot have moved so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/json.h"
#include "exporter/etcd/cluster.h"
#include "exporter/etcd/reads.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

struct ExpectedCluster {
  std::optional<NewCluster> cluster;  // nullopt: there is no plan, whoever is listed is expected
  SnapshotFacts snapshot;
  std::int64_t revision = 0;  // that it began with
  bool is_bumped = false;     // and that it has forgotten all history before
  bool keeps_alarms = false;
};
ExpectedCluster ExpectedOf(const Plan& plan);
// Restored by another tool, without a bump as far as anybody knows.
ExpectedCluster ExpectedOf(const SnapshotFacts& snapshot);

// One member. An outcome that has neither value nor error was not asked for.
struct MemberAnswers {
  etcd::MemberIdentity identity;
  config::Endpoint endpoint;
  etcd::RpcOutcome<etcd::MemberStatus> status;
  etcd::RpcOutcome<etcd::KvHash> hash;
  etcd::RpcOutcome<etcd::KeyCount> keys;      // at the revision that it began with
  etcd::RpcOutcome<etcd::KeyCount> keys_now;  // the newest, as a quorum knows them
  etcd::RpcOutcome<etcd::LeaseCount> leases;
  // What `hash` would be with all that the snapshot had; else why that cannot be told.
  std::optional<std::uint32_t> wanted_hash;
  std::string why_no_hash;
};

struct SilentEndpoint {
  std::string url;
  std::string why;
  bool refuses = false;  // it runs, and tells our user nothing
};

struct ClusterAnswers {
  std::uint64_t cluster_id = 0;        // the expected one or, without a plan, the main one; 0: none
  std::vector<MemberAnswers> members;  // whoever answered, once, of other clusters as well
  std::vector<SilentEndpoint> silent;
  std::optional<etcd::MemberList> list;  // of this cluster; nullopt: nobody told it
  std::int64_t hashed_revision = 0;      // that `hash` was asked for; 0: each member's newest
  etcd::RpcOutcome<bool> auth;           // whether users are asked for

  bool IsOurs(const MemberAnswers& member) const {
    return cluster_id != 0 && member.identity.cluster_id == cluster_id;
  }
  // Only of one that was hashed.
  std::int64_t HashedRevision(const MemberAnswers& member) const {
    return hashed_revision != 0 ? hashed_revision : member.hash.value->current_revision;
  }
};

enum class CheckVerdict {
  kOk,
  kRemark,      // differs as it may
  kNotChecked,  // nobody can tell
  kUnknown,     // it was asked, and not answered
  kFailed,
};
std::string_view VerdictName(CheckVerdict verdict);  // "ok", ..., "not checked", ..., "FAILED"

struct ClusterCheck {
  std::string_view name;
  CheckVerdict verdict = CheckVerdict::kOk;
  std::string found;  // one line
  // What is wrong may right itself: a member that starts, a leader that is elected.
  bool may_pass_later = false;

  bool ok() const { return verdict != CheckVerdict::kUnknown && verdict != CheckVerdict::kFailed; }
};

struct ClusterReport {
  std::vector<ClusterCheck> checks;  // of every name, in a fixed order

  bool ok() const;
  // Another look is of no use: all is well, or something is wrong that will stay so.
  bool is_final() const;
  // "members: etcd-3 (…) does not answer", of the first check that failed; only if !ok().
  std::string FirstProblem() const;
};
Json ToJson(const ClusterReport& report);

ClusterReport Judge(const ExpectedCluster& expected, const ClusterAnswers& answers);

// That etcd has compacted the revision it was asked for.
bool SaysCompacted(const etcd::RpcError& error);

}  // namespace warden::restore
