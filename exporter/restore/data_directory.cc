#include "exporter/restore/data_directory.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/restore/snap_file.h"
#include "exporter/restore/wal.h"

namespace warden::restore {
namespace {

using Path = Files::Path;

// Without "." and "..", and without a slash at the end.
Path Shortest(const Path& path) {
  const Path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

Status CheckIsFree(Files& files, const Path& path) {
  const Status found = files.Stat(path).status();
  if (found.ok()) return {Code::kAlreadyExists, path.string() + " is there already"};
  return found.code() == Code::kNotFound ? Status() : found;
}

// What is missing around the directory is a slip of whoever named it, and would stay when the
// directory goes again.
Status CheckAround(Files& files, const Path& path) {
  const Path parent = path.parent_path();
  return files.Stat(parent.empty() ? Path(".") : parent).status();
}

// A new file with what `fill` writes into it, on stable storage.
template <typename Fill>
Status WriteFile(Files& files, const Path& path, Fill fill) {
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files.Create(path));
  WARDEN_RETURN_IF_ERROR(fill(*file));
  WARDEN_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

Status Append(WritableFile& file, std::string_view bytes) {
  return file.Append(std::as_bytes(std::span(bytes)));
}

// What one call works on.
class DirectoryWriter {
 public:
  DirectoryWriter(Files& files, const DirectoryOptions& options, const NewMember& self)
      : files_(files), options_(options), self_(self), layout_(LayoutOf(options)) {}

  Status Check() {
    WARDEN_RETURN_IF_ERROR(CheckPaths(options_.path, options_.wal_dir));
    for (const Path& path : Tops()) {
      WARDEN_RETURN_IF_ERROR(CheckIsFree(files_, path));
      if (path != layout_.top && IsWithin(path, layout_.top)) continue;
      WARDEN_RETURN_IF_ERROR(CheckAround(files_, path));
    }
    return {};
  }

  Result<WrittenDatabase> Write(const SnapshotFile& snapshot, const BucketEdits& edits,
                                const std::stop_token& stop, const mvcc::Progress& progress) {
    WARDEN_RETURN_IF_ERROR(files_.MakeDirectories(layout_.snap));
    WARDEN_RETURN_IF_ERROR(files_.MakeDirectories(layout_.wal));
    // The log first: it takes its room before the database may have taken all of it.
    WARDEN_RETURN_IF_ERROR(WriteLog());
    WrittenDatabase written;
    const auto write_database = [&](WritableFile& file) -> Status {
      WARDEN_ASSIGN_OR_RETURN(written, WriteDatabase(snapshot, edits, file, stop, progress));
      return CheckBump(written);
    };
    WARDEN_RETURN_IF_ERROR(WriteFile(files_, layout_.database_file, write_database));
    WARDEN_RETURN_IF_ERROR(WriteFile(files_, layout_.snap_file, [&](WritableFile& file) {
      return Append(file, SnapFileBytes(options_.cluster, options_.database.target));
    }));
    WARDEN_RETURN_IF_ERROR(files_.SyncDirectory(layout_.snap));
    WARDEN_RETURN_IF_ERROR(files_.SyncDirectory(layout_.wal));
    return written;
  }

  // What is to be removed if it is not finished.
  std::vector<Path> Tops() const {
    std::vector<Path> tops = {layout_.top};
    if (options_.wal_dir) tops.push_back(layout_.wal);
    return tops;
  }

 private:
  Status WriteLog() {
    return WriteFile(files_, layout_.wal_file, [&](WritableFile& file) {
      WARDEN_RETURN_IF_ERROR(
          Append(file, WalBytes(options_.cluster, self_, options_.database.target)));
      return file.Extend(kWalFileBytes);
    });
  }

  Status CheckBump(const WrittenDatabase& written) const {
    const std::optional<RevisionBump>& bump = options_.database.bump;
    if (!bump || bump->from == written.snapshot_revision) return {};
    return {Code::kFailedPrecondition,
            "the revision is to be raised from " + std::to_string(bump->from) +
                ", but the snapshot is at " + std::to_string(written.snapshot_revision)};
  }

  Files& files_;
  const DirectoryOptions& options_;
  const NewMember& self_;
  const DirectoryLayout layout_;
};

}  // namespace

bool IsWithin(const Path& path, const Path& directory) {
  return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first ==
         directory.end();
}

Status CheckPaths(const Path& data_dir, const std::optional<Path>& wal_dir) {
  if (data_dir.empty()) return {Code::kInvalidArgument, "no path for the data directory"};
  if (!wal_dir) return {};
  if (wal_dir->empty()) return {Code::kInvalidArgument, "the path of the log is empty"};
  const Path top = Shortest(data_dir);
  const Path wal = Shortest(*wal_dir);
  const Path member = top / "member";
  if (IsWithin(top, wal) || (IsWithin(wal, member) && wal != member / "wal")) {
    return {Code::kInvalidArgument, "the log in " + wal.string() +
                                        " would be mixed up with the data directory " +
                                        top.string()};
  }
  return {};
}

DirectoryLayout LayoutOf(const DirectoryOptions& options) {
  const Path top = Shortest(options.path);
  const Path member = top / "member";
  const Path snap = member / "snap";
  const Path wal = options.wal_dir ? Shortest(*options.wal_dir) : member / "wal";
  return {.top = top,
          .member = member,
          .snap = snap,
          .wal = wal,
          .database_file = snap / "db",
          .snap_file = snap / SnapFileName(options.cluster),
          .wal_file = wal / kWalFileName};
}

DirectoryOutcome WriteDataDirectory(Files& files, const SnapshotFile& snapshot,
                                    const DirectoryOptions& options, const std::stop_token& stop,
                                    const mvcc::Progress& progress) {
  const auto refused = [](Status why) {
    return DirectoryOutcome{.status = std::move(why), .database = {}, .left = {}};
  };
  const NewMember* self = options.cluster.Find(options.name);
  if (self == nullptr) {
    return refused({Code::kInvalidArgument,
                    "\"" + ToSingleLine(options.name, 64) + "\" is no member of the new cluster"});
  }
  const Result<BucketEdits> edits = EditBuckets(options.cluster, options.database);
  if (!edits.ok()) return refused(edits.error());
  DirectoryWriter writer(files, options, *self);
  if (Status checked = writer.Check(); !checked.ok()) return refused(std::move(checked));
  Result<WrittenDatabase> written = writer.Write(snapshot, *edits, stop, progress);
  if (written.ok()) return {.status = {}, .database = *std::move(written), .left = {}};
  // Somebody else has begun to write there at the same moment: it is theirs.
  if (written.error().code() == Code::kAlreadyExists) return refused(written.error());
  DirectoryOutcome outcome{.status = {}, .database = {}, .left = writer.Tops()};
  std::string left;
  for (const Path& path : outcome.left) left += (left.empty() ? "" : " and ") + path.string();
  outcome.status = {written.error().code(),
                    written.error().message() + "; what is unfinished stays in " + left};
  return outcome;
}

}  // namespace warden::restore
