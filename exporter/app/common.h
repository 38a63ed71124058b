// What every configuration of this process shares: it lives from start to exit, over all reloads.
#pragma once

#include <stop_token>

#include "exporter/app/admission.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/mutex.h"
#include "exporter/base/resolver.h"
#include "exporter/metrics/instruments.h"
#include "exporter/restore/drill_worker.h"

namespace warden::app {

// The machine; all outlive the process' work.
struct Env {
  Files& files;
  const Clock& clock;
  Logger& log;
};

// Thread-safe.
struct Common {
  const Env env;
  metrics::Instruments instruments;
  // Requested once, at shutdown: cancels scrapes and snapshots in flight.
  std::stop_source stop;
  // Decisions about alerts are taken one notification at a time, whichever configuration it began
  // under.
  Mutex decision_mutex;
  Admission admission;
  restore::DrillTurn drill_turn;
  SystemResolver resolver{env.clock};
};

}  // namespace warden::app
