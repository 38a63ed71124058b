#include "exporter/restore/drill_scratch.h"

#include <filesystem>
#include <utility>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/manifest.h"
#include "exporter/base/remove_tree.h"

namespace warden::restore {
namespace {

constexpr std::string_view kPrefix = "drill-";
constexpr std::string_view kScratchLockName = "lock";

Status CheckIsNoDataDirectory(Files& files, const Files::Path& scratch) {
  for (Files::Path path = scratch; path.has_relative_path(); path = path.parent_path()) {
    if (!files.Stat(path / "member" / "snap").ok()) continue;
    return {Code::kFailedPrecondition, "the scratch directory " + scratch.string() +
                                           " is in the data directory of an etcd, " +
                                           path.string()};
  }
  return {};
}

// kFailedPrecondition: it is in use.
Status RemoveLeftOver(Files& files, const Files::Path& path) {
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock,
                          files.Lock(path / kScratchLockName));
  const Result<bool> in_use = files.IsLocked(path / "data" / "member" / "snap" / "db");
  if (in_use.ok() && *in_use) {
    return {Code::kFailedPrecondition, path.string() + ": an etcd still runs on it"};
  }
  if (!in_use.ok() && in_use.error().code() != Code::kNotFound) return in_use.error();
  return RemoveTree(files, path);
}

}  // namespace

Files::Path ScratchDirectory(const config::BackupConfig& config, const config::DrillConfig& drill) {
  const Files::Path scratch =
      drill.scratch.empty() ? config.directory / backup::kScratchName : drill.scratch;
  return std::filesystem::absolute(scratch).lexically_normal();
}

Result<DrillScratch> DrillScratch::Make(Files& files, const Files::Path& scratch,
                                        const std::string& id) {
  WARDEN_RETURN_IF_ERROR(CheckIsNoDataDirectory(files, scratch));
  Files::Path path = scratch / (std::string(kPrefix) + id);
  if (files.Stat(path).ok()) {
    return Status(Code::kAlreadyExists, path.string() + " is there already");
  }
  WARDEN_RETURN_IF_ERROR(files.MakeDirectories(path));
  auto lock = files.Lock(path / kScratchLockName);
  if (!lock.ok()) {
    RemoveTree(files, path).ok();
    return lock.error();
  }
  return DrillScratch(files, std::move(path), *std::move(lock));
}

DrillScratch::DrillScratch(DrillScratch&& other) noexcept
    : files_(other.files_), path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

DrillScratch::~DrillScratch() {
  Remove().ok();
}

Status DrillScratch::Remove() {
  if (path_.empty()) return {};
  WARDEN_RETURN_IF_ERROR(RemoveTree(*files_, path_));
  path_.clear();
  lock_.reset();
  return {};
}

void RemoveLeftOvers(Files& files, const Files::Path& scratch, Logger& log) {
  const auto entries = files.List(scratch);
  if (!entries.ok()) return;  // there is none yet
  for (const DirectoryEntry& entry : *entries) {
    const bool is_ours = entry.is_directory && entry.name.starts_with(kPrefix) &&
                         backup::IsId(std::string_view(entry.name).substr(kPrefix.size()));
    if (!is_ours) continue;
    const Status removed = RemoveLeftOver(files, scratch / entry.name);
    if (removed.ok()) {
      log.Log(LogLevel::kInfo, "removed what a drill had left behind",
              {{"directory", (scratch / entry.name).string()}});
    } else {
      log.Log(LogLevel::kWarn, "cannot remove what a drill has left behind",
              {{"directory", (scratch / entry.name).string()}, {"error", removed}});
    }
  }
}

}  // namespace warden::restore
