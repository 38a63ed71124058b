#include "exporter/restore/snapshot_source.h"

#include <algorithm>
#include <span>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/snapshot/digest.h"

namespace warden::restore {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;

// Of the whole file, trailer included, in hex.
Result<std::string> DigestOf(const ReadableFile& file, std::uint64_t size,
                             const std::stop_token& stop) {
  snapshot::Sha256 sha256;
  std::string part(kReadBytes, '\0');
  for (std::uint64_t at = 0; at < size; at += part.size()) {
    if (stop.stop_requested()) return Status(Code::kCancelled, "stopped");
    part.resize(std::min<std::uint64_t>(kReadBytes, size - at));
    WARDEN_ASSIGN_OR_RETURN(const std::size_t count,
                            file.ReadAt(at, std::as_writable_bytes(std::span(part))));
    part.resize(count);
    if (count == 0) break;
    sha256.Add(part);
  }
  return FormatHex(sha256.Digest());
}

}  // namespace

Result<std::unique_ptr<SnapshotSource>> SnapshotSource::Open(Files& files, const Files::Path& path,
                                                             const Plan& plan) {
  WARDEN_ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file, files.Open(path));
  WARDEN_ASSIGN_OR_RETURN(const FileState state, file->State());
  if (state.size_bytes != plan.snapshot.size_bytes) {
    return Status(Code::kDataLoss, path.string() + " has " + std::to_string(state.size_bytes) +
                                       " bytes, the plan's snapshot " +
                                       std::to_string(plan.snapshot.size_bytes) +
                                       ": it is another file, or cut short");
  }
  return std::make_unique<SnapshotSource>(path, std::move(file), plan);
}

SnapshotSource::SnapshotSource(Files::Path path, std::unique_ptr<ReadableFile> file,
                               const Plan& plan)
    : path_(std::move(path)), file_(std::move(file)), plan_(plan) {
  digest_ = std::async(std::launch::async, [this] {
    return DigestOf(*file_, plan_.snapshot.size_bytes, stop_.get_token());
  });
}

Status SnapshotSource::CheckDigest() {
  WARDEN_ASSIGN_OR_RETURN(const std::string digest, digest_.get());
  if (digest == plan_.snapshot.sha256) return {};
  return {Code::kDataLoss, path_.string() +
                               " is not the plan's snapshot, or was damaged: its "
                               "SHA-256 is " +
                               digest + ", the plan's " + plan_.snapshot.sha256};
}

}  // namespace warden::restore
