#include "exporter/backup/prune.h"

#include <algorithm>

#include "exporter/backup/changes.h"

namespace warden::backup {

Candidate ToCandidate(const Manifest& manifest, WallTime now) {
  return {.id = manifest.id,
          .backup_class = manifest.backup_class,
          .created = manifest.created,
          .revision = manifest.revision.value_or(0),
          .size_bytes = manifest.size_bytes,
          .verified = manifest.verified(),
          .quarantined = !manifest.quarantined.empty(),
          .pinned = manifest.pinned(now)};
}

std::vector<Decision> Decide(const std::vector<Manifest>& backups,
                             const config::RetentionConfig& retention, WallTime now) {
  std::vector<Candidate> candidates;
  candidates.reserve(backups.size());
  for (const Manifest& backup : backups) candidates.push_back(ToCandidate(backup, now));
  return DecideRetention(std::move(candidates), retention, now);
}

Result<Pruned> Prune(Files& files, const Files::Path& directory,
                     const config::RetentionConfig& retention, WallTime now) {
  WARDEN_ASSIGN_OR_RETURN(const Listing listing, ListBackups(files, directory));
  std::vector<std::string> doomed;
  for (const Decision& decision : Decide(listing.backups, retention, now)) {
    if (!decision.keep) doomed.push_back(decision.id);
  }
  std::ranges::reverse(doomed);
  Deletion deletion = DeleteBackups(
      files, directory, doomed, [&](const Manifest& manifest) { return !manifest.pinned(now); });
  return Pruned{.deleted = std::move(deletion.deleted), .failure = std::move(deletion.failure)};
}

}  // namespace warden::backup
