#include "exporter/cli/snapshot_file.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "exporter/base/clock.h"
#include "exporter/cli/progress.h"

namespace warden::cli {

Result<snapshot::Verification> VerifyShown(Console& console, const std::string& path,
                                           bool with_digests) {
  PosixFiles files;
  const SystemClock clock;
  ProgressMeter meter(console, clock, Files::Path(path).filename().string());
  return snapshot::VerifyFile(files, path,
                              {.with_digests = with_digests, .progress = meter.callback()});
}

SnapshotFile::SnapshotFile(std::string path, std::unique_ptr<ReadableFile> file,
                           mvcc::KeySpace keys, const snapshot::Extent& extent)
    : path_(std::move(path)),
      file_(std::move(file)),
      keys_(std::move(keys)),
      digest_(std::make_unique<Digest>()) {
  digest_->result = std::async(
      std::launch::async, [reader = file_.get(), extent, stop = digest_->unwanted.get_token()] {
        return snapshot::CheckTrailer(*reader, extent, stop);
      });
}

Result<SnapshotFile> SnapshotFile::Open(const std::string& path) {
  PosixFiles files;
  WARDEN_ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file, files.Open(path));
  WARDEN_ASSIGN_OR_RETURN(const FileState state, file->State());
  const Result<snapshot::Extent> found = snapshot::ExtentOf(state.size_bytes);
  const snapshot::Extent extent = found.ok() ? *found : snapshot::WholeFile(state.size_bytes);
  Result<mvcc::KeySpace> keys =
      mvcc::KeySpace::Open(*file, extent.database_bytes).WithContext(path);
  if (!keys.ok()) return keys.error();
  if (!found.ok()) return found.error().WithContext(path);
  return SnapshotFile(path, std::move(file), *std::move(keys), extent);
}

Status SnapshotFile::CheckDigest() {
  return digest_->result.get().WithContext(path_);
}

void RevisionFlag::Declare(CLI::App& app) {
  app.add_option("--at-revision", revision_, "The keys as they were at this revision")
      ->check([](const std::string& text) {
        const bool digits =
            !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
        return digits && text != "0" ? std::string() : "\"" + text + "\" is no revision";
      });
}

Result<std::int64_t> RevisionFlag::Resolve(const mvcc::KeySpace& keys) const {
  if (!revision_) return std::numeric_limits<std::int64_t>::max();
  const std::int64_t compacted = keys.contents().compaction().revision;
  if (*revision_ < compacted) {
    return Status(
        Code::kFailedPrecondition,
        "--at-revision: required revision has been compacted; the snapshot goes back to " +
            std::to_string(compacted));
  }
  std::int64_t newest = std::max<std::int64_t>(compacted, 1);
  WARDEN_RETURN_IF_ERROR(keys.ForEach(
      [&](const mvcc::Entry& entry) {
        newest = std::max(newest, entry.record.revision.main);
        return newest < *revision_;
      },
      {}));
  if (*revision_ <= newest) return *revision_;
  return Status(Code::kFailedPrecondition,
                "--at-revision: required revision is a future revision; the snapshot is of " +
                    std::to_string(newest));
}

}  // namespace warden::cli
