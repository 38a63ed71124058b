// One backup to one destination: packed, uploaded, proven to be there, and written down.
#pragma once

#include <string>

#include "exporter/backup/manifest.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/result.h"
#include "exporter/config/backup_config.h"
#include "exporter/metrics/instruments.h"
#include "exporter/offsite/rclone.h"
#include "exporter/offsite/store.h"

namespace warden::offsite {

// Whose backups are copied.
struct CopySource {
  std::string cluster;    // the configured name
  Files::Path directory;  // of the catalogue
};

// What copies need; all outlive them.
struct CopyTools {
  Files& files;
  const Clock& clock;
  Logger& log;
  metrics::Instruments& instruments;
  Milliseconds poll{60'000};  // between two looks for something to do
};

Rclone MakeRclone(const config::DestinationConfig& destination);

// The destination's place for what is in the making, empty: whoever holds the store's lock clears
// it of what a crash left.
Result<Files::Path> ClearSpool(const CopySource& source,
                               const config::DestinationConfig& destination, Files& files);

// The copy's file first, its manifest last: a copy exists if and only if its manifest does. A file
// that is there already is replaced. Returns the manifest that was recorded. The stages are timed
// under the cluster's name.
Result<backup::Manifest> CopyBackup(const CopySource& source, const backup::Manifest& backup,
                                    const config::DestinationConfig& destination,
                                    DestinationStore& store, const CopyTools& tools,
                                    const Deadline& deadline);

// Removes the manifest first, then the file, there and from the store.
Status RemoveCopy(const backup::Manifest& copy, const config::DestinationConfig& destination,
                  DestinationStore& store, const Deadline& deadline);

}  // namespace warden::offsite
