// Where a drill makes what it needs: a directory of its own in the scratch directory, "drill-<id>",
// which only its owner may enter, and which is gone when the drill is.
//
//   lock     held for as long as the drill runs
//   data/    the data directory
//   backup   a copy that was fetched; beside it, for a while, as it was packed
//   client:1, peer:1  the sockets of etcd (drill_etcd.h)
#pragma once

#include <memory>
#include <string>

#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/result.h"
#include "exporter/config/backup_config.h"

namespace warden::restore {

// That of the drill's configuration, or the one in the backup directory; absolute.
Files::Path ScratchDirectory(const config::BackupConfig& config, const config::DrillConfig& drill);

class DrillScratch {
 public:
  // kFailedPrecondition if `scratch` is, or lies in, the data directory of an etcd. Creates it
  // where it is missing. `files` outlives the object.
  static Result<DrillScratch> Make(Files& files, const Files::Path& scratch, const std::string& id);
  ~DrillScratch();
  DrillScratch(DrillScratch&& other) noexcept;
  DrillScratch& operator=(DrillScratch&&) = delete;

  const Files::Path& path() const { return path_; }
  Files::Path data() const { return path_ / "data"; }
  Files::Path backup() const { return path_ / "backup"; }

  // What has been made in it goes as well. The end of the object tries it, too.
  Status Remove();

 private:
  DrillScratch(Files& files, Files::Path path, std::unique_ptr<FileLock> lock)
      : files_(&files), path_(std::move(path)), lock_(std::move(lock)) {}

  Files* files_;
  Files::Path path_;                // empty once it is gone
  std::unique_ptr<FileLock> lock_;  // null once it is gone
};

// Removes what drills left behind whose process died. One whose process lives, or whose database an
// etcd still has open, stays; what cannot be removed is logged.
void RemoveLeftOvers(Files& files, const Files::Path& scratch, Logger& log);

}  // namespace warden::restore
