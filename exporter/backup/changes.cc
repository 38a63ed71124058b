#include "exporter/backup/changes.h"

#include <thread>

namespace warden::backup {
namespace {

// The longest change deletes a few files: many times what it needs.
constexpr int kTurnTries = 1'000;
constexpr Milliseconds kTurnPause{10};

Status RemoveIfThere(Files& files, const Files::Path& path) {
  Status removed = files.Remove(path);
  return removed.code() == Code::kNotFound ? Status() : removed;
}

// The second step: nothing refers to these files any more.
Status RemoveRest(Files& files, const Files::Path& directory, const std::string& id) {
  WARDEN_RETURN_IF_ERROR(RemoveIfThere(files, directory / SnapshotName(id)));
  // A snapshot that outlived this file in a power cut would look like a backup that lost its own.
  WARDEN_RETURN_IF_ERROR(files.SyncDirectory(directory));
  return RemoveIfThere(files, directory / DeletedManifestName(id));
}

std::string Partial(std::string name) {
  return name.append(kPartialSuffix);
}

Result<std::string> DumpManifest(const Manifest& manifest) {
  std::string text = DumpJson(ToJson(manifest), 2) + "\n";
  if (text.size() <= kManifestBytesMax) return text;
  return Status(Code::kResourceExhausted, "the manifest has " + std::to_string(text.size()) +
                                              " bytes, more than can be read back");
}

// The manifest is on stable storage under its partial name before the snapshot gets its own, so
// that a start can tell a commit that was cut short from a snapshot whose manifest was lost.
Status Publish(Files& files, const Files::Path& directory, const Manifest& manifest) {
  const Files::Path partial = directory / Partial(ManifestName(manifest.id));
  WARDEN_ASSIGN_OR_RETURN(const std::string text, DumpManifest(manifest));
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files.Create(partial));
  WARDEN_RETURN_IF_ERROR(file->Append(std::as_bytes(std::span(text))));
  WARDEN_RETURN_IF_ERROR(file->Sync());
  WARDEN_RETURN_IF_ERROR(file->Close());
  WARDEN_RETURN_IF_ERROR(files.SyncDirectory(directory));
  // Of a deletion that was cut short, or the next start would go on with it.
  WARDEN_RETURN_IF_ERROR(RemoveIfThere(files, directory / DeletedManifestName(manifest.id)));
  const std::string snapshot = SnapshotName(manifest.id);
  WARDEN_RETURN_IF_ERROR(files.Rename(directory / Partial(snapshot), directory / snapshot));
  WARDEN_RETURN_IF_ERROR(files.SyncDirectory(directory));
  WARDEN_RETURN_IF_ERROR(files.Rename(partial, directory / ManifestName(manifest.id)));
  return files.SyncDirectory(directory);
}

Status Delete(Files& files, const Files::Path& directory, const std::string& id) {
  WARDEN_RETURN_IF_ERROR(
      files.Rename(directory / ManifestName(id), directory / DeletedManifestName(id)));
  WARDEN_RETURN_IF_ERROR(files.SyncDirectory(directory));
  return RemoveRest(files, directory, id);
}

}  // namespace

std::string DeletedManifestName(std::string_view id) {
  return ManifestName(id).append(kDeletedSuffix);
}

Result<std::unique_ptr<FileLock>> TakeTurn(Files& files, const Files::Path& directory) {
  for (int tries = 1;; ++tries) {
    Result<std::unique_ptr<FileLock>> lock = files.Lock(directory / kChangesLockName);
    if (lock.ok() || lock.error().code() != Code::kFailedPrecondition) return lock;
    if (tries == kTurnTries) {
      return Status(Code::kUnavailable, directory.string() +
                                            ": another process is changing the catalogue and does "
                                            "not come to an end; try again");
    }
    std::this_thread::sleep_for(kTurnPause);
  }
}

Result<Manifest> ReadManifest(Files& files, const Files::Path& directory, const std::string& id) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text,
                          files.ReadAll(directory / ManifestName(id), kManifestBytesMax));
  WARDEN_ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(text));
  if (manifest.id != id) {
    return Status(Code::kInvalidArgument, "the manifest is that of backup " + manifest.id);
  }
  return manifest;
}

Status WriteManifest(Files& files, const Files::Path& directory, const Manifest& manifest) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, DumpManifest(manifest));
  return WriteAtomically(files, directory / ManifestName(manifest.id), text);
}

Status PublishBackup(Files& files, const Files::Path& directory, const Manifest& manifest) {
  Status published = Publish(files, directory, manifest);
  if (published.ok()) return published;
  // As a deletion, so that a power cut leaves a file that says that there is no backup.
  const std::string id = manifest.id;
  files.Rename(directory / ManifestName(id), directory / DeletedManifestName(id)).ok();
  files.SyncDirectory(directory).ok();
  files.Remove(directory / Partial(SnapshotName(id))).ok();
  RemoveRest(files, directory, id).ok();
  files.Remove(directory / Partial(ManifestName(id))).ok();
  return published;
}

Result<Manifest> ChangeManifest(Files& files, const Files::Path& directory, const std::string& id,
                                const std::function<void(Manifest&)>& change) {
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> turn, TakeTurn(files, directory));
  WARDEN_ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(files, directory, id));
  change(manifest);
  WARDEN_RETURN_IF_ERROR(WriteManifest(files, directory, manifest));
  return manifest;
}

Deletion DeleteBackups(Files& files, const Files::Path& directory,
                       const std::vector<std::string>& ids,
                       const std::function<bool(const Manifest&)>& still) {
  Deletion deletion;
  if (ids.empty()) return deletion;
  const Result<std::unique_ptr<FileLock>> turn = TakeTurn(files, directory);
  if (!turn.ok()) return {.deleted = {}, .failure = turn.error()};
  for (const std::string& id : ids) {
    const Result<Manifest> manifest = ReadManifest(files, directory, id);
    if (!manifest.ok()) {
      if (manifest.error().code() == Code::kNotFound) continue;
      return {.deleted = std::move(deletion.deleted), .failure = manifest.error()};
    }
    if (!still(*manifest)) continue;
    deletion.failure = Delete(files, directory, id).WithContext("delete backup " + id);
    if (!deletion.failure.ok()) return deletion;
    deletion.deleted.push_back(id);
  }
  deletion.failure = files.SyncDirectory(directory);
  return deletion;
}

Status FinishDeletions(Files& files, const Files::Path& directory) {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files.List(directory));
  const std::string suffix = DeletedManifestName("");
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.ends_with(suffix)) continue;
    const std::string id = entry.name.substr(0, entry.name.size() - suffix.size());
    if (!IsId(id)) continue;
    // It may have been fetched again since.
    const Status backup = files.Stat(directory / ManifestName(id)).status();
    if (!backup.ok() && backup.code() != Code::kNotFound) return backup;
    WARDEN_RETURN_IF_ERROR(backup.ok() ? RemoveIfThere(files, directory / entry.name)
                                       : RemoveRest(files, directory, id));
  }
  return {};
}

}  // namespace warden::backup
