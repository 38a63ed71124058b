#include "exporter/snapshot/take.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "exporter/base/text.h"

namespace warden::snapshot {
namespace {

using Stage = metrics::FailureStage;

constexpr std::size_t kSourcesMax = 3;
// A member that hangs is not chosen, so it is not waited for long.
constexpr Seconds kObserveTimeout{5};
// The limit on one stream.
constexpr Seconds kStreamTimeMin{15 * 60};
constexpr std::uint64_t kBytesPerSecondMin = 5'000'000;
// Room for what the database grows by until the stream opens.
constexpr std::uint64_t kSpareBytes = 16ULL << 20;

TakeOutcome Failure(Stage stage, Status status) {
  return {.taken = std::nullopt, .error = {.stage = stage, .status = std::move(status)}};
}

bool IsAuthFailure(const etcd::RpcError& error) {
  return error.reason == etcd::Reason::kUnauthenticated ||
         error.reason == etcd::Reason::kPermissionDenied;
}

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

// Removes what was written unless the snapshot is whole.
class PartialFile {
 public:
  PartialFile(Files& files, const Files::Path& path) : files_(files), path_(path) {}
  ~PartialFile() {
    if (!kept_) files_.Remove(path_).ok();
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  void Keep() { kept_ = true; }

 private:
  Files& files_;
  const Files::Path& path_;
  bool kept_ = false;
};

// Refuses sources of another cluster than the expected one; all are of the same.
Status CheckCluster(std::uint64_t cluster_id, const std::vector<Source>& sources) {
  const std::uint64_t found = sources.front().status.cluster_id;
  if (found == cluster_id) return {};
  return Status(Code::kFailedPrecondition,
                "the endpoints belong to cluster " + FormatId(found) +
                    ", the newest backup to cluster " + FormatId(cluster_id) +
                    "; if the cluster was rebuilt, give it a new backup directory");
}

// The choice was the best there is; whoever restores this one day has to know what it was.
void WarnIfUnhealthy(const Tools& tools, const Source& source) {
  std::string complaint;
  if (source.status.leader_id == 0) complaint = "it knows no leader";
  if (source.raft_lag > kLagMax) complaint = "it is far behind";
  if (IsCorrupt(source.status)) complaint = "it has raised CORRUPT";
  if (complaint.empty()) return;
  tools.log.Log(LogLevel::kWarn, "no healthy member to take the snapshot from",
                {{"etcd_endpoint", source.endpoint.url}, {"reason", complaint}});
}

Status CheckSpace(const Tools& tools, const Files::Path& path, const Source& source) {
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t free_bytes,
                          tools.files.FreeBytes(path.parent_path()));
  const auto needed = static_cast<std::uint64_t>(source.status.db_bytes) + kSpareBytes;
  if (free_bytes >= needed) return {};
  return Status(Code::kResourceExhausted, "not enough space in " + path.parent_path().string() +
                                              ": the snapshot needs " + FormatBytes(needed) + ", " +
                                              FormatBytes(free_bytes) + " are free");
}

TakeOutcome TakeFrom(const Tools& tools, const Source& source, const Files::Path& path,
                     const Deadline& deadline) {
  Taken taken{.source = source,
              .stream = {},
              .storage_version = {},
              .started = tools.clock.Now(),
              .duration = {}};
  const SteadyTime started = tools.clock.Steady();
  if (Status space = CheckSpace(tools, path, source); !space.ok()) {
    return Failure(Stage::kWrite, std::move(space));
  }
  Result<std::unique_ptr<WritableFile>> file = tools.files.Create(path);
  if (!file.ok()) return Failure(Stage::kWrite, file.error());
  PartialFile partial(tools.files, path);
  StreamCheck check;
  const auto bytes = static_cast<std::uint64_t>(source.status.db_bytes);
  const Deadline limit{.at = std::min<SteadyTime>(deadline.at, started + StreamTimeLimit(bytes)),
                       .stop = deadline.stop};
  Stage failing = Stage::kStream;
  const std::optional<etcd::RpcError> error = tools.cluster.Snapshot(
      source.endpoint, tools.idle_timeout, limit, [&](const etcd::SnapshotChunk& chunk) {
        failing = Stage::kVerify;
        WARDEN_RETURN_IF_ERROR(check.Accept(chunk.remaining_bytes, chunk.blob));
        if (!chunk.version.empty()) taken.storage_version = ToSingleLine(chunk.version, 64);
        failing = Stage::kWrite;
        WARDEN_RETURN_IF_ERROR((*file)->Append(std::as_bytes(std::span(chunk.blob))));
        failing = Stage::kStream;
        return Status();
      });
  if (error) {
    if (failing == Stage::kStream && IsAuthFailure(*error)) failing = Stage::kAuth;
    return Failure(failing, etcd::ToStatus(*error));
  }
  Result<StreamSummary> summary = check.Finish();
  if (!summary.ok()) return Failure(Stage::kVerify, summary.error());
  Status written = (*file)->Sync();
  if (written.ok()) written = (*file)->Close();
  if (!written.ok()) return Failure(Stage::kWrite, std::move(written));
  taken.stream = *std::move(summary);
  taken.duration = tools.clock.Steady() - started;
  partial.Keep();
  return {.taken = std::move(taken), .error = {}};
}

}  // namespace

Nanoseconds StreamTimeLimit(std::uint64_t database_bytes) {
  return kStreamTimeMin + Seconds(database_bytes / kBytesPerSecondMin);
}

TakeOutcome Take(const Tools& tools, const Files::Path& path, const Deadline& deadline) {
  const Deadline observe{.at = std::min(deadline.at, tools.clock.Steady() + kObserveTimeout),
                         .stop = deadline.stop};
  const auto observation = tools.cluster.Observe(observe);
  const std::vector<Source> sources = RankSources(observation->Wait(), tools.cluster_id);
  if (sources.empty())
    return Failure(Stage::kConnect, NoSource(observation->Wait(), tools.cluster_id));
  if (tools.cluster_id) {
    Status expected = CheckCluster(*tools.cluster_id, sources);
    if (!expected.ok()) return Failure(Stage::kVerify, std::move(expected));
  }
  TakeOutcome outcome;
  for (std::size_t i = 0; i < std::min(sources.size(), kSourcesMax); ++i) {
    const Source& source = sources[i];
    WarnIfUnhealthy(tools, source);
    outcome = TakeFrom(tools, source, path, deadline);
    if (outcome.taken) return outcome;
    outcome.error.status =
        std::move(outcome.error.status).WithContext("snapshot from " + source.endpoint.url);
    // The credentials are the cluster's: the next member would refuse them as well.
    const bool hopeless = outcome.error.stage == Stage::kWrite ||
                          outcome.error.stage == Stage::kAuth || deadline.stop.stop_requested() ||
                          tools.clock.Steady() >= deadline.at;
    if (hopeless || i + 1 == std::min(sources.size(), kSourcesMax)) break;
    tools.log.Log(LogLevel::kWarn, "snapshot failed, trying the next member",
                  {{"etcd_endpoint", source.endpoint.url}, {"error", outcome.error.status}});
  }
  return outcome;
}

}  // namespace warden::snapshot
