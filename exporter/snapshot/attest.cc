#include "exporter/snapshot/attest.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/etcd/membership.h"
#include "exporter/mvcc/hashes.h"

namespace warden::snapshot {
namespace {

constexpr Seconds kObserveTimeout{5};
constexpr Milliseconds kCatchUpPause{100};

enum class Vote { kSame, kOther, kNone };

bool Says(const etcd::RpcError& error, std::string_view text) {
  return error.message.find(text) != std::string::npos;
}

bool IsFuture(const etcd::RpcError& error) {
  return Says(error, "is a future revision");
}

bool IsRefusal(const etcd::RpcError& error) {
  return error.reason == etcd::Reason::kUnauthenticated ||
         error.reason == etcd::Reason::kPermissionDenied;
}

std::string WhyNot(const etcd::RpcError& error) {
  if (Says(error, "has been compacted")) return "it has compacted the snapshot's revision already";
  if (IsFuture(error)) return "it has not caught up with the snapshot";
  if (IsRefusal(error)) return error.message + "; HashKV wants a user with the role root";
  return error.message;
}

// One snapshot before its voters.
class Trial {
 public:
  Trial(const AttestTools& tools, const mvcc::KeySpace& keys, std::int64_t revision,
        const Deadline& deadline)
      : tools_(tools), keys_(keys), revision_(revision), deadline_(deadline) {}

  // What the voter says of it; `why_not` is set where that is nothing.
  Vote Ask(const etcd::ReachableVoter& voter, std::string& why_not) {
    const etcd::RpcOutcome<etcd::KvHash> answer = HashAtRevision(voter);
    if (!answer.ok()) {
      why_not = WhyNot(*answer.error);
      return Vote::kNone;
    }
    if (!IsOf(*answer.value, voter) || answer.value->revision != revision_) {
      why_not = "another member answered; is it behind a load balancer?";
      return Vote::kNone;
    }
    const std::int64_t compacted = answer.value->compact_revision;
    const std::int64_t own = keys_.contents().compaction().revision;
    // Servers remember the hashes of their last compactions, and answer with those of before.
    if (std::max<std::int64_t>(compacted, 0) < own) return AskForNewest(voter, why_not);
    return Compare(answer.value->hash, compacted, why_not);
  }

 private:
  bool IsOf(const etcd::KvHash& answer, const etcd::ReachableVoter& voter) const {
    return answer.cluster_id == tools_.cluster_id && answer.member_id == voter.member.id;
  }

  etcd::RpcOutcome<etcd::KvHash> Hash(const etcd::ReachableVoter& voter, std::int64_t revision) {
    return tools_.cluster.HashKv(
        voter.endpoint->endpoint, revision,
        {.at = std::min(deadline_.at, tools_.clock.Steady() + kAttestTimeout),
         .stop = deadline_.stop});
  }

  // A follower may be a moment behind the member that the snapshot is of.
  etcd::RpcOutcome<etcd::KvHash> HashAtRevision(const etcd::ReachableVoter& voter) {
    const SteadyTime patience = tools_.clock.Steady() + kCatchUpTimeout;
    while (true) {
      etcd::RpcOutcome<etcd::KvHash> answer = Hash(voter, revision_);
      const bool again = answer.error && IsFuture(*answer.error) &&
                         tools_.clock.Steady() < std::min(patience, deadline_.at) &&
                         !deadline_.stop.stop_requested();
      if (!again) return answer;
      std::this_thread::sleep_for(kCatchUpPause);
    }
  }

  // The hash of the newest revision is never one that was remembered. It proves something if that
  // revision is still the snapshot's; servers below 3.6 do not say which they hashed, so there an
  // equal hash proves it and another one nothing.
  Vote AskForNewest(const etcd::ReachableVoter& voter, std::string& why_not) {
    const etcd::RpcOutcome<etcd::KvHash> answer = Hash(voter, 0);
    if (!answer.ok()) {
      why_not = WhyNot(*answer.error);
      return Vote::kNone;
    }
    const bool told = answer.value->revision != 0;
    const std::int64_t hashed = told ? answer.value->revision : answer.value->current_revision;
    const bool comparable =
        IsOf(*answer.value, voter) && hashed == revision_ &&
        answer.value->compact_revision >= keys_.contents().compaction().revision;
    if (comparable) {
      const Vote vote = Compare(answer.value->hash, answer.value->compact_revision, why_not);
      if (told || vote != Vote::kOther) return vote;
    }
    why_not = "it answers for an older compaction than the snapshot's";
    return Vote::kNone;
  }

  Vote Compare(std::uint32_t hash, std::int64_t compacted, std::string& why_not) {
    auto [own, is_new] = own_hashes_.try_emplace(compacted, Status());
    if (is_new) {
      const Result<std::uint32_t> computed =
          mvcc::HashKv(keys_, revision_, compacted, deadline_.stop);
      own->second = computed.ok() ? Own(*computed) : Own(computed.error());
    }
    if (const auto* failure = std::get_if<Status>(&own->second)) {
      why_not = failure->message();
      return Vote::kNone;
    }
    return std::get<std::uint32_t>(own->second) == hash ? Vote::kSame : Vote::kOther;
  }

  using Own = std::variant<Status, std::uint32_t>;
  const AttestTools& tools_;
  const mvcc::KeySpace& keys_;
  const std::int64_t revision_;
  const Deadline& deadline_;
  std::map<std::int64_t, Own> own_hashes_;  // by the compaction they are for
};

// What the votes come to. A mismatch is certain once no quorum can agree any more, whatever those
// say that were not heard.
void Judge(Attestation& attestation, std::vector<std::string> reasons) {
  const int quorum = attestation.voters / 2 + 1;
  const int differing = static_cast<int>(attestation.differing.size());
  if (attestation.agreed >= quorum) {
    attestation.verdict = Verdict::kAttested;
  } else if (differing > 0 && attestation.voters - differing < quorum) {
    attestation.verdict = Verdict::kMismatch;
  } else {
    reasons.push_back(std::to_string(attestation.agreed) + " of " +
                      std::to_string(attestation.voters) + " voters agree, a quorum is " +
                      std::to_string(quorum));
  }
  attestation.reason = Join(reasons, "; ");
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAttested:
      return "attested";
    case Verdict::kMismatch:
      return "mismatch";
    case Verdict::kUnattested:
      return "unattested";
  }
  return "unattested";
}

std::string Describe(const Attestation& attestation) {
  std::string text(VerdictName(attestation.verdict));
  if (attestation.verdict == Verdict::kAttested) {
    text += " (" + std::to_string(attestation.agreed) + " of " +
            std::to_string(attestation.voters) + ")";
  }
  std::vector<std::string> details;
  if (!attestation.differing.empty()) {
    details.push_back("other data on " + Join(attestation.differing, ", "));
  }
  if (!attestation.reason.empty()) details.push_back(attestation.reason);
  return details.empty() ? text : text + ": " + Join(details, "; ");
}

Attestation Attest(const AttestTools& tools, const mvcc::KeySpace& keys, std::int64_t revision,
                   const Deadline& deadline) {
  Attestation attestation;
  if (tools.policy == config::AttestPolicy::kOff) {
    attestation.reason = "attest: off";
    return attestation;
  }
  const auto observation = tools.cluster.Observe(
      {.at = std::min(deadline.at, tools.clock.Steady() + kObserveTimeout), .stop = deadline.stop});
  const etcd::ClusterView& view = observation->Wait();
  const auto members = etcd::AgreedMembers(view, tools.cluster_id);
  if (!members || etcd::MainClusterId(view, tools.cluster_id) != tools.cluster_id) {
    attestation.reason =
        members ? "the endpoints belong to another cluster now" : "no member told the member list";
    return attestation;
  }
  attestation.voters = etcd::CountVoters(*members, {}).listed;
  const std::vector<etcd::ReachableVoter> voters =
      etcd::ReachableVoters(view, *members, tools.cluster_id);
  std::vector<std::string> reasons;
  if (static_cast<int>(voters.size()) < attestation.voters) {
    reasons.push_back("voters that were not reached: " +
                      std::to_string(attestation.voters - static_cast<int>(voters.size())));
  }
  Trial trial(tools, keys, revision, deadline);
  for (const etcd::ReachableVoter& voter : voters) {
    // The leader comes last. Followers that contradict each other, or the snapshot, need its word.
    if (voter.is_leader && tools.policy != config::AttestPolicy::kAll &&
        attestation.differing.empty()) {
      reasons.emplace_back("the leader was not asked (attest: followers)");
      continue;
    }
    std::string why_not;
    const Vote vote = trial.Ask(voter, why_not);
    if (vote == Vote::kSame) ++attestation.agreed;
    if (vote == Vote::kOther) attestation.differing.push_back(etcd::Describe(voter.member));
    if (vote == Vote::kNone) reasons.push_back(etcd::Describe(voter.member) + ": " + why_not);
  }
  Judge(attestation, std::move(reasons));
  return attestation;
}

}  // namespace warden::snapshot
