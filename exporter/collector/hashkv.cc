#include "exporter/collector/hashkv.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/collector/render.h"
#include "exporter/etcd/membership.h"
#include "exporter/metrics/labels.h"

namespace warden::collector {
namespace {

using Outcome = HashCheck::Outcome;

constexpr Seconds kObserveTimeout{5};

// The cluster's list, its members' answers telling or, where our user may not ask for it, as it was
// last known.
etcd::MemberList MembersOf(const etcd::ClusterView& view,
                           const std::optional<KnownMembers>& known) {
  const auto remembered = known ? std::optional(known->cluster_id) : std::nullopt;
  if (auto agreed = etcd::AgreedMembers(view, remembered)) return *std::move(agreed);
  // Unless the cluster was rebuilt since.
  return known && etcd::MainClusterId(view, remembered) == remembered ? known->members
                                                                      : etcd::MemberList();
}

// Why there are not enough of them.
std::string WhyTooFew(const etcd::ClusterView& view) {
  for (const etcd::EndpointView& endpoint : view.endpoints) {
    const std::string& url = endpoint.endpoint.url;
    if (endpoint.status.error) return url + ": " + endpoint.status.error->message;
    if (endpoint.member_list && endpoint.member_list->error) {
      return url + ": " + endpoint.member_list->error->message;
    }
  }
  return "it takes two voters to compare";
}

bool IsRefusal(etcd::Reason reason) {
  return reason == etcd::Reason::kUnauthenticated || reason == etcd::Reason::kPermissionDenied;
}

bool IsCompacted(const etcd::RpcError& error) {
  return error.message.find("has been compacted") != std::string::npos;
}

std::string Describe(const std::vector<etcd::Member>& members) {
  std::vector<std::string> names;
  names.reserve(members.size());
  for (const etcd::Member& member : members) names.push_back(etcd::Describe(member));
  return Join(names, ", ");
}

// Fills in what the answers say; `missing` is why the others are not among them.
void Compare(const std::vector<etcd::ReachableVoter>& voters,
             const std::vector<etcd::KvHash>& answers, const std::string& missing,
             HashCheck& check) {
  if (answers.size() < 2) {
    check.outcome = Outcome::kTooFew;
    check.detail = missing;
    return;
  }
  const HashComparison comparison = CompareHashes(answers);
  check.compared = comparison.compared;
  check.left_out = static_cast<int>(answers.size()) - comparison.compared;
  if (comparison.compared == 0) {
    check.outcome = Outcome::kNotComparable;
    check.detail = "the members have compacted up to different revisions";
    return;
  }
  check.outcome = Outcome::kCompared;
  check.has_majority = comparison.has_majority;
  for (const etcd::ReachableVoter& voter : voters) {
    if (std::count(comparison.mismatched.begin(), comparison.mismatched.end(), voter.member.id)) {
      check.mismatched.push_back(voter.member);
    }
  }
}

// Asks one voter after the other for its hash at `check.revision`.
void AskVoters(const std::string& name, const HashTools& tools, const std::stop_token& stop,
               const std::vector<etcd::ReachableVoter>& voters, HashCheck& check) {
  std::vector<etcd::KvHash> answers;
  std::string missing;
  for (const etcd::ReachableVoter& voter : voters) {
    check.outcome = Outcome::kCancelled;
    if (stop.stop_requested()) return;
    const config::Endpoint& endpoint = voter.endpoint->endpoint;
    const etcd::RpcOutcome<etcd::KvHash> answer = tools.cluster.HashKv(
        endpoint, check.revision, {.at = tools.clock.Steady() + kHashTimeout, .stop = stop});
    if (stop.stop_requested()) return;
    check.calls[endpoint.url] = {.ok = answer.ok(), .duration = answer.duration};
    if (answer.ok()) {
      // Behind a load balancer another member may answer, which would be counted twice.
      if (answer.value->member_id == voter.member.id) {
        answers.push_back(*answer.value);
      } else {
        missing = endpoint.url + ": another member answered";
      }
      continue;
    }
    tools.instruments.RpcFailed(name, endpoint.url, metrics::Rpc::kHashKv, answer.error->reason);
    missing = endpoint.url + ": " + answer.error->message;
    if (IsCompacted(*answer.error) || IsRefusal(answer.error->reason)) {
      check.outcome = IsCompacted(*answer.error) ? Outcome::kNotComparable : Outcome::kRefused;
      check.detail = missing;
      return;
    }
  }
  Compare(voters, answers, missing, check);
}

// One round: a revision that all have, and every voter's hash at it.
HashCheck CheckOnce(const std::string& name, const HashTools& tools, const std::stop_token& stop) {
  const auto observation =
      tools.cluster.Observe({.at = tools.clock.Steady() + kObserveTimeout, .stop = stop});
  const etcd::ClusterView& view = observation->Wait();
  const std::optional<KnownMembers> known = tools.known();
  const std::vector<etcd::ReachableVoter> voters = etcd::ReachableVoters(
      view, MembersOf(view, known), known ? std::optional(known->cluster_id) : std::nullopt);
  if (stop.stop_requested()) return {.outcome = Outcome::kCancelled};
  if (voters.size() < 2) {
    return {.outcome = Outcome::kTooFew, .detail = WhyTooFew(view)};
  }
  HashCheck check{.revision = std::numeric_limits<std::int64_t>::max()};
  for (const etcd::ReachableVoter& voter : voters) {
    check.revision = std::min(check.revision, voter.endpoint->status.value->revision);
  }
  AskVoters(name, tools, stop, voters, check);
  return check;
}

// Whether another round may tell more: a compaction got in between.
bool IsWorthAnother(const HashCheck& check) {
  if (check.outcome != Outcome::kCompared) return check.outcome == Outcome::kNotComparable;
  return check.left_out > 0 && check.mismatched.empty();
}

}  // namespace

HashComparison CompareHashes(std::span<const etcd::KvHash> answers) {
  using Group = std::vector<const etcd::KvHash*>;
  std::map<std::pair<std::int64_t, std::int64_t>, Group> groups;
  Group largest;
  for (const etcd::KvHash& answer : answers) {
    Group& group = groups[{answer.revision, answer.compact_revision}];
    group.push_back(&answer);
    if (group.size() > largest.size()) largest = group;
  }
  HashComparison comparison;
  if (largest.size() < 2) return comparison;
  std::map<std::uint32_t, std::size_t> votes;
  for (const etcd::KvHash* answer : largest) ++votes[answer->hash];
  comparison.compared = static_cast<int>(largest.size());
  for (const etcd::KvHash* answer : largest) {
    if (2 * votes[answer->hash] > largest.size()) {
      comparison.has_majority = true;
    } else {
      comparison.mismatched.push_back(answer->member_id);
    }
  }
  return comparison;
}

HashCheck CheckHashes(const std::string& name, const HashTools& tools,
                      const std::stop_token& stop) {
  HashCheck first = CheckOnce(name, tools, stop);
  if (!IsWorthAnother(first)) return first;
  HashCheck second = CheckOnce(name, tools, stop);
  second.calls.merge(first.calls);
  if (second.compared >= first.compared) return second;
  first.calls = std::move(second.calls);
  return first;
}

HashChecker::HashChecker(std::string name, Seconds interval, HashTools tools, Logger& log)
    : name_(std::move(name)), interval_(interval), tools_(std::move(tools)), log_(log) {}

HashChecker::~HashChecker() {
  on_stop_.reset();
  RequestStop();
}

void HashChecker::Inherit(const HashChecker& predecessor) {
  HashCheckResult latest = predecessor.Latest();
  latest.calls.clear();
  MutexLock lock(mutex_);
  mismatched_->store(latest.mismatched);
  latest_ = std::move(latest);
}

void HashChecker::Start(const std::stop_token& stop) {
  thread_ = std::jthread([this](const std::stop_token& own) { Run(own); });
  on_stop_.emplace(stop, [this] { RequestStop(); });
}

void HashChecker::RequestStop() {
  thread_.request_stop();
  // Taking the lock orders the request before the wait of a thread that is about to sleep.
  MutexLock lock(mutex_);
  stopped_.NotifyAll();
}

void HashChecker::Run(const std::stop_token& stop) {
  std::mt19937 random(std::random_device{}());
  Pause(FirstDelay(interval_, random), stop);
  while (!stop.stop_requested()) {
    CheckNow(stop);
    Pause(interval_, stop);
  }
}

void HashChecker::Pause(Nanoseconds pause, const std::stop_token& stop) {
  const SteadyTime until = tools_.clock.Steady() + pause;
  MutexLock lock(mutex_);
  while (!stop.stop_requested() && tools_.clock.Steady() < until) {
    stopped_.WaitUntil(mutex_, until);
  }
}

void HashChecker::CheckNow(const std::stop_token& stop) {
  const SteadyTime started = tools_.clock.Steady();
  const HashCheck check = CheckHashes(name_, tools_, stop);
  if (check.outcome == Outcome::kCancelled) return;
  Report(check);
  MutexLock lock(mutex_);
  latest_.calls = check.calls;
  if (check.outcome != Outcome::kCompared) return;
  latest_.finished = tools_.clock.Now();
  latest_.duration = tools_.clock.Steady() - started;
  latest_.compared = check.compared;
  latest_.mismatched = static_cast<int>(check.mismatched.size());
  mismatched_->store(latest_.mismatched);
}

void HashChecker::Report(const HashCheck& check) {
  switch (check.outcome) {
    case Outcome::kCompared:
      complaint_.clear();
      if (check.mismatched.empty()) return;
      log_.Log(LogLevel::kError,
               check.has_majority
                   ? "members hold other data than the majority"
                   : "members hold different data, and no majority says which is right",
               {{"etcd_cluster", name_},
                {"members", Describe(check.mismatched)},
                {"compared", check.compared},
                {"revision", check.revision}});
      return;
    case Outcome::kRefused:
      // It would be refused again at every interval, be it by another member.
      if (std::exchange(complaint_, "refused") == "refused") return;
      log_.Log(LogLevel::kError,
               "etcd refuses the consistency check: it wants a user with the role root; set "
               "auth.backup of the cluster",
               {{"etcd_cluster", name_}, {"error", check.detail}});
      return;
    case Outcome::kTooFew:
    case Outcome::kNotComparable:
      // A cluster of one voter says the same at every interval.
      if (std::exchange(complaint_, check.detail) == check.detail) return;
      log_.Log(LogLevel::kWarn, "the consistency check compared nothing; it will try again",
               {{"etcd_cluster", name_}, {"error", check.detail}});
      return;
    case Outcome::kCancelled:
      return;
  }
}

HashCheckResult HashChecker::Latest() const {
  MutexLock lock(mutex_);
  return latest_;
}

Nanoseconds FirstDelay(Seconds interval, std::mt19937& random) {
  constexpr Milliseconds kLeast{30'000};
  constexpr Milliseconds kMost{90'000};
  const Milliseconds most = std::min<Milliseconds>(kMost, interval);
  const Milliseconds least = std::min(kLeast, most);
  return Milliseconds(std::uniform_int_distribution(least.count(), most.count())(random));
}

void RenderHashKv(metrics::Page& page, const std::string& cluster, Seconds interval,
                  const HashCheckResult& result) {
  const metrics::Label label{metrics::kClusterLabel, cluster};
  page.Gauge("hashkv_interval_seconds", "Configured time between two consistency checks.",
             ToSeconds(interval), {label});
  page.Gauge("hashkv_last_success_timestamp_seconds",
             "When the last consistency check finished that could compare members; 0 if none did "
             "since the start.",
             result.finished ? ToUnixSeconds(*result.finished) : 0, {label});
  for (const auto& [url, call] : result.calls) {
    RenderRpc(page, cluster, url, metrics::Rpc::kHashKv, call.ok, call.duration);
  }
  if (!result.finished) return;
  page.Gauge("hashkv_duration_seconds",
             "Duration of the last consistency check that could compare members.",
             ToSeconds(result.duration), {label});
  page.Gauge(
      "hashkv_compared_members",
      "Members compared in that check; learners never are, nor those that had compacted up to "
      "another revision than the others.",
      result.compared, {label});
  page.Gauge(
      "hashkv_mismatched_members",
      "Compared members whose data differ from the majority's at the same revision; without a "
      "majority, as with 1 against 1, all compared members, since nobody can tell which is right.",
      result.mismatched, {label});
}

}  // namespace warden::collector
