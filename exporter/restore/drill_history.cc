#include "exporter/restore/drill_history.h"

#include <utility>

namespace warden::restore {

DrillHistory::Receipts DrillHistory::Read() {
  // Listed first: a receipt that comes in between is in the next list.
  std::set<std::string> names;
  const auto entries = files_.List(store_.directory());
  if (entries.ok()) {
    for (const DirectoryEntry& entry : *entries) {
      if (!entry.name.ends_with(kPartialSuffix)) names.insert(entry.name);
    }
  }
  {
    MutexLock lock(mutex_);
    if (names == names_) return receipts_;
  }
  auto read = store_.Load(log_);
  if (!read.ok()) {
    log_.Log(LogLevel::kError, "cannot read the receipts of drills",
             {{"directory", store_.directory().string()}, {"error", read.error()}});
    read = std::vector<DrillReceipt>();
  }
  auto receipts = std::make_shared<const std::vector<DrillReceipt>>(*std::move(read));
  MutexLock lock(mutex_);
  names_ = std::move(names);
  receipts_ = receipts;
  return receipts;
}

}  // namespace warden::restore
