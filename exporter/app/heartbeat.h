// When the heartbeat of the alerting path last came, in a file beside the backups, so that a
// restart does not look like a broken path.
#pragma once

#include "exporter/app/runtime.h"

namespace warden::app {

// Counts it and, if some backup directory is configured, stores it: at most twice a minute.
void NoteHeartbeat(Runtime& runtime);

// What was stored, for the metrics of a process that has just started.
void RestoreHeartbeat(Runtime& runtime);

}  // namespace warden::app
