#include "exporter/backup/schedule_store.h"

#include <algorithm>

#include "exporter/base/json.h"
#include "exporter/base/text.h"

namespace warden::backup {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

void Remember(ScheduleStates& states, const std::string& name, WallTime tick) {
  ScheduleState& state = states[name];
  state.last_tick = std::max(state.last_tick.value_or(tick), tick);
}

}  // namespace

ScheduleStates LoadSchedules(Files& files, const Files::Path& file, Logger& log) {
  ScheduleStates states;
  const Result<std::string> text = files.ReadAll(file, kFileBytesMax);
  if (!text.ok() && text.error().code() == Code::kNotFound) return states;
  const Result<ParsedJson> json = text.ok() ? ParseJson(*text) : Result<ParsedJson>(text.error());
  const ParsedJson* schedules = json.ok() ? FindField(*json, "schedules") : nullptr;
  if (schedules == nullptr || !schedules->is_object()) {
    log.Log(LogLevel::kWarn, "cannot read when the schedules last ran",
            {{"file", file.string()}, {"error", json.status()}});
    return states;
  }
  for (const auto& [name, state] : schedules->items()) {
    if (const auto tick = FindTime(state, "last_tick")) Remember(states, name, *tick);
  }
  return states;
}

Status SaveSchedules(Files& files, const Files::Path& file, const ScheduleStates& states) {
  Json schedules = Json::object();
  for (const auto& [name, state] : states) {
    if (state.last_tick) schedules[name] = {{"last_tick", FormatTime(*state.last_tick)}};
  }
  return WriteAtomically(files, file, DumpJson(Json{{"schedules", schedules}}, 2) + "\n");
}

void MergeSchedules(ScheduleStates& states, const std::vector<Job>& jobs, WallTime now) {
  for (const Job& job : jobs) {
    const Result<WallTime> tick = ParseTime(job.trigger.tick);
    if (job.trigger.schedule.empty() || !tick.ok() || *tick > now + kStepBackMax) continue;
    Remember(states, job.trigger.schedule, *tick);
  }
}

}  // namespace warden::backup
