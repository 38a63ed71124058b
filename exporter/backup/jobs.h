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

namespace warden::backup {

enum class JobState { kQueued, kRunning, kSucceeded, kFailed };
std::string_view JobStateName(JobState state);  // "queued", "running", "succeeded", "failed"

struct Job {
  std::string id;  // of the same form as a backup's
  std::string cluster;
  JobState state = JobState::kQueued;
  Trigger trigger;
  WallTime created{};
  std::optional<WallTime> started;
  std::optional<WallTime> finished;
  std::string backup_id;  // once it succeeded
  std::string stage;      // where it failed
  std::string error;      // why it failed, one line

  bool ended() const { return state == JobState::kSucceeded || state == JobState::kFailed; }
};

Json ToJson(const Job& job);
Result<Job> ParseJob(std::string_view text);

// Finished jobs kept for the history and for telling duplicates; the oldest go first.
inline constexpr std::size_t kJobsKept = 1'000;

// The directory of one cluster's jobs. Thread-safe as far as the jobs differ.
class JobStore {
 public:
  // Creates `directory` and removes what a crash left half written; `files` outlives the store.
  static Result<JobStore> Open(Files& files, Files::Path directory);

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
