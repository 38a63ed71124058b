#include "exporter/snapshot/take.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "exporter/base/text.h"

namespace warden::snapshot {
namespace {

using Stage = metrics::FailureStage;

constexpr std::size_t kSourcesMax = 3;
// A member that hangs is not chosen, so it is not waited for long.
constexpr Seconds kObserveTimeout{5};

// Why no member could be chosen: each endpoint's own reason, on one line.
Status NoSource(const etcd::ClusterView& view, std::optional<std::uint64_t> cluster_id) {
  std::vector<std::string> reasons;
  for (const etcd::EndpointView& endpoint : view.endpoints) {
    std::string reason = "answers, but serves no snapshot";
    if (endpoint.status.error) {
      reason = endpoint.status.error->message;
    } else if (cluster_id && endpoint.status.value->cluster_id != *cluster_id) {
      reason = "belongs to another cluster, " + FormatId(endpoint.status.value->cluster_id);
    }
    reasons.push_back(endpoint.endpoint.url + ": " + reason);
  }
  return Status(Code::kUnavailable, "no member can serve a snapshot: " + Join(reasons, "; "));
}

// Refuses sources of another cluster than the expected one; all are of the same.
Status CheckCluster(std::uint64_t cluster_id, const std::vector<Source>& sources) {
  const std::uint64_t found = sources.front().status.cluster_id;
  if (found == cluster_id) return {};
  return Status(Code::kFailedPrecondition,
                "the endpoints belong to cluster " + FormatId(found) +
                    ", the newest backup to cluster " + FormatId(cluster_id) +
                    "; if the cluster was rebuilt, give it a new backup directory");
}

bool IsBehind(const Tools& tools, const Source& source) {
  return tools.newest_revision && source.status.revision < *tools.newest_revision;
}

// A snapshot as the cluster's voters see it.
Attestation AskVoters(const Tools& tools, const Files::Path& path, const Taken& taken,
                      const Deadline& deadline) {
  const Result<std::unique_ptr<ReadableFile>> file = tools.files.Open(path);
  if (!file.ok()) return {.reason = file.error().message()};
  const Result<mvcc::KeySpace> keys =
      mvcc::KeySpace::Open(**file, taken.verification.database_bytes);
  if (!keys.ok()) return {.reason = keys.error().message()};
  return Attest({.cluster = tools.voters != nullptr ? *tools.voters : tools.cluster,
                 .clock = tools.clock,
                 .policy = tools.attest,
                 .cluster_id = taken.source.status.cluster_id},
                *keys, taken.verification.inspection->revision(), deadline);
}

// What is wrong with the outcome of a member that no other member could do better.
bool IsHopeless(const Tools& tools, const TakeError& error, const Deadline& deadline) {
  return error.stage == Stage::kWrite || error.stage == Stage::kAuth ||
         deadline.stop.stop_requested() || tools.clock.Steady() >= deadline.at;
}

}  // namespace

std::vector<std::string> FlawsOf(const Tools& tools, const Source& source) {
  std::vector<std::string> flaws;
  if (source.status.leader_id == 0) flaws.emplace_back("the member knows no leader");
  if (source.raft_lag > kLagMax) flaws.emplace_back("the member is far behind");
  if (IsCorrupt(source.status)) flaws.emplace_back("the alarm CORRUPT is raised");
  if (IsBehind(tools, source)) {
    flaws.push_back("the member is at revision " + std::to_string(source.status.revision) +
                    ", behind the newest backup's " + std::to_string(*tools.newest_revision));
  }
  return flaws;
}

Result<std::vector<Source>> FindSources(const Tools& tools, const Deadline& deadline) {
  const Deadline observe{.at = std::min(deadline.at, tools.clock.Steady() + kObserveTimeout),
                         .stop = deadline.stop};
  const auto observation = tools.cluster.Observe(observe);
  std::vector<Source> sources = RankSources(observation->Wait(), tools.cluster_id);
  if (sources.empty()) return NoSource(observation->Wait(), tools.cluster_id);
  if (tools.cluster_id) WARDEN_RETURN_IF_ERROR(CheckCluster(*tools.cluster_id, sources));
  std::stable_partition(sources.begin(), sources.end(),
                        [&](const Source& source) { return !IsBehind(tools, source); });
  return sources;
}

TakeOutcome TakeFrom(const Tools& tools, const Source& source, const Files::Path& path,
                     const Deadline& deadline) {
  std::vector<std::string> flaws = FlawsOf(tools, source);
  if (!flaws.empty()) {
    tools.log.Log(LogLevel::kWarn, "the member that the snapshot is taken from is not healthy",
                  {{"etcd_endpoint", source.endpoint.url}, {"reason", Join(flaws, "; ")}});
  }
  TakeOutcome outcome = Receive(tools, source, path, deadline);
  if (!outcome.taken) {
    outcome.error.status =
        std::move(outcome.error.status).WithContext("snapshot from " + source.endpoint.url);
    return outcome;
  }
  Taken& taken = *outcome.taken;
  taken.notes.insert(taken.notes.begin(), flaws.begin(), flaws.end());
  taken.attestation = AskVoters(tools, path, taken, deadline);
  const Attestation& attestation = taken.attestation;
  if (attestation.verdict == Verdict::kAttested && !attestation.differing.empty()) {
    taken.notes.push_back("members hold other data than the quorum: " +
                          Join(attestation.differing, ", "));
    tools.log.Log(LogLevel::kError, "members hold other data than the quorum and the snapshot",
                  {{"members", Join(attestation.differing, ", ")}});
  }
  return outcome;
}

TakeOutcome Take(const Tools& tools, const Files::Path& path, const Deadline& deadline) {
  const Result<std::vector<Source>> sources = FindSources(tools, deadline);
  TakeOutcome outcome;
  if (!sources.ok()) {
    const bool foreign = sources.error().code() == Code::kFailedPrecondition;
    outcome.error = {foreign ? Stage::kVerify : Stage::kConnect, sources.error()};
    return outcome;
  }
  const std::size_t tries = std::min(sources->size(), kSourcesMax);
  for (std::size_t i = 0; i < tries; ++i) {
    const Source& source = (*sources)[i];
    outcome = TakeFrom(tools, source, path, deadline);
    if (i + 1 == tries) break;
    if (outcome.taken) {
      if (outcome.taken->attestation.verdict != Verdict::kMismatch) break;
      tools.log.Log(LogLevel::kError, "the voters contradict a snapshot, trying the next member",
                    {{"etcd_endpoint", source.endpoint.url},
                     {"verdict", Describe(outcome.taken->attestation)}});
      if (Status removed = tools.files.Remove(path); !removed.ok()) break;
      continue;
    }
    if (IsHopeless(tools, outcome.error, deadline)) break;
    tools.log.Log(LogLevel::kWarn, "snapshot failed, trying the next member",
                  {{"etcd_endpoint", source.endpoint.url}, {"error", outcome.error.status}});
  }
  return outcome;
}

}  // namespace warden::snapshot
