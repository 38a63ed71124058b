// What a drill has found, kept beside the backups:
//
//   drills/<id>.json   its receipt
//   drills/<id>.log    of one that failed: the end of what the restored etcd logged
//   drills/.lock       held while a drill runs
//
// Like a manifest it can be read by an older version: fields that are not known are passed over.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/base/log.h"
#include "exporter/base/result.h"
#include "exporter/metrics/instruments.h"

namespace warden::restore {

// Receipts that are kept; the oldest go first.
inline constexpr std::size_t kDrillReceiptsKept = 100;

// One part of a drill that was gone through, or the one that failed.
struct DrillStep {
  std::string name;  // see drill.h
  Nanoseconds duration{};
  std::string found;  // in a few words, for people; of one that failed: why
  bool passed = false;
  friend bool operator==(const DrillStep&, const DrillStep&) = default;
};

// Why this backup was chosen.
enum class DrillChoice {
  kNamed,        // by whoever asked for the drill
  kNewest,       // the newest verified one
  kLeastRecent,  // the one whose last drill was longest ago
  kCopy,         // from a destination
};
std::string_view DrillChoiceName(DrillChoice choice);  // "named", "newest", ...

struct DrillReceipt {
  std::string id;       // of the same form as a backup's
  std::string cluster;  // the configured name
  std::string backup_id;
  std::string destination;  // where the copy came from; empty: from the catalogue
  DrillChoice choice = DrillChoice::kNamed;
  metrics::Trigger trigger = metrics::Trigger::kManual;  // or kSchedule
  int turn = -1;  // of a scheduled one: its place in the rota of drill_choice.h
  WallTime started{};
  WallTime finished{};
  // Everything was done and nothing was wrong. What could not be rehearsed did not succeed.
  bool succeeded = false;
  // No etcd was found that could be started on it: only the files were looked at.
  bool offline = false;
  std::string failed_step;
  std::string error;  // one line
  // The backup did not hold what it was to hold. It is in quarantine, unless it was a copy.
  bool damaged = false;
  std::string etcd_version;
  std::string etcd_program;
  // The measured time to restore: from the first byte of the data directory to the first
  // linearizable read. nullopt if it did not come to that.
  std::optional<Nanoseconds> restore_duration;
  std::optional<Nanoseconds> fetch_duration;  // of a copy, before that
  std::vector<DrillStep> steps;
  std::optional<std::int64_t> revision;
  std::optional<std::uint32_t> hash;  // as the restored etcd answered HashKV
  std::optional<std::uint64_t> keys;
  std::optional<std::uint64_t> leases;
  std::optional<std::uint64_t> samples;  // keys that were read and compared
  std::vector<std::string> notes;        // what else there is to know

  std::string Source() const;  // "catalogue", "copy s3"
};

Json ToJson(const DrillReceipt& receipt);
// kInvalidArgument names the field that is missing or wrong.
Result<DrillReceipt> ParseDrillReceipt(std::string_view text);

// The receipts of one cluster. One process at a time writes them (Lock); anybody may read.
class DrillStore {
 public:
  // `catalogue` is the cluster's backup directory; nothing is created before the first Lock.
  // `files` outlives the store.
  DrillStore(Files& files, const Files::Path& catalogue)
      : files_(&files), directory_(catalogue / backup::kDrillsName) {}

  // All of them, the newest first; unreadable files are logged and left out. No directory: none.
  Result<std::vector<DrillReceipt>> Load(Logger& log) const;

  // Creates the directory. kFailedPrecondition while another process has a drill running. Removes
  // what a crash left half written.
  Result<std::unique_ptr<FileLock>> Lock() const;

  // Durable when it returns success. `evidence` becomes the log beside it, unless it is empty.
  // Removes the oldest receipts beyond kDrillReceiptsKept with their logs. The caller holds the
  // lock.
  Status Save(const DrillReceipt& receipt, std::string_view evidence) const;

  const Files::Path& directory() const { return directory_; }
  Files::Path LogPath(const std::string& id) const { return directory_ / (id + ".log"); }

 private:
  Status RemoveOld() const;

  Files* files_;
  Files::Path directory_;
};

}  // namespace warden::restore
