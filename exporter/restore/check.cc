#include "exporter/restore/check.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/etcd/membership.h"
#include "exporter/restore/check_members.h"

namespace warden::restore {
namespace {

// So many leases do not all run out by themselves between a start and its check.
constexpr std::uint64_t kManyLeases = 10;

constexpr std::string_view kUserAdvice = "; give --user, of a user with the role root";

bool Says(const etcd::RpcError& error, std::string_view text) {
  return error.message.find(text) != std::string::npos;
}

bool SaysFuture(const etcd::RpcError& error) {
  return Says(error, "is a future revision");
}

bool IsRefusal(const etcd::RpcError& error) {
  return error.reason == etcd::Reason::kUnauthenticated ||
         error.reason == etcd::Reason::kPermissionDenied;
}

std::string Count(std::uint64_t count, std::string_view one) {
  return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

// As the facts of a snapshot word it.
std::string DescribeAlarm(const etcd::Alarm& alarm) {
  return std::string(etcd::AlarmName(alarm.type)) + " of " + FormatId(alarm.member_id);
}

// One reading of the answers.
class Judgement {
 public:
  Judgement(const ExpectedCluster& expected, const ClusterAnswers& answers)
      : expected_(expected), answers_(answers) {
    for (const MemberAnswers& member : answers.members) {
      if (answers.IsOurs(member)) ours_.push_back(&member);
    }
  }

  ClusterCheck Leader() const;
  ClusterCheck Quorum() const;
  ClusterCheck Revision() const;
  ClusterCheck Hash() const;
  ClusterCheck SnapshotHash() const;
  ClusterCheck Keys() const;
  ClusterCheck Leases() const;
  ClusterCheck Alarms() const;
  ClusterCheck Auth() const;

 private:
  // "etcd-1 (8e9e05c52164694d)".
  std::string NameOf(const MemberAnswers& member) const {
    const std::uint64_t id = member.identity.member_id;
    for (const etcd::Member& known : WantedMembers(expected_, answers_)) {
      if (known.id == id) return etcd::Describe(known);
    }
    return FormatId(id);
  }

  // What keeps a check from being made, of the first member of which it is true: nobody of the
  // cluster answered, or the call failed; nullopt if nothing does.
  template <typename T>
  std::optional<ClusterCheck> Obstacle(std::string_view name,
                                       etcd::RpcOutcome<T> MemberAnswers::*outcome) const {
    if (ours_.empty()) return Nobody(name);
    for (const MemberAnswers* member : ours_) {
      const etcd::RpcOutcome<T>& one = member->*outcome;
      if (one.error) return Unanswered(name, NameOf(*member), *one.error);
      if (!one.value) return ClusterCheck{name, CheckVerdict::kNotChecked, "was not asked for"};
    }
    return std::nullopt;
  }

  ClusterCheck Nobody(std::string_view name) const {
    const auto& silent = answers_.silent;
    const auto refuses = std::ranges::find_if(silent, &SilentEndpoint::refuses);
    if (refuses == silent.end()) {
      return {name, CheckVerdict::kUnknown, "no member of the cluster answers", true};
    }
    return {name, CheckVerdict::kUnknown,
            refuses->url + " refuses: " + refuses->why + std::string(kUserAdvice)};
  }

  ClusterCheck Unanswered(std::string_view name, const std::string& who,
                          const etcd::RpcError& error) const;

  const ExpectedCluster& expected_;
  const ClusterAnswers& answers_;
  std::vector<const MemberAnswers*> ours_;
};

ClusterCheck Judgement::Unanswered(std::string_view name, const std::string& who,
                                   const etcd::RpcError& error) const {
  if (IsRefusal(error)) {
    return {name, CheckVerdict::kUnknown,
            who + " refuses: " + error.message + std::string(kUserAdvice)};
  }
  if (SaysFuture(error)) {
    return {name, CheckVerdict::kFailed,
            who + " has not reached revision " + std::to_string(expected_.revision), true};
  }
  return {name, CheckVerdict::kUnknown, who + ": " + error.message, true};
}

ClusterCheck Judgement::Leader() const {
  constexpr std::string_view kName = "leader";
  if (auto obstacle = Obstacle(kName, &MemberAnswers::status)) return *obstacle;
  std::set<std::uint64_t> leaders;
  for (const MemberAnswers* member : ours_) {
    const std::uint64_t leader = member->status.value->leader_id;
    if (leader == 0) {
      return {kName, CheckVerdict::kFailed, NameOf(*member) + " knows no leader", true};
    }
    leaders.insert(leader);
  }
  if (leaders.size() > 1) {
    return {kName, CheckVerdict::kFailed, "the members name different leaders", true};
  }
  for (const MemberAnswers* member : ours_) {
    if (leaders.contains(member->identity.member_id)) {
      return {kName, CheckVerdict::kOk, NameOf(*member)};
    }
  }
  return {kName, CheckVerdict::kFailed,
          "the leader " + FormatId(*leaders.begin()) + " does not answer", true};
}

ClusterCheck Judgement::Quorum() const {
  constexpr std::string_view kName = "quorum";
  if (auto obstacle = Obstacle(kName, &MemberAnswers::keys_now)) return *obstacle;
  return {kName, CheckVerdict::kOk,
          "a linearizable read goes through " + Count(ours_.size(), "member") + ": " +
              Count(ours_.front()->keys_now.value->keys, "key") + " now"};
}

ClusterCheck Judgement::Revision() const {
  constexpr std::string_view kName = "revision";
  if (auto obstacle = Obstacle(kName, &MemberAnswers::status)) return *obstacle;
  const auto [lowest, highest] = std::ranges::minmax(
      ours_, {}, [](const auto* member) { return member->status.value->revision; });
  const std::string low = std::to_string(lowest->status.value->revision);
  const std::string high = std::to_string(highest->status.value->revision);
  if (lowest->status.value->revision < expected_.revision) {
    return {kName, CheckVerdict::kFailed,
            NameOf(*lowest) + " is at " + low + ", below the restored " +
                std::to_string(expected_.revision),
            true};
  }
  if (low == high) return {kName, CheckVerdict::kOk, low + " on every member that answers"};
  return {kName, CheckVerdict::kRemark, low + " to " + high + ": writes go on"};
}

ClusterCheck Judgement::Hash() const {
  constexpr std::string_view kName = "hash";
  if (auto obstacle = Obstacle(kName, &MemberAnswers::hash)) return *obstacle;
  const etcd::KvHash& first = *ours_.front()->hash.value;
  std::vector<std::string> hashes;
  bool same = true;
  for (const MemberAnswers* member : ours_) {
    const etcd::KvHash& hash = *member->hash.value;
    if (hash.member_id != member->identity.member_id) {
      return {kName, CheckVerdict::kUnknown,
              member->endpoint.url + ": another member answers; is it behind a load balancer?"};
    }
    const bool comparable =
        hash.compact_revision == first.compact_revision &&
        (answers_.hashed_revision != 0 || hash.current_revision == first.current_revision);
    if (!comparable) {
      return {kName, CheckVerdict::kNotChecked,
              "the members are compacting at this moment, and hash different things", true};
    }
    same = same && hash.hash == first.hash;
    hashes.push_back(std::to_string(hash.hash) + " on " + NameOf(*member));
  }
  const std::string where =
      " at revision " + std::to_string(answers_.HashedRevision(*ours_.front()));
  // Below 3.6 the newest may be one that was written while another member was asked.
  if (!same) {
    return {kName, CheckVerdict::kFailed, Join(hashes, ", ") + where,
            answers_.hashed_revision == 0};
  }
  if (ours_.size() == 1) {
    return {kName, CheckVerdict::kNotChecked, hashes.front() + where + ": nobody to compare with"};
  }
  return {kName, CheckVerdict::kOk,
          std::to_string(first.hash) + where + " on " + Count(ours_.size(), "member")};
}

ClusterCheck Judgement::SnapshotHash() const {
  constexpr std::string_view kName = "snapshot-hash";
  if (auto obstacle = Obstacle(kName, &MemberAnswers::hash)) return *obstacle;
  // That one member cannot be judged must not hide that another one differs.
  std::optional<ClusterCheck> open;
  for (const MemberAnswers* member : ours_) {
    const etcd::KvHash& hash = *member->hash.value;
    if (answers_.HashedRevision(*member) != expected_.revision) {
      open = {kName, CheckVerdict::kNotChecked,
              "revision " + std::to_string(expected_.revision) + " has been compacted since"};
      continue;
    }
    if (!member->wanted_hash) {
      open = {kName, CheckVerdict::kNotChecked, NameOf(*member) + ": " + member->why_no_hash};
      continue;
    }
    if (*member->wanted_hash == hash.hash) continue;
    return {kName, CheckVerdict::kFailed,
            std::to_string(hash.hash) + " on " + NameOf(*member) + ", " +
                std::to_string(*member->wanted_hash) + " by the snapshot"};
  }
  if (open) return *open;
  return {kName, CheckVerdict::kOk,
          std::to_string(ours_.front()->hash.value->hash) + " at revision " +
              std::to_string(expected_.revision) + ", as in the snapshot"};
}

ClusterCheck Judgement::Keys() const {
  constexpr std::string_view kName = "keys";
  const std::string at = " at revision " + std::to_string(expected_.revision);
  const auto differing = [&](const MemberAnswers* member) {
    return member->keys.value && member->keys.value->keys != expected_.snapshot.keys;
  };
  // As above: one that has compacted must not hide one that differs.
  for (const MemberAnswers* member : ours_) {
    if (std::ranges::any_of(ours_, differing)) break;
    if (!member->keys.error || !SaysCompacted(*member->keys.error)) continue;
    return {kName, CheckVerdict::kNotChecked,
            "revision " + std::to_string(expected_.revision) + " has been compacted since"};
  }
  if (std::ranges::none_of(ours_, differing)) {
    if (auto obstacle = Obstacle(kName, &MemberAnswers::keys)) return *obstacle;
  }
  for (const MemberAnswers* member : ours_) {
    if (!member->keys.value) continue;
    const std::uint64_t keys = member->keys.value->keys;
    if (keys == expected_.snapshot.keys) continue;
    return {kName, CheckVerdict::kFailed,
            Count(keys, "key") + at + " on " + NameOf(*member) + ", " +
                std::to_string(expected_.snapshot.keys) + " in the snapshot"};
  }
  return {kName, CheckVerdict::kOk,
          Count(expected_.snapshot.keys, "key") + at + ", as in the snapshot"};
}

ClusterCheck Judgement::Leases() const {
  constexpr std::string_view kName = "leases";
  if (auto obstacle = Obstacle(kName, &MemberAnswers::leases)) return *obstacle;
  const std::uint64_t had = expected_.snapshot.leases;
  std::uint64_t have = 0;
  for (const MemberAnswers* member : ours_) {
    have = std::max(have, member->leases.value->leases);
  }
  if (have == had) return {kName, CheckVerdict::kOk, Count(had, "lease") + ", as in the snapshot"};
  const std::string counts =
      std::to_string(have) + " now, " + std::to_string(had) + " in the snapshot";
  if (have == 0 && had >= kManyLeases) return {kName, CheckVerdict::kFailed, counts};
  return {kName, CheckVerdict::kRemark,
          counts + (have < had ? ": leases run out" : ": there are new ones")};
}

ClusterCheck Judgement::Alarms() const {
  constexpr std::string_view kName = "alarms";
  if (auto obstacle = Obstacle(kName, &MemberAnswers::status)) return *obstacle;
  std::set<std::string> raised;
  std::vector<std::string> unexpected;
  for (const MemberAnswers* member : ours_) {
    for (const etcd::Alarm& alarm : member->status.value->alarms) {
      const std::string text = DescribeAlarm(alarm);
      if (!raised.insert(text).second) continue;
      const auto& known = expected_.snapshot.alarms;
      const bool is_old = std::ranges::find(known, text) != known.end();
      if (is_old && expected_.keeps_alarms) continue;
      unexpected.push_back(text + (is_old ? ", left over from the snapshot" : ""));
    }
  }
  const std::string advice = "; `etcdctl alarm disarm` ends it once its cause is gone";
  if (!unexpected.empty()) {
    return {kName, CheckVerdict::kFailed, Join(unexpected, "; ") + advice};
  }
  if (raised.empty()) return {kName, CheckVerdict::kOk, "none"};
  return {kName, CheckVerdict::kRemark,
          Join({raised.begin(), raised.end()}, "; ") + ", kept as planned" + advice};
}

ClusterCheck Judgement::Auth() const {
  constexpr std::string_view kName = "auth";
  if (answers_.auth.error) return Unanswered(kName, "etcd", *answers_.auth.error);
  if (!answers_.auth.value) return Nobody(kName);
  const auto word = [](bool enabled) { return std::string(enabled ? "on" : "off"); };
  const bool enabled = *answers_.auth.value;
  if (enabled == expected_.snapshot.auth_enabled) {
    return {kName, CheckVerdict::kOk, word(enabled) + ", as in the snapshot"};
  }
  return {kName, CheckVerdict::kFailed,
          word(enabled) + " now, " + word(!enabled) + " in the snapshot"};
}

}  // namespace

ExpectedCluster ExpectedOf(const Plan& plan) {
  return {.cluster = plan.cluster,
          .snapshot = plan.snapshot,
          .revision = plan.new_revision(),
          .is_bumped = plan.bump.has_value(),
          .keeps_alarms = plan.keep_alarms};
}

ExpectedCluster ExpectedOf(const SnapshotFacts& snapshot) {
  return {.cluster = {}, .snapshot = snapshot, .revision = snapshot.revision};
}

std::string_view VerdictName(CheckVerdict verdict) {
  switch (verdict) {
    case CheckVerdict::kOk:
      return "ok";
    case CheckVerdict::kRemark:
      return "remark";
    case CheckVerdict::kNotChecked:
      return "not checked";
    case CheckVerdict::kUnknown:
      return "unknown";
    case CheckVerdict::kFailed:
      return "FAILED";
  }
  return "unknown";
}

bool ClusterReport::ok() const {
  return std::ranges::all_of(checks, &ClusterCheck::ok);
}

bool ClusterReport::is_final() const {
  if (std::ranges::none_of(checks, &ClusterCheck::may_pass_later)) return true;
  return !std::ranges::all_of(
      checks, [](const ClusterCheck& check) { return check.ok() || check.may_pass_later; });
}

std::string ClusterReport::FirstProblem() const {
  const auto first = std::ranges::find_if(checks, std::not_fn(&ClusterCheck::ok));
  return std::string(first->name) + ": " + first->found;
}

Json ToJson(const ClusterReport& report) {
  Json json = Json::array();
  for (const ClusterCheck& check : report.checks) {
    json.push_back({{"name", check.name},
                    {"result", ToLower(VerdictName(check.verdict))},
                    {"ok", check.ok()},
                    {"found", ToValidUtf8(check.found)}});
  }
  return json;
}

ClusterReport Judge(const ExpectedCluster& expected, const ClusterAnswers& answers) {
  const Judgement judgement(expected, answers);
  return {.checks = {JudgeMembers(expected, answers), judgement.Leader(), judgement.Quorum(),
                     judgement.Revision(), judgement.Hash(), judgement.SnapshotHash(),
                     judgement.Keys(), judgement.Leases(), judgement.Alarms(), judgement.Auth()}};
}

bool SaysCompacted(const etcd::RpcError& error) {
  return Says(error, "has been compacted");
}

}  // namespace warden::restore
