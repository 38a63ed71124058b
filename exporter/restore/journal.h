// How far a restore of one member has come, on disk beside its data directory, so that the next run
// knows: "<data dir>.restore-<id>.json". Once it is done, this is its receipt.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/base/result.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

enum class RunState {
  kWriting,   // the new directory is being written, or was and is not proven yet
  kReady,     // written and proven; the old one is where it was
  kSwapping,  // some of `moves` may be made
  kSwapped,   // all of them are
  kDone,
  kUndoing,  // some of `moves` may be taken back
  kUndone,
};
std::string_view RunStateName(RunState state);  // "writing", "ready", ...

// A rename; both are on the same file system.
struct Move {
  Files::Path from;
  Files::Path to;
  friend bool operator==(const Move&, const Move&) = default;
};

struct Journal {
  std::string id;  // of this run; names what it makes
  std::string plan_id;
  std::string plan_digest;
  std::string member;
  RunState state = RunState::kWriting;
  Files::Path data_dir;
  std::optional<Files::Path> wal_dir;
  Files::Path snapshot;     // the file that was restored
  std::string writer;       // "etcd-warden", or the tool's path
  bool inside = false;      // the data directory is a mount point: what is in it changes places
  MemberPlace staging;      // where the new data is written
  std::vector<Move> moves;  // in this order: the old aside, the new into its place
  std::size_t moved = 0;    // so many of them are made; the next may be, too
  WallTime started{};
  std::optional<WallTime> ended;
  Json verification;  // as ToJson(DirectoryVerification); null before
  std::string error;  // of the last try, if it failed
  // Steps around the swap that were made, for the static-pod procedure (kubeadm.h): their names, in
  // order, and what each needs to be undone.
  Json procedure;

  bool ended_well() const { return state == RunState::kDone; }
  // Whether neither a run nor an undo has anything left to do.
  bool is_over() const { return state == RunState::kDone || state == RunState::kUndone; }
};

// "<data dir>.restore-<id>.json"; where the data directory is a mount point, inside of it.
Files::Path JournalPath(const Journal& journal);
Json ToJson(const Journal& journal);
Result<Journal> ParseJournal(std::string_view text);
// Durable when it returns.
Status SaveJournal(Files& files, const Journal& journal);

// Held by whoever restores or undoes there, so that two do not at once: a lock on the file
// "<data dir>.restore.lock", which stays. kFailedPrecondition if somebody does. Removes the
// journals and probes that a crash has left half written.
Result<std::unique_ptr<FileLock>> LockRuns(Files& files, const Files::Path& data_dir);

// The end of the name of the file that the preflight makes and removes, to see that it can.
inline constexpr std::string_view kProbeSuffix = ".restore-probe.partial";

// All journals of a data directory, the newest first. One that cannot be read is an error: nobody
// knows then what was done.
Result<std::vector<Journal>> FindJournals(Files& files, const Files::Path& data_dir);

}  // namespace warden::restore
