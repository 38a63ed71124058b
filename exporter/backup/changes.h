// Changes to backups that exist, by whichever process: the daemon and the command line take turns.
//
// A directory's file `.changes` is locked for as long as one change takes. A backup is deleted in
// two steps, so that a crash leaves either a backup or a file that says it is none:
//   <id>.json          becomes <id>.json.deleted: it is no backup any more
//   <id>.db            is removed, then <id>.json.deleted
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/backup/manifest.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"

namespace warden::backup {

// Above it, a manifest is not read; one that would be larger is not written.
inline constexpr std::size_t kManifestBytesMax = 1 << 20;
inline constexpr std::string_view kDeletedSuffix = ".deleted";
std::string DeletedManifestName(std::string_view id);  // "<id>.json.deleted"
inline constexpr std::string_view kChangesLockName = ".changes";

// Waits its turn, for some seconds; kUnavailable if another process does not end its own. The turn
// lasts as long as the object.
Result<std::unique_ptr<FileLock>> TakeTurn(Files& files, const Files::Path& directory);

// The manifest of that backup; kNotFound if there is none.
Result<Manifest> ReadManifest(Files& files, const Files::Path& directory, const std::string& id);
// Replaces or creates it, atomically and durably.
Status WriteManifest(Files& files, const Files::Path& directory, const Manifest& manifest);

// Makes the complete, synced file "<id>.db.partial" a backup, atomically and durably. After a
// failure neither the backup nor the partial exists.
Status PublishBackup(Files& files, const Files::Path& directory, const Manifest& manifest);

// Lets `change` edit the manifest, and replaces it. Takes a turn. Returns it as it is now.
Result<Manifest> ChangeManifest(Files& files, const Files::Path& directory, const std::string& id,
                                const std::function<void(Manifest&)>& change);

// Deletes these backups, the first first; of each, `still` is asked once more with the manifest as
// it is by then, since it may have been pinned: false keeps it. Takes a turn. Returns the ids that
// are gone; what failed for one ends it, and is in `failure`.
struct Deletion {
  std::vector<std::string> deleted;
  Status failure;
};
Deletion DeleteBackups(Files& files, const Files::Path& directory,
                       const std::vector<std::string>& ids,
                       const std::function<bool(const Manifest&)>& still);

// Ends deletions that were cut short. The caller holds the catalogue, or the turn.
Status FinishDeletions(Files& files, const Files::Path& directory);

}  // namespace warden::backup
