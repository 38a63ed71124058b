// When each schedule of a cluster last ran, in a file that survives restarts.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exporter/backup/jobs.h"
#include "exporter/backup/schedule.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"

namespace warden::backup {

using ScheduleStates = std::map<std::string, ScheduleState>;  // by the schedule's name

// A file that is missing or cannot be read stands for no state, the latter with a warning: the jobs
// tell most of it, and at worst a backup is taken once more.
ScheduleStates LoadSchedules(Files& files, const Files::Path& file, Logger& log);
Status SaveSchedules(Files& files, const Files::Path& file, const ScheduleStates& states);

// What these jobs say: a job is stored before the state is. Those of a clock that was ahead of
// `now` say nothing.
void MergeSchedules(ScheduleStates& states, const std::vector<Job>& jobs, WallTime now);

}  // namespace warden::backup
