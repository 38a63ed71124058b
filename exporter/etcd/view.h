// What etcd said at one moment: plain values, filled by one fan-out and never changed afterwards.
// Field meanings and the versions that have them:
// https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/ (StatusResponse, Member). A field that the
// member's version lacks is nullopt, never zero.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/config/endpoint.h"

namespace warden::etcd {

// Why a call failed: the closed set of the metric label `reason`.
enum class Reason {
  kDns,
  kConnect,
  kTls,
  kTimeout,
  kCanceled,
  kUnauthenticated,
  kPermissionDenied,
  kLearner,
  kNoLeader,
  kOverload,
  kUnimplemented,
  kOther,
};
std::string_view ReasonName(Reason reason);  // "dns", "connect", ... as the label spells it
inline constexpr int kReasonCount = static_cast<int>(Reason::kOther) + 1;

struct RpcError {
  Reason reason = Reason::kOther;
  Code code = Code::kUnknown;
  std::string message;  // one line, for people
};
Status ToStatus(const RpcError& error);  // of the same code

// How one call went. Exactly one of `value` and `error` is set.
template <typename T>
struct RpcOutcome {
  std::optional<T> value;
  std::optional<RpcError> error;
  Nanoseconds duration{};
  SteadyTime finished{};

  bool ok() const { return value.has_value(); }
};

enum class AlarmType { kNoSpace, kCorrupt, kUnknown };
std::string_view AlarmName(AlarmType type);  // "NOSPACE", "CORRUPT", "UNKNOWN"

struct Alarm {
  std::uint64_t member_id = 0;  // 0: the whole cluster
  AlarmType type = AlarmType::kUnknown;
  friend bool operator==(const Alarm&, const Alarm&) = default;
};

struct Downgrade {
  bool enabled = false;
  std::string target_version;
};

// By the header of an answer.
struct MemberIdentity {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  friend bool operator==(const MemberIdentity&, const MemberIdentity&) = default;
};

struct MemberStatus {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::int64_t revision = 0;
  std::uint64_t raft_term = 0;
  std::uint64_t raft_index = 0;  // committed
  std::uint64_t raft_applied_index = 0;
  std::uint64_t leader_id = 0;  // 0: knows none
  std::string version;          // of the server binary
  std::optional<std::string> storage_version;
  std::int64_t db_bytes = 0;
  std::int64_t db_in_use_bytes = 0;
  std::optional<std::int64_t> quota_bytes;
  bool is_learner = false;
  std::vector<std::string> errors;  // as sent
  std::vector<Alarm> alarms;        // parsed from `errors`
  std::optional<Downgrade> downgrade;
};

struct Member {
  std::uint64_t id = 0;
  std::string name;  // empty: added but never started
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;
  bool is_learner = false;
  friend bool operator==(const Member&, const Member&) = default;
};

using MemberList = std::vector<Member>;  // sorted by id

// When what the server presented in the handshake expires.
struct ServerCertificate {
  WallTime leaf_not_after{};
  WallTime chain_not_after{};  // the earliest of the chain, the leaf included
};

struct EndpointView {
  config::Endpoint endpoint;
  bool discovered = false;  // from the member list, not configured
  RpcOutcome<MemberStatus> status;
  // None of a learner, nor beside a failed Status, unless that was for want of rights: some
  // versions show the list to every user and Status to root only.
  std::optional<RpcOutcome<MemberList>> member_list;
  std::optional<MemberIdentity> list_sender;     // set with a list
  std::optional<ServerCertificate> certificate;  // of a TLS connection over which a call came back
};

struct ClusterView {
  WallTime started{};
  SteadyTime began{};  // the same moment; tells which of two views is the newer one
  Nanoseconds duration{};
  std::vector<EndpointView> endpoints;  // in configured order, then the discovered ones by URL
  // A linearizable MemberList through up to two members that know a leader: proof of quorum. False
  // if no member of 3.5 or later knows a leader; nullopt if no such member answered.
  std::optional<bool> quorum_read;
  // Whether etcd asks for users, as far as the answers tell; nullopt if they do not.
  std::optional<bool> auth_enabled;
};

// Compares "3.5.12" style versions; text behind the patch number is ignored, a missing patch is 0.
// False if unreadable.
bool VersionAtLeast(std::string_view version, int major, int minor, int patch = 0);

// Alarms named by Status.errors, tolerant of the spacing that etcd 3.7 randomizes. Entries that are
// not alarms ("etcdserver: no leader") are skipped; an alarm of a new type is kUnknown.
std::vector<Alarm> ParseAlarms(const std::vector<std::string>& errors);

}  // namespace warden::etcd
