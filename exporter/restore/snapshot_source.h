// The snapshot of a plan while it is restored.
#pragma once

#include <future>
#include <memory>
#include <stop_token>
#include <string>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/restore/database.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

// The file's digest is computed from the beginning, on a thread of its own. Not thread-safe.
class SnapshotSource {
 public:
  // kDataLoss if the file cannot be the plan's, by its size. `plan` outlives it.
  static Result<std::unique_ptr<SnapshotSource>> Open(Files& files, const Files::Path& path,
                                                      const Plan& plan);
  SnapshotSource(Files::Path path, std::unique_ptr<ReadableFile> file, const Plan& plan);
  ~SnapshotSource() { stop_.request_stop(); }
  SnapshotSource(const SnapshotSource&) = delete;
  SnapshotSource& operator=(const SnapshotSource&) = delete;

  SnapshotFile file() const {
    return {.file = *file_, .database_bytes = plan_.snapshot.database_bytes};
  }
  // Waits for the digest; kDataLoss if it is not the plan's. Call it once.
  Status CheckDigest();

 private:
  const Files::Path path_;
  const std::unique_ptr<ReadableFile> file_;
  const Plan& plan_;
  std::stop_source stop_;
  std::future<Result<std::string>> digest_;  // last: it reads the file
};

}  // namespace warden::restore
