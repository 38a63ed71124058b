// The way back: what a destination has, and one of its backups into the catalogue.
#pragma once

#include <string>
#include <vector>

#include "exporter/backup/manifest.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/config/backup_config.h"
#include "exporter/offsite/copy.h"
#include "exporter/offsite/store.h"

namespace warden::offsite {

// Retention leaves a fetched backup alone for so long, old as it may be.
inline constexpr Seconds kFetchedHold{7L * 24 * 3600};

// Downloads the copy, opens it, verifies it to level 2 against its manifest, and makes it a backup
// of the catalogue again. `identity_file` is the age private key of an encrypted copy.
// kAlreadyExists if the backup is there, kNotFound if the destination is not known to have it,
// kDataLoss if the copy is not what its manifest says.
Result<backup::Manifest> FetchBackup(const CopySource& source, const std::string& id,
                                     const config::DestinationConfig& destination,
                                     const Files::Path& identity_file, const CopyTools& tools,
                                     const Deadline& deadline);

struct Rebuilt {
  std::size_t found = 0;                // copies that the destination has
  std::vector<std::string> learnt;      // ids that were not known
  std::vector<std::string> forgotten;   // ids that were known and are gone
  std::vector<std::string> complaints;  // about what is there and cannot be used, one line each
};
// Makes the store say what the destination really has: reads every manifest there.
Result<Rebuilt> RebuildStore(const CopySource& source, const config::DestinationConfig& destination,
                             const CopyTools& tools, const Deadline& deadline);

}  // namespace warden::offsite
