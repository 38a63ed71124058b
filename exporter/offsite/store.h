// What is known to be at a destination: the manifests of its copies, in a directory beside the
// catalogue, so that neither a restart nor a scrape has to ask for it.
//
//   copies/<destination>/<id>.json    the copy's manifest, the same as at the destination
//   copies/<destination>/.state       how the last attempts went
//   copies/<destination>/.lock        held while something is copied or deleted there
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/backup/manifest.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"

namespace warden::offsite {

struct CopyState {
  std::optional<WallTime> last_attempt;
  std::optional<WallTime> last_success;
  int failures = 0;    // in a row
  std::string error;   // of the last one; empty after a success
  std::string remote;  // where the copies are

  bool up() const { return failures == 0 && last_success.has_value(); }
  friend bool operator==(const CopyState&, const CopyState&) = default;
};

// Thread-safe as far as the ids differ.
class DestinationStore {
 public:
  // `catalogue` is the cluster's backup directory. Nothing is created before the first Record.
  DestinationStore(Files& files, const Files::Path& catalogue, const std::string& destination);

  // The copies, newest first. What cannot be read is left out, and logged by whoever rebuilds.
  Result<std::vector<backup::Manifest>> List() const;
  Status Record(const backup::Manifest& copy);
  // kNotFound is success.
  Status Forget(const std::string& id);

  CopyState State() const;
  Status SaveState(const CopyState& state);

  // One process at a time works on a destination; kFailedPrecondition while another one does.
  Result<std::unique_ptr<FileLock>> Lock();

  const Files::Path& directory() const { return directory_; }

 private:
  Files* files_;
  Files::Path directory_;
};

}  // namespace warden::offsite
