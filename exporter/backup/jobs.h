// Requested backups and how they went, one JSON file each, so that an accepted request survives a
// crash and is carried out once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/backup/manifest.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/base/log.h"
#include "exporter/base/result.h"
#include "exporter/config/webhook_config.h"

namespace warden::backup {

enum class JobState { kQueued, kRunning, kSucceeded, kFailed, kSkipped };
// "queued", "running", "succeeded", "failed", "skipped"
std::string_view JobStateName(JobState state);

// What a job is to do.
struct Order {
  config::RuleAction action = config::RuleAction::kSnapshot;
  std::string backup_class{config::kManualClass};
  // How long its backups are held, and for kPinBefore the one of before; 0: the former not at all,
  // the latter until it is unpinned.
  Seconds hold{0};
  bool skip_if_unchanged = false;

  friend bool operator==(const Order&, const Order&) = default;
};

struct Job {
  std::string id;  // of the same form as a backup's
  std::string cluster;
  JobState state = JobState::kQueued;
  Trigger trigger;
  Order order;
  WallTime created{};
  std::optional<WallTime> started;
  std::optional<WallTime> finished;
  // The backups it took; also of a job that failed, if only some could be taken or trusted. Of one
  // that was skipped since nothing had changed: the backup that holds it all.
  std::vector<std::string> backup_ids;
  std::string stage;               // where it failed
  std::string error;               // why it failed or was skipped, one line
  std::vector<std::string> notes;  // what else it did

  bool ended() const { return state != JobState::kQueued && state != JobState::kRunning; }
};

// Above it, a job's file is not read.
inline constexpr std::size_t kJobBytesMax = 64UL * 1024;

Json ToJson(const Job& job);
Result<Job> ParseJob(std::string_view text);

// Finished jobs of each kind of trigger, kept for the history and for telling duplicates; the
// oldest go first.
inline constexpr std::size_t kJobsKept = 1'000;

// The directory of one cluster's jobs. Thread-safe as far as the jobs differ.
class JobStore {
 public:
  // Creates `directory` and removes what a crash left half written; `files` outlives the store.
  static Result<JobStore> Open(Files& files, Files::Path directory);

  // The same beside others that write there: removes nothing.
  static Result<JobStore> Attach(Files& files, Files::Path directory);

  // All jobs, oldest first. Unreadable files are logged and left alone.
  Result<std::vector<Job>> Load(Logger& log) const;
  // Durable when it returns success.
  Status Save(const Job& job) const;
  Status Remove(const std::string& id) const;

 private:
  JobStore(Files& files, Files::Path directory)
      : files_(&files), directory_(std::move(directory)) {}
  Files::Path PathOf(const std::string& id) const;

  Files* files_;
  Files::Path directory_;
};

}  // namespace warden::backup
