#include "exporter/backup/jobs.h"

#include <algorithm>
#include <array>

#include "exporter/base/text.h"

namespace warden::backup {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::array<JobState, 5> kStates = {JobState::kQueued, JobState::kRunning,
                                             JobState::kSucceeded, JobState::kFailed,
                                             JobState::kSkipped};

Result<std::optional<WallTime>> ParseOptionalTime(const ParsedJson& json, std::string_view key) {
  const auto text = FindString(json, key);
  if (!text) return std::optional<WallTime>();
  WARDEN_ASSIGN_OR_RETURN(const WallTime time, ParseTime(*text));
  return std::optional<WallTime>(time);
}

Json ToJson(const Order& order) {
  return Json{{"action", config::RuleActionName(order.action)},
              {"class", order.backup_class},
              {"hold_seconds", order.hold.count()},
              {"skip_if_unchanged", order.skip_if_unchanged}};
}

Order OrderFromJson(const ParsedJson& json) {
  Order order;
  if (const auto name = FindString(json, "action")) {
    order.action = config::ParseRuleAction(*name).value_or(order.action);
  }
  order.backup_class = FindString(json, "class").value_or(order.backup_class);
  order.hold = std::clamp(Seconds(FindInteger(json, "hold_seconds").value_or(0)), Seconds(0),
                          config::kHoldMax);
  const ParsedJson* skip = FindField(json, "skip_if_unchanged");
  order.skip_if_unchanged = skip != nullptr && skip->is_boolean() && skip->get<bool>();
  return order;
}

}  // namespace

std::string_view JobStateName(JobState state) {
  switch (state) {
    case JobState::kQueued:
      return "queued";
    case JobState::kRunning:
      return "running";
    case JobState::kSucceeded:
      return "succeeded";
    case JobState::kFailed:
      return "failed";
    case JobState::kSkipped:
      return "skipped";
  }
  return "failed";
}

Json ToJson(const Job& job) {
  return Json{{"id", job.id},
              {"cluster", job.cluster},
              {"state", JobStateName(job.state)},
              {"trigger", ToJson(job.trigger)},
              {"order", ToJson(job.order)},
              {"created", FormatTime(job.created)},
              {"started", TimeOrNull(job.started)},
              {"finished", TimeOrNull(job.finished)},
              {"backup_id", job.backup_ids.empty() ? Json(nullptr) : Json(job.backup_ids.front())},
              {"backup_ids", job.backup_ids},
              {"stage", job.stage.empty() ? Json(nullptr) : Json(job.stage)},
              {"error", job.error.empty() ? Json(nullptr) : Json(job.error)},
              {"notes", job.notes}};
}

Result<Job> ParseJob(std::string_view text) {
  WARDEN_ASSIGN_OR_RETURN(const ParsedJson json, ParseJson(text));
  Job job;
  job.id = FindString(json, "id").value_or("");
  job.cluster = FindString(json, "cluster").value_or("");
  const std::string name = FindString(json, "state").value_or("");
  const auto* state = std::find_if(kStates.begin(), kStates.end(),
                                   [&](JobState s) { return JobStateName(s) == name; });
  if (!IsId(job.id) || state == kStates.end()) {
    return Status(Code::kInvalidArgument, "not a job: its id or state is missing");
  }
  job.state = *state;
  if (const ParsedJson* trigger = FindField(json, "trigger"))
    job.trigger = TriggerFromJson(*trigger);
  if (const ParsedJson* order = FindField(json, "order")) job.order = OrderFromJson(*order);
  WARDEN_ASSIGN_OR_RETURN(const auto created, ParseOptionalTime(json, "created"));
  job.created = created.value_or(WallTime{});
  WARDEN_ASSIGN_OR_RETURN(job.started, ParseOptionalTime(json, "started"));
  WARDEN_ASSIGN_OR_RETURN(job.finished, ParseOptionalTime(json, "finished"));
  job.backup_ids = FindStrings(json, "backup_ids");
  if (const auto id = FindString(json, "backup_id"); id && job.backup_ids.empty()) {
    job.backup_ids.push_back(*id);  // as versions before all-members wrote it
  }
  job.stage = FindString(json, "stage").value_or("");
  job.error = FindString(json, "error").value_or("");
  job.notes = FindStrings(json, "notes");
  return job;
}

Result<JobStore> JobStore::Open(Files& files, Files::Path directory) {
  WARDEN_RETURN_IF_ERROR(files.MakeDirectories(directory));
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files.List(directory));
  for (const DirectoryEntry& entry : entries) {
    const std::string partial_suffix = std::string(kSuffix).append(kPartialSuffix);
    if (!entry.name.ends_with(partial_suffix)) continue;
    // One that is being written at this moment may get its name first.
    if (Status removed = files.Remove(directory / entry.name);
        !removed.ok() && removed.code() != Code::kNotFound) {
      return removed;
    }
  }
  return JobStore(files, std::move(directory));
}

Result<JobStore> JobStore::Attach(Files& files, Files::Path directory) {
  WARDEN_RETURN_IF_ERROR(files.MakeDirectories(directory));
  return JobStore(files, std::move(directory));
}

Result<std::vector<Job>> JobStore::Load(Logger& log) const {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files_->List(directory_));
  std::vector<Job> jobs;
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.ends_with(kSuffix)) continue;
    const Result<std::string> text = files_->ReadAll(directory_ / entry.name, kJobBytesMax);
    Result<Job> job = text.ok() ? ParseJob(*text) : Result<Job>(text.error());
    if (job.ok() && entry.name != job->id + std::string(kSuffix)) {
      job = Status(Code::kInvalidArgument, "it is a copy of job " + job->id);
    }
    if (!job.ok()) {
      log.Log(LogLevel::kWarn, "cannot read a job, leaving it alone",
              {{"file", (directory_ / entry.name).string()}, {"error", job.error()}});
      continue;
    }
    jobs.push_back(*std::move(job));
  }
  std::sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) { return a.id < b.id; });
  return jobs;
}

Status JobStore::Save(const Job& job) const {
  return WriteAtomically(*files_, PathOf(job.id), DumpJson(ToJson(job), 2) + "\n");
}

Status JobStore::Remove(const std::string& id) const {
  return files_->Remove(PathOf(id));
}

Files::Path JobStore::PathOf(const std::string& id) const {
  return directory_ / (id + std::string(kSuffix));
}

}  // namespace warden::backup
