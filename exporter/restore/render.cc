#include "exporter/restore/render.h"

#include "exporter/metrics/labels.h"

namespace warden::restore {
namespace {

using metrics::Label;
using metrics::Page;

constexpr Seconds kClockSkewMax{300};

void RenderPlan(Page& page, const DrillPlan& plan, const Label& cluster) {
  page.Gauge("drill_running", "1 while this process rehearses a restore of the cluster.",
             plan.running ? 1 : 0, {cluster});
  if (plan.interval) {
    page.Gauge("drill_interval_seconds",
               "Time between two drills: as configured, or between the next two times of a cron "
               "expression; absent without a schedule.",
               ToSeconds(*plan.interval), {cluster});
  }
  if (plan.next_run) {
    page.Gauge("drill_next_run_timestamp_seconds",
               "When the next drill starts; in the past while one that is due has to wait; absent "
               "without a schedule.",
               ToUnixSeconds(*plan.next_run), {cluster});
  }
  if (plan.objective) {
    page.Gauge("drill_objective_seconds",
               "The configured time that a restore may take (recovery time objective).",
               ToSeconds(*plan.objective), {cluster});
  }
}

}  // namespace

void RenderDrills(Page& page, const DrillSubject& subject,
                  const std::vector<DrillReceipt>& receipts) {
  if (!subject.plan && receipts.empty()) return;
  const Label cluster{metrics::kClusterLabel, subject.cluster};
  const DrillReceipt* last = nullptr;
  const DrillReceipt* good = nullptr;
  for (const DrillReceipt& receipt : receipts) {
    // From a clock that was ahead: it must not hide that drills have stopped.
    if (receipt.finished > subject.now + kClockSkewMax) continue;
    if (last == nullptr || receipt.finished > last->finished) last = &receipt;
    if (receipt.succeeded && (good == nullptr || receipt.finished > good->finished)) {
      good = &receipt;
    }
  }
  page.Gauge("drill_last_success_timestamp_seconds",
             "When the last successful drill ended, by its receipt, so it survives restarts; 0 if "
             "there was none.",
             good != nullptr ? ToUnixSeconds(good->finished) : 0, {cluster});
  if (last != nullptr) {
    page.Gauge("drill_last_timestamp_seconds",
               "When the last drill ended, whether it succeeded or not; absent before the first.",
               ToUnixSeconds(last->finished), {cluster});
    page.Gauge("drill_last_result",
               "1 if the last drill succeeded: a real etcd ran on the restored data and answered "
               "what the backup holds; absent before the first.",
               last->succeeded ? 1 : 0, {cluster});
  }
  if (good != nullptr && good->restore_duration) {
    page.Gauge("drill_last_duration_seconds",
               "The measured time to restore of the last successful drill: from the first byte of "
               "the data directory to the first linearizable read.",
               ToSeconds(*good->restore_duration), {cluster});
  }
  if (subject.plan) RenderPlan(page, *subject.plan, cluster);
}

}  // namespace warden::restore
