#include "exporter/snapshot/receive.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "exporter/base/text.h"

namespace warden::snapshot {
namespace {

using Stage = metrics::FailureStage;

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

Status CheckSpace(const Tools& tools, const Files::Path& path, const Source& source) {
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t free_bytes,
                          tools.files.FreeBytes(path.parent_path()));
  const auto needed = static_cast<std::uint64_t>(source.status.db_bytes) + kSpareBytes;
  if (free_bytes >= needed) return {};
  return Status(Code::kResourceExhausted, "not enough space in " + path.parent_path().string() +
                                              ": the snapshot needs " + FormatBytes(needed) + ", " +
                                              FormatBytes(free_bytes) + " are free");
}

// Where a stream failed: as long as nothing has arrived, another try may find the member in better
// shape (a defragmentation holds up every snapshot).
Stage StageOf(const etcd::RpcError& error, Stage reached, bool begun) {
  if (reached != Stage::kStream) return reached;
  if (IsAuthFailure(error)) return Stage::kAuth;
  return begun ? Stage::kStream : Stage::kConnect;
}

// The stream into the file; fills in `taken.stream`.
std::optional<TakeError> Stream(const Tools& tools, const Deadline& deadline, WritableFile& file,
                                Taken& taken) {
  StreamCheck check;
  bool begun = false;
  Stage reached = Stage::kStream;
  const auto sink = [&](const etcd::SnapshotChunk& chunk) -> Status {
    begun = true;
    reached = Stage::kVerify;
    WARDEN_RETURN_IF_ERROR(check.Accept(chunk.remaining_bytes, chunk.blob));
    if (!chunk.version.empty()) taken.storage_version = ToSingleLine(chunk.version, 64);
    reached = Stage::kWrite;
    WARDEN_RETURN_IF_ERROR(file.Append(std::as_bytes(std::span(chunk.blob))));
    reached = Stage::kStream;
    if (tools.progress) {
      tools.progress(check.total_bytes() - chunk.remaining_bytes, check.total_bytes());
    }
    return {};
  };
  const std::optional<etcd::RpcError> error =
      tools.cluster.Snapshot(taken.source.endpoint, tools.idle_timeout, deadline, sink);
  if (error) {
    const Stage stage = StageOf(*error, reached, begun);
    Status status = etcd::ToStatus(*error);
    if (stage == Stage::kAuth) {
      status = Status(status.code(), status.message() +
                                         "; snapshots want a user with the role root (auth.backup "
                                         "in the configuration, --user on the command line)");
    }
    return TakeError{stage, std::move(status)};
  }
  Result<StreamSummary> summary = check.Finish();
  if (!summary.ok()) return TakeError{Stage::kVerify, summary.error()};
  taken.stream = *std::move(summary);
  return std::nullopt;
}

// What Inspect fails with if it is the file's content that is no good, and not our disk.
bool IsOfTheContent(Code code) {
  return code == Code::kDataLoss || code == Code::kInvalidArgument || code == Code::kUnimplemented;
}

// Levels 1 and 2, from what the kernel still has in memory.
std::optional<TakeError> Prove(const Tools& tools, const Files::Path& path,
                               const Deadline& deadline, Taken& taken) {
  const Result<std::unique_ptr<ReadableFile>> file = tools.files.Open(path);
  if (!file.ok()) return TakeError{Stage::kWrite, file.error()};
  const std::uint64_t database_bytes = taken.stream.size_bytes - kDigestBytes;
  Result<mvcc::Inspection> inspection =
      mvcc::Inspect(**file, database_bytes, {.threads = 2, .stop = deadline.stop, .progress = {}});
  if (!inspection.ok() && !IsOfTheContent(inspection.error().code())) {
    const bool cancelled = inspection.error().code() == Code::kCancelled;
    return TakeError{cancelled ? Stage::kStream : Stage::kWrite, inspection.error()};
  }
  taken.verification = FromInspection(std::move(inspection));
  taken.verification.size_bytes = taken.stream.size_bytes;
  taken.verification.database_bytes = database_bytes;
  taken.verification.has_trailer = true;
  taken.verification.sha256 = taken.stream.sha256;
  taken.verification.database_sha256 = taken.stream.database_sha256;
  if (taken.verification.ok()) return std::nullopt;
  return TakeError{Stage::kVerify, Status(Code::kDataLoss, "the member's database is damaged: " +
                                                               taken.verification.FirstFinding())};
}

// What the file says of itself against what the member said before. The stream does not say whose
// it is: behind a load balancer it may be another's.
Status CompareWithSource(Taken& taken) {
  const mvcc::Inspection& inspection = *taken.verification.inspection;
  const etcd::MemberStatus& status = taken.source.status;
  if (inspection.revision() < status.revision) {
    taken.notes.push_back("the snapshot is of revision " + std::to_string(inspection.revision()) +
                          ", but the member was at " + std::to_string(status.revision) +
                          " before; is the endpoint a load balancer?");
  }
  const etcd::MemberList& members = inspection.contents.members;
  const bool listed = std::any_of(members.begin(), members.end(), [&](const etcd::Member& each) {
    return each.id == status.member_id;
  });
  if (listed || members.empty()) return {};
  return Status(Code::kFailedPrecondition,
                "the snapshot is of another cluster: its member list does not name the member " +
                    FormatId(status.member_id) + "; is the endpoint a load balancer?");
}

}  // namespace

Nanoseconds StreamTimeLimit(std::uint64_t database_bytes) {
  return kStreamTimeMin + Seconds(database_bytes / kBytesPerSecondMin);
}

TakeOutcome Receive(const Tools& tools, const Source& source, const Files::Path& path,
                    const Deadline& deadline) {
  if (Status space = CheckSpace(tools, path, source); !space.ok()) {
    return Failure(Stage::kWrite, std::move(space));
  }
  Result<std::unique_ptr<WritableFile>> file = tools.files.Create(path);
  if (!file.ok()) return Failure(Stage::kWrite, file.error());
  PartialFile partial(tools.files, path);
  Taken taken;
  taken.source = source;
  taken.started = tools.clock.Now();
  const SteadyTime started = tools.clock.Steady();
  const auto bytes = static_cast<std::uint64_t>(source.status.db_bytes);
  const Deadline limit{.at = std::min<SteadyTime>(deadline.at, started + StreamTimeLimit(bytes)),
                       .stop = deadline.stop};
  if (auto error = Stream(tools, limit, **file, taken)) {
    return {.taken = std::nullopt, .error = *std::move(error)};
  }
  const SteadyTime streamed = tools.clock.Steady();
  taken.duration = streamed - started;
  // Before the sync: the disk is busy with the file meanwhile.
  if (auto error = Prove(tools, path, limit, taken)) {
    return {.taken = std::nullopt, .error = *std::move(error)};
  }
  taken.verify_duration = tools.clock.Steady() - streamed;
  Status written = (*file)->Sync();
  if (written.ok()) written = (*file)->Close();
  if (!written.ok()) return Failure(Stage::kWrite, std::move(written));
  if (Status origin = CompareWithSource(taken); !origin.ok()) {
    return Failure(Stage::kVerify, std::move(origin));
  }
  partial.Keep();
  return {.taken = std::move(taken), .error = {}};
}

}  // namespace warden::snapshot
