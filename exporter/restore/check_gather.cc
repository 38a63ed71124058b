#include "exporter/restore/check_gather.h"

#include <algorithm>
#include <optional>
#include <string>

#include "exporter/etcd/membership.h"

namespace warden::restore {
namespace {

constexpr Seconds kObserveTimeout{5};

// One look.
class Look {
 public:
  Look(const CheckTools& tools, const ExpectedCluster& expected, const std::stop_token& stop)
      : tools_(tools), expected_(expected), stop_(stop) {}

  ClusterAnswers Take() {
    Observe();
    // Members whose URLs nobody has named are dialled once the list has told them.
    if (answers_.list && !AllAnswered()) {
      tools_.cluster.Discover(*answers_.list);
      Observe();
    }
    for (MemberAnswers* member : Ours()) AskForKeysAndLeases(*member);
    AskForHashes();
    AskForAuth();
    return std::move(answers_);
  }

 private:
  Deadline Within(Milliseconds timeout) const {
    return {.at = tools_.clock.Steady() + timeout, .stop = stop_};
  }
  Deadline ForOneCall() const { return Within(tools_.call_timeout); }

  void Observe() {
    const Deadline deadline = Within(std::min<Milliseconds>(kObserveTimeout, tools_.call_timeout));
    const auto observation = tools_.cluster.Observe(deadline);
    const etcd::ClusterView& view = observation->Wait();
    answers_ = {};
    const std::optional<std::uint64_t> planned =
        expected_.cluster ? std::optional(expected_.cluster->id) : std::nullopt;
    const std::optional<std::uint64_t> main = etcd::MainClusterId(view, planned);
    answers_.cluster_id = planned.value_or(main.value_or(0));
    if (main == answers_.cluster_id) answers_.list = etcd::AgreedMembers(view, planned);
    for (const etcd::EndpointView& endpoint : view.endpoints) Add(endpoint);
  }

  void Add(const etcd::EndpointView& endpoint) {
    const auto identity = etcd::IdentityOf(endpoint);
    if (!identity) {
      const etcd::RpcError& error = *endpoint.status.error;
      answers_.silent.push_back({.url = endpoint.endpoint.url,
                                 .why = error.message,
                                 .refuses = etcd::IsAnswered(endpoint.status)});
      return;
    }
    const auto known = std::ranges::find(answers_.members, *identity, &MemberAnswers::identity);
    if (known != answers_.members.end()) return;
    MemberAnswers& member = answers_.members.emplace_back();
    member.identity = *identity;
    member.endpoint = endpoint.endpoint;
    member.status = endpoint.status;
  }

  bool AllAnswered() const {
    return std::ranges::all_of(*answers_.list, [this](const etcd::Member& listed) {
      return std::ranges::any_of(answers_.members, [&](const MemberAnswers& member) {
        return answers_.IsOurs(member) && member.identity.member_id == listed.id;
      });
    });
  }

  std::vector<MemberAnswers*> Ours() {
    std::vector<MemberAnswers*> ours;
    for (MemberAnswers& member : answers_.members) {
      if (answers_.IsOurs(member)) ours.push_back(&member);
    }
    return ours;
  }

  void AskForKeysAndLeases(MemberAnswers& member) {
    const etcd::ReadAt alone{.revision = expected_.revision,
                             .consistency = etcd::Consistency::kSerializable};
    member.keys_now = tools_.reads.CountKeys(member.endpoint, {}, ForOneCall());
    member.keys = tools_.reads.CountKeys(member.endpoint, alone, ForOneCall());
    member.leases = tools_.reads.CountLeases(member.endpoint, ForOneCall());
  }

  // At the revision that the cluster began with; where that has been compacted, at the highest that
  // all of them have; where even that has been (nothing was written since, and 3.4 has no hash of
  // the very revision of a compaction), of whatever is the newest.
  void AskForHashes() {
    std::optional<std::int64_t> common;
    for (const MemberAnswers* member : Ours()) {
      if (!member->status.ok()) continue;
      const std::int64_t revision = member->status.value->revision;
      common = std::min(common.value_or(revision), revision);
    }
    if (!AskForHashesAt(expected_.revision) &&
        (common.value_or(0) <= expected_.revision || !AskForHashesAt(*common))) {
      AskForHashesAt(0);
    }
    for (MemberAnswers* member : Ours()) {
      if (!member->hash.ok() || answers_.HashedRevision(*member) != expected_.revision) continue;
      const auto wanted = tools_.wanted_hash(member->hash.value->compact_revision);
      if (wanted.ok()) {
        member->wanted_hash = *wanted;
      } else {
        member->why_no_hash = wanted.error().message();
      }
    }
  }

  // False if a member has compacted it.
  bool AskForHashesAt(std::int64_t revision) {
    answers_.hashed_revision = revision;
    bool is_there = true;
    for (MemberAnswers* member : Ours()) {
      member->hash = tools_.cluster.HashKv(member->endpoint, revision, ForOneCall());
      is_there = is_there && !(member->hash.error && SaysCompacted(*member->hash.error));
    }
    return is_there;
  }

  void AskForAuth() {
    const std::vector<MemberAnswers*> ours = Ours();
    if (ours.empty()) return;
    answers_.auth = tools_.reads.AuthEnabled(ours.front()->endpoint, ForOneCall());
  }

  const CheckTools& tools_;
  const ExpectedCluster& expected_;
  const std::stop_token& stop_;
  ClusterAnswers answers_;
};

}  // namespace

ClusterAnswers Gather(const CheckTools& tools, const ExpectedCluster& expected,
                      const std::stop_token& stop) {
  return Look(tools, expected, stop).Take();
}

ClusterReport CheckCluster(const CheckTools& tools, const ExpectedCluster& expected,
                           const CheckWait& wait) {
  while (true) {
    ClusterReport report = Judge(expected, Gather(tools, expected, wait.until.stop));
    if (wait.on_look) wait.on_look(report);
    const bool is_last = report.is_final() || wait.until.stop.stop_requested() ||
                         tools.clock.Steady() + wait.pause >= wait.until.at;
    if (is_last) return report;
    Pause(wait.pause, wait.until.stop);
  }
}

}  // namespace warden::restore
