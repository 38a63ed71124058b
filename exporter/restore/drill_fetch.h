// A copy from its destination into scratch space, beside the catalogue: `backup fetch` would make
// it a backup again, which a drill has no use for.
#pragma once

#include "exporter/backup/manifest.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/config/backup_config.h"

namespace warden::restore {

// Downloads the copy and opens it: the new file `to` is then the snapshot, unless it is damaged.
// `copy` is its manifest at that destination. kDataLoss if it cannot be opened. What is needed on
// the way lies beside `to` and is gone in the end, as is `to` after a failure.
Status FetchCopy(Files& files, const backup::Manifest& copy,
                 const config::DestinationConfig& destination, const Files::Path& identity_file,
                 const Files::Path& to, const Deadline& deadline);

}  // namespace warden::restore
