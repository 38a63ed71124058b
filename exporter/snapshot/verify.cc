#include "exporter/snapshot/verify.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/snapshot/digest.h"

namespace warden::snapshot {
namespace {

constexpr std::uint64_t kSectorBytes = 512;
constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::uint64_t kHopelessBytes = 64ULL << 20;

std::vector<std::string> Lines(const mvcc::FindingList& findings) {
  std::vector<std::string> lines;
  lines.reserve(findings.kept.size());
  for (const bbolt::Finding& finding : findings.kept) lines.push_back(bbolt::Describe(finding));
  return lines;
}

constexpr const char* kBadTrailer =
    "the SHA-256 trailer does not match the database: the file was damaged after it was sent, or "
    "the "
    "trailer is that of another";

struct Digests {
  std::string file;      // raw
  std::string database;  // raw
  std::string trailer;   // as it stands in the file
};

Result<Digests> ReadDigests(const ReadableFile& file, const Extent& extent,
                            const mvcc::Progress& progress, const std::stop_token& stop) {
  Sha256 sha256;
  Digests digests;
  std::string buffer(kReadBytes, '\0');
  for (std::uint64_t offset = 0; offset < extent.size_bytes;) {
    if (stop.stop_requested()) return Status(Code::kCancelled, "cancelled");
    const bool in_database = offset < extent.database_bytes;
    const std::uint64_t end = in_database ? extent.database_bytes : extent.size_bytes;
    const std::size_t wanted = std::min<std::uint64_t>(kReadBytes, end - offset);
    WARDEN_ASSIGN_OR_RETURN(
        const std::size_t count,
        file.ReadAt(offset, std::as_writable_bytes(std::span(buffer).first(wanted))));
    if (count < wanted) {
      return Status(Code::kAborted, "the file became shorter while it was read");
    }
    sha256.Add({buffer.data(), count});
    offset += count;
    if (offset == extent.database_bytes) digests.database = sha256.Digest();
    if (!in_database) digests.trailer.append(buffer, 0, count);
    if (progress) progress(offset, extent.size_bytes);
  }
  digests.file = sha256.Digest();
  return digests;
}

void JudgeTransport(const Digests& digests, Verification& verification) {
  verification.sha256 = FormatHex(digests.file);
  verification.database_sha256 = FormatHex(digests.database);
  if (verification.has_trailer && digests.trailer != digests.database) {
    verification.transport.emplace_back(kBadTrailer);
  }
}

Status CheckUnchanged(Files& files, const Files::Path& path, const ReadableFile& file,
                      const FileState& before) {
  WARDEN_ASSIGN_OR_RETURN(const FileState after, file.State());
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> again, files.Open(path));
  WARDEN_ASSIGN_OR_RETURN(const FileState now, again->State());
  if (before == after && after == now) return {};
  return Status(Code::kAborted, path.string() + ": it was changed or replaced while it was read");
}

}  // namespace

Result<Extent> ExtentOf(std::uint64_t size_bytes) {
  const std::uint64_t rest = size_bytes % kSectorBytes;
  if (rest != 0 && rest != kDigestBytes) {
    return Status(Code::kDataLoss, "cut short: it ends with " + std::to_string(rest) +
                                       " bytes, which are neither a page nor a SHA-256 trailer");
  }
  return Extent{.size_bytes = size_bytes,
                .database_bytes = size_bytes - rest,
                .has_trailer = rest == kDigestBytes};
}

Extent WholeFile(std::uint64_t size_bytes) {
  return {.size_bytes = size_bytes, .database_bytes = size_bytes, .has_trailer = false};
}

Status CheckTrailer(const ReadableFile& file, const Extent& extent, const std::stop_token& stop) {
  if (!extent.has_trailer) return {};
  WARDEN_ASSIGN_OR_RETURN(const Digests digests, ReadDigests(file, extent, {}, stop));
  return digests.trailer == digests.database ? Status() : Status(Code::kDataLoss, kBadTrailer);
}

Level Verification::level() const {
  if (!transport.empty()) return Level::kNone;
  if (!inspection || !structure.empty()) {
    return has_trailer && !sha256.empty() ? Level::kTransport : Level::kNone;
  }
  return meaning.empty() ? Level::kMeaning : Level::kStructure;
}

std::string Verification::FirstFinding() const {
  if (!transport.empty()) return "level 0: " + transport.front();
  if (!structure.empty()) return "level 1: " + structure.front();
  return meaning.empty() ? "" : "level 2: " + meaning.front();
}

Verification FromInspection(Result<mvcc::Inspection> inspection) {
  Verification verification;
  if (!inspection.ok()) {
    verification.structure.push_back(inspection.error().message());
    return verification;
  }
  for (const auto& [list, lines] : {std::pair{&inspection->structure, &verification.structure},
                                    std::pair{&inspection->meaning, &verification.meaning},
                                    std::pair{&inspection->warnings, &verification.warnings}}) {
    *lines = Lines(*list);
    verification.more_findings += list->count - list->kept.size();
  }
  verification.inspection = *std::move(inspection);
  return verification;
}

Result<Verification> VerifyFile(Files& files, const Files::Path& path,
                                const VerifyOptions& options) {
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, files.Open(path));
  WARDEN_ASSIGN_OR_RETURN(const FileState before, file->State());
  const Result<Extent> found = ExtentOf(before.size_bytes);
  const Extent extent = found.ok() ? *found : WholeFile(before.size_bytes);
  Result<Digests> digests = Digests();
  std::stop_source hopeless;
  const std::stop_callback stops(options.stop, [&] { hopeless.request_stop(); });
  std::jthread digester;
  if (options.with_digests) {
    digester = std::jthread(
        [&] { digests = ReadDigests(*file, extent, options.progress, hopeless.get_token()); });
  }
  mvcc::InspectOptions inspect{.threads = options.threads, .stop = options.stop, .progress = {}};
  if (!options.with_digests) inspect.progress = options.progress;
  Verification verification = FromInspection(mvcc::Inspect(*file, extent.database_bytes, inspect));
  // Where there is no database, no digest is worth reading much for: it may be a terabyte.
  const bool readable = verification.inspection.has_value();
  if (!readable && extent.size_bytes > kHopelessBytes) hopeless.request_stop();
  if (digester.joinable()) digester.join();
  if (options.stop.stop_requested()) return Status(Code::kCancelled, "cancelled");
  const bool with_digests = options.with_digests && (digests.ok() || readable);
  if (with_digests && !digests.ok()) return digests.error().WithContext(path.string());
  WARDEN_RETURN_IF_ERROR(CheckUnchanged(files, path, *file, before));
  verification.size_bytes = extent.size_bytes;
  verification.database_bytes = extent.database_bytes;
  verification.has_trailer = extent.has_trailer;
  // Of what is no database at all that is said already.
  if (!found.ok() && readable) verification.transport.push_back(found.error().message());
  if (with_digests) JudgeTransport(*digests, verification);
  return verification;
}

}  // namespace warden::snapshot
