#include "exporter/restore/drill.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "exporter/backup/changes.h"
#include "exporter/backup/queue.h"
#include "exporter/base/text.h"
#include "exporter/restore/drill_steps.h"

namespace warden::restore {
namespace {

// A stop of the drill's own: requested when somebody wants it to end, or when its time is over.
class TimeLimit {
 public:
  TimeLimit(Milliseconds longest, const std::stop_token& outer)
      : watch_([this, longest](const std::stop_token& ended) {
          Pause(longest, ended);
          if (ended.stop_requested()) return;
          is_over_ = true;
          source_.request_stop();
        }),
        on_outer_(outer, [this] { source_.request_stop(); }) {}

  std::stop_token token() const { return source_.get_token(); }
  bool is_over() const { return is_over_; }

 private:
  std::stop_source source_;
  std::atomic<bool> is_over_ = false;
  // Last: they use all of the above.
  std::jthread watch_;
  std::stop_callback<std::function<void()>> on_outer_;
};

// Goes through the steps up to the first that fails.
Status GoThrough(DrillSteps& steps, const DrillTools& tools, DrillReceipt& receipt) {
  for (const DrillSteps::Step& each : DrillSteps::All()) {
    const SteadyTime began = tools.clock.Steady();
    const Result<DrillSteps::Found> found = (steps.*each.run)();
    if (found.ok() && !*found) continue;
    receipt.steps.push_back({.name = std::string(each.name),
                             .duration = tools.clock.Steady() - began,
                             .found = found.ok() ? **found : found.error().message(),
                             .passed = found.ok()});
    if (tools.on_step) tools.on_step(receipt.steps.back());
    if (found.ok()) continue;
    receipt.failed_step = each.name;
    receipt.error = ToSingleLine(found.error().message());
    receipt.damaged = each.proves_backup && found.error().code() == Code::kDataLoss;
    return found.error();
  }
  receipt.succeeded = true;
  return {};
}

// It satisfies no rule any more, and stays as evidence.
void Quarantine(const DrillRequest& request, Files& files, DrillReceipt& receipt) {
  const std::string why = "drill " + receipt.id + ": " + receipt.failed_step + ": " + receipt.error;
  const auto changed = backup::ChangeManifest(files, request.backup.directory, receipt.backup_id,
                                              [&](backup::Manifest& manifest) {
                                                if (manifest.quarantined.empty())
                                                  manifest.quarantined = why;
                                              });
  receipt.notes.push_back(changed.ok() ? "the backup is in quarantine now"
                                       : "the backup could not be put into quarantine: " +
                                             changed.error().message());
}

std::string Header(const DrillReceipt& receipt) {
  return "drill " + receipt.id + " of backup " + receipt.backup_id + " (" + receipt.Source() +
         ") failed at " + FormatTime(receipt.finished) + "\n" + receipt.failed_step + ": " +
         receipt.error + "\n";
}

}  // namespace

Result<DrillReceipt> RunDrill(const DrillRequest& request, const DrillTools& tools,
                              const std::stop_token& stop) {
  const DrillStore store(tools.files, request.backup.directory);
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, store.Lock());
  const TimeLimit limit(request.drill.timeout, stop);
  const Deadline deadline{.at = tools.clock.Steady() + request.drill.timeout,
                          .stop = limit.token()};
  DrillReceipt receipt{.id = backup::NewId(tools.clock),
                       .cluster = request.cluster,
                       .backup_id = {},
                       .destination = {},
                       .trigger = request.trigger,
                       .started = tools.clock.Now()};
  DrillSteps steps(request, tools, store, deadline, receipt);
  const Status failure = GoThrough(steps, tools, receipt);
  const std::string said = receipt.succeeded ? "" : steps.Evidence();
  const Status removed = steps.CleanUp();
  if (!failure.ok() && stop.stop_requested()) return Status(Code::kCancelled, "cancelled");
  if (limit.is_over() && !failure.ok()) {
    receipt.error =
        "not finished within " + FormatDuration(request.drill.timeout) + ": " + receipt.error;
  }
  if (receipt.restore_duration && request.drill.objective &&
      *receipt.restore_duration > *request.drill.objective) {
    receipt.notes.push_back("the restore took longer than the objective of " +
                            FormatDuration(*request.drill.objective));
  }
  if (!removed.ok()) receipt.notes.push_back("not all could be removed: " + removed.message());
  if (receipt.damaged && receipt.destination.empty()) Quarantine(request, tools.files, receipt);
  receipt.finished = tools.clock.Now();
  WARDEN_RETURN_IF_ERROR(store.Save(receipt, said.empty() ? "" : Header(receipt) + said)
                             .WithContext("keep the receipt of the drill"));
  return receipt;
}

}  // namespace warden::restore
