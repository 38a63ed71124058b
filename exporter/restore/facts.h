// What a plan has to know of a snapshot: read and verified once, when the plan is made.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/backup/manifest.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/restore/plan.h"
#include "exporter/snapshot/verify.h"

namespace warden::restore {

struct ReadFacts {
  SnapshotFacts facts;
  std::vector<Remark> remarks;  // what is odd about it
};

// Verifies the file to level 2, and with a manifest that it is the backup of that manifest.
// kDataLoss: it is damaged, or not the manifest's. kFailedPrecondition: the manifest says that it
// is not to be trusted. Else as VerifyFile.
Result<ReadFacts> GatherFacts(Files& files, const Files::Path& path,
                              const std::optional<backup::Manifest>& manifest,
                              const snapshot::VerifyOptions& options);

}  // namespace warden::restore
