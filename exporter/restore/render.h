// The families of one cluster's drills, from their receipts and the schedule.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/metrics/page.h"
#include "exporter/restore/drill_receipt.h"

namespace warden::restore {

// What a section `drill` and its worker add.
struct DrillPlan {
  bool running = false;
  std::optional<Seconds> interval;   // nullopt: there is no schedule, or it fires no more
  std::optional<WallTime> next_run;  // likewise
  std::optional<Seconds> objective;
};

struct DrillSubject {
  std::string cluster;            // the configured name
  std::optional<DrillPlan> plan;  // nullopt: no section `drill`
  WallTime now{};
};

// From the receipts in any order. Pure. Nothing where there is neither a section nor a receipt.
// When the last success was is 0 if there was none; what else never happened is absent.
void RenderDrills(metrics::Page& page, const DrillSubject& subject,
                  const std::vector<DrillReceipt>& receipts);

}  // namespace warden::restore
