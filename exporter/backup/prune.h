// Retention applied to a catalogue: decide, then delete what nothing holds.
#pragma once

#include <string>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/retention.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/config/retention_config.h"

namespace warden::backup {

// What retention looks at.
Candidate ToCandidate(const Manifest& manifest, WallTime now);
std::vector<Decision> Decide(const std::vector<Manifest>& backups,
                             const config::RetentionConfig& retention, WallTime now);

struct Pruned {
  std::vector<std::string> deleted;
  Status failure;  // of a deletion; what was deleted before it is gone
};

// Decides over what the catalogue holds now and deletes, oldest first. A backup that is pinned in
// the meantime stays. Fails if the catalogue cannot be read. Takes a turn (changes.h).
Result<Pruned> Prune(Files& files, const Files::Path& directory,
                     const config::RetentionConfig& retention, WallTime now);

}  // namespace warden::backup
