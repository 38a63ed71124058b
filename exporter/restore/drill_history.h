// The receipts of a cluster's drills for those who ask often: read again only when there are others
// than before, whichever process wrote them.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/mutex.h"
#include "exporter/restore/drill_receipt.h"

namespace warden::restore {

// Thread-safe.
class DrillHistory {
 public:
  using Receipts = std::shared_ptr<const std::vector<DrillReceipt>>;

  // `catalogue` is the cluster's backup directory; files and log outlive the history.
  DrillHistory(Files& files, const Files::Path& catalogue, Logger& log)
      : files_(files), log_(log), store_(files, catalogue) {}

  // The newest first; never null. What cannot be read is logged and left out.
  Receipts Read() WARDEN_EXCLUDES(mutex_);

 private:
  Files& files_;
  Logger& log_;
  const DrillStore store_;

  Mutex mutex_;
  std::set<std::string> names_ WARDEN_GUARDED_BY(mutex_);  // in the directory, when it was read
  Receipts receipts_ WARDEN_GUARDED_BY(mutex_) = std::make_shared<std::vector<DrillReceipt>>();
};

}  // namespace warden::restore
