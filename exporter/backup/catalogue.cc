#include "exporter/backup/catalogue.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "exporter/backup/changes.h"
#include "exporter/backup/revision_marks.h"

namespace warden::backup {
namespace {

constexpr std::string_view kManifestSuffix = ".json";
constexpr std::string_view kSnapshotSuffix = ".db";
// What else stands in the directory.
constexpr std::array<std::string_view, 11> kOthers = {
    kJobsName,      kRequestsName,  kCopiesName,    kSpoolName, kDrillsName,     kScratchName,
    kSchedulesName, kRevisionsName, kHeartbeatName, kLockName,  kChangesLockName};

std::string WithPartialSuffix(std::string name) {
  return name.append(kPartialSuffix);
}

// The id in "<id><suffix>", empty if the name is not of that form.
std::string IdOf(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return "";
  const std::string_view id = name.substr(0, name.size() - suffix.size());
  return IsId(id) ? std::string(id) : "";
}

// Looks at the file afresh: a backup may have been committed while its directory was being listed.
Status CheckSnapshot(Files& files, const Files::Path& directory, const Manifest& manifest) {
  const Result<DirectoryEntry> snapshot = files.Stat(directory / manifest.file);
  if (!snapshot.ok()) {
    return snapshot.error().code() == Code::kNotFound
               ? Status(Code::kNotFound, "its snapshot " + manifest.file + " is missing")
               : snapshot.error();
  }
  if (!snapshot->is_regular) {
    return Status(Code::kDataLoss, "its snapshot " + manifest.file + " is no regular file");
  }
  if (snapshot->size_bytes != manifest.size_bytes) {
    return Status(Code::kDataLoss, "its snapshot has " + std::to_string(snapshot->size_bytes) +
                                       " bytes, the manifest says " +
                                       std::to_string(manifest.size_bytes));
  }
  return {};
}

bool IsBeingDeleted(std::string_view name) {
  return name.ends_with(kDeletedSuffix) &&
         !IdOf(name.substr(0, name.size() - kDeletedSuffix.size()), kManifestSuffix).empty();
}

// Whether a snapshot that is there has no manifest, nor will have one in a moment. Asked afresh,
// since a listing may miss a file that is being renamed; the last look is for one that just was.
bool IsOrphan(Files& files, const Files::Path& directory, const std::string& id) {
  const std::string manifest = ManifestName(id);
  const std::string deleted = DeletedManifestName(id);
  for (const std::string& name : {manifest, WithPartialSuffix(manifest), manifest, deleted}) {
    if (files.Stat(directory / name).ok()) return false;
  }
  return files.Stat(directory / SnapshotName(id)).ok();
}

}  // namespace

const Manifest* Listing::NewestGood() const {
  const auto found = std::ranges::find_if(
      backups, [](const Manifest& backup) { return backup.quarantined.empty(); });
  return found == backups.end() ? nullptr : &*found;
}

const Manifest* Listing::OriginalOf(const Manifest& backup) const {
  const auto oldest = std::find_if(backups.rbegin(), backups.rend(), [&](const Manifest& each) {
    return each.cluster_id == backup.cluster_id && each.revision == backup.revision &&
           each.database_sha256 == backup.database_sha256;
  });
  return oldest == backups.rend() || oldest->id == backup.id ? nullptr : &*oldest;
}

Result<Listing> ListBackups(Files& files, const Files::Path& directory) {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> found, files.List(directory));
  std::set<std::string> names;
  for (const DirectoryEntry& entry : found) names.insert(entry.name);
  Listing listing;
  for (const std::string& name : names) {
    if (std::ranges::find(kOthers, name) != kOthers.end()) continue;
    if (name.ends_with(kPartialSuffix) || IsBeingDeleted(name)) continue;
    const std::string snapshot_of = IdOf(name, kSnapshotSuffix);
    const std::string id = IdOf(name, kManifestSuffix);
    if (id.empty()) {
      const bool orphan = !snapshot_of.empty();
      if (orphan && (names.contains(ManifestName(snapshot_of)) ||
                     names.contains(DeletedManifestName(snapshot_of)) ||
                     !IsOrphan(files, directory, snapshot_of))) {
        continue;
      }
      listing.strangers.push_back(
          {name, orphan ? "a snapshot without a manifest" : "not a file of the catalogue", orphan});
      continue;
    }
    Result<Manifest> manifest = ReadManifest(files, directory, id);
    const Status damage =
        manifest.ok() ? CheckSnapshot(files, directory, *manifest) : manifest.error();
    if (!damage.ok()) {
      // Removed in the meantime, manifest first.
      if (files.Stat(directory / name).status().code() == Code::kNotFound) continue;
      listing.strangers.push_back({name, "damaged: " + damage.message(), true});
      continue;
    }
    listing.stored_bytes += manifest->size_bytes;
    listing.backups.push_back(*std::move(manifest));
  }
  std::ranges::sort(listing.backups, [](const Manifest& a, const Manifest& b) {
    return std::tie(a.created, a.id) > std::tie(b.created, b.id);
  });
  return listing;
}

Result<Catalogue> Catalogue::Open(Files& files, Files::Path directory, Logger& log) {
  WARDEN_RETURN_IF_ERROR(files.MakeDirectories(directory));
  Result<std::unique_ptr<FileLock>> lock = files.Lock(directory / kLockName);
  if (!lock.ok()) {
    const bool held = lock.error().code() == Code::kFailedPrecondition;
    return held ? Status(Code::kFailedPrecondition,
                         lock.error().message() + "; is another etcd-warden using this directory?")
                : lock.error();
  }
  Catalogue catalogue(files, std::move(directory), *std::move(lock));
  {
    WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> turn,
                            TakeTurn(files, catalogue.directory_));
    // Files that cannot be removed are no reason to take no backups.
    if (const Status finished = FinishDeletions(files, catalogue.directory_); !finished.ok()) {
      log.Log(LogLevel::kError, "cannot finish a deletion", {{"error", finished}});
    }
    WARDEN_RETURN_IF_ERROR(catalogue.ClearUp(log));
  }
  WARDEN_RETURN_IF_ERROR(catalogue.ProveWritable());
  return catalogue;
}

Status Catalogue::ProveWritable() {
  const Files::Path probe = directory_ / WithPartialSuffix(".probe");
  Status removed = files_->Remove(probe);
  if (!removed.ok() && removed.code() != Code::kNotFound) return removed;
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files_->Create(probe));
  return files_->Remove(probe);
}

Files::Path Catalogue::PartialPath(std::string_view id) const {
  return directory_ / WithPartialSuffix(SnapshotName(id));
}

Status Catalogue::ClearUp(Logger& log) {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files_->List(directory_));
  const std::string manifest_partial = WithPartialSuffix(std::string(kManifestSuffix));
  const std::string snapshot_partial = WithPartialSuffix(std::string(kSnapshotSuffix));
  for (const DirectoryEntry& entry : entries) {
    const std::string id = IdOf(entry.name, manifest_partial);
    if (!id.empty()) {
      WARDEN_ASSIGN_OR_RETURN(const bool completed, CompleteCommit(id, log));
      if (completed) continue;
    }
    if (id.empty() && IdOf(entry.name, snapshot_partial).empty()) continue;
    WARDEN_RETURN_IF_ERROR(files_->Remove(directory_ / entry.name));
    log.Log(LogLevel::kWarn, "removed the leftover of an interrupted backup",
            {{"file", (directory_ / entry.name).string()}});
  }
  return files_->SyncDirectory(directory_);
}

Result<bool> Catalogue::CompleteCommit(const std::string& id, Logger& log) {
  const Files::Path partial = directory_ / WithPartialSuffix(ManifestName(id));
  const Result<std::string> text = files_->ReadAll(partial, kManifestBytesMax);
  const Result<DirectoryEntry> snapshot = files_->Stat(directory_ / SnapshotName(id));
  const Status failure = !text.ok()                                    ? text.error()
                         : snapshot.status().code() == Code::kNotFound ? Status()
                                                                       : snapshot.status();
  // Larger than any manifest.
  if (failure.code() == Code::kResourceExhausted) return false;
  if (!failure.ok()) {
    log.Log(LogLevel::kWarn, "cannot tell whether a commit was whole, leaving it to the next start",
            {{"backup", id}, {"error", failure}});
    return true;
  }
  const Result<Manifest> manifest = ParseManifest(*text);
  if (!manifest.ok() || manifest->id != id || !snapshot.ok() ||
      snapshot->size_bytes != manifest->size_bytes) {
    return false;
  }
  WARDEN_RETURN_IF_ERROR(files_->Rename(partial, directory_ / ManifestName(id)));
  log.Log(LogLevel::kWarn, "completed a backup whose commit was interrupted", {{"backup", id}});
  return true;
}

}  // namespace warden::backup
