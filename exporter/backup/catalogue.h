// The catalogue of one cluster: a directory, which is the truth about its backups.
//
//   <id>.db            the snapshot, byte for byte what `etcdctl snapshot save` writes
//   <id>.json          its manifest; a backup exists if and only if this file does
//   <id>.db.partial    a snapshot being streamed
//   <id>.json.partial  a manifest whose backup is being committed
//   <id>.json.deleted  a backup whose deletion has begun (changes.h)
//   jobs/              one file per job (jobs.h)
//   requests/          jobs that the command line asks a running daemon for (worker.h)
//   schedules.json     when each schedule last ran (schedule_store.h)
//   revisions.json    the highest revision each cluster was seen at (revision_marks.h)
//   heartbeat.json     when Alertmanager's heartbeat last came (app/heartbeat.h)
//   copies/, spool/    what is known of the copies, and copies in the making (offsite/)
//   drills/, scratch/  what drills have found, and where they restore (restore/)
//   .lock              held by the process that writes here
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exporter/backup/changes.h"
#include "exporter/backup/manifest.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"

namespace warden::backup {

inline constexpr std::string_view kJobsName = "jobs";
inline constexpr std::string_view kRequestsName = "requests";
inline constexpr std::string_view kSchedulesName = "schedules.json";
inline constexpr std::string_view kHeartbeatName = "heartbeat.json";
inline constexpr std::string_view kCopiesName = "copies";
inline constexpr std::string_view kSpoolName = "spool";
inline constexpr std::string_view kDrillsName = "drills";
inline constexpr std::string_view kScratchName = "scratch";
inline constexpr std::string_view kLockName = ".lock";

struct Stranger {
  std::string name;
  std::string reason;
  bool damaged = false;  // it was, or looks like, a backup; else it is none of ours
};

struct Listing {
  std::vector<Manifest> backups;    // newest first, by when they were complete
  std::vector<Stranger> strangers;  // damaged or foreign files; never touched
  std::uint64_t stored_bytes = 0;   // of the backups' snapshots

  // The newest backup that is not in quarantine; nullptr if there is none.
  const Manifest* NewestGood() const;
  // The oldest backup with the same cluster, revision and database as this one: another warden's,
  // or one of a cluster that did not change. nullptr if it is the first of its kind.
  const Manifest* OriginalOf(const Manifest& backup) const;
};

// Reads the directory. Works beside a running writer and without rights to write; a backup that is
// removed while it lists is left out. Fails only if the directory itself cannot be read.
Result<Listing> ListBackups(Files& files, const Files::Path& directory);

// The one writer of a catalogue. Not thread-safe; ListBackups may run at the same time.
class Catalogue {
 public:
  // Creates the directory where it is missing, takes the lock (kFailedPrecondition if another
  // process holds it), proves that it can be written to, and clears up what a crash left: a commit
  // that lacked only its last rename is completed, every other partial is removed. `files` outlives
  // the catalogue.
  static Result<Catalogue> Open(Files& files, Files::Path directory, Logger& log);

  const Files::Path& directory() const { return directory_; }
  Result<Listing> List() const { return ListBackups(*files_, directory_); }

  // Where the snapshot of a backup to be is streamed.
  Files::Path PartialPath(std::string_view id) const;

  // Makes the complete, synced file at PartialPath(manifest.id) a backup, atomically and durably.
  // After a failure neither the backup nor the partial exists.
  Status Commit(const Manifest& manifest) { return PublishBackup(*files_, directory_, manifest); }

 private:
  Catalogue(Files& files, Files::Path directory, std::unique_ptr<FileLock> lock)
      : files_(&files), directory_(std::move(directory)), lock_(std::move(lock)) {}
  Status ClearUp(Logger& log);
  Status ProveWritable();
  // True if the backup whose manifest is still partial was whole and is now listed.
  Result<bool> CompleteCommit(const std::string& id, Logger& log);

  Files* files_;
  Files::Path directory_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace warden::backup
