// One member's part of a plan: its data directory written beside the old one, proven, and put in
// its place. The old one is kept.
//
// Journaled (journal.h): whatever ends a run half-way, the next one with the same plan goes on, and
// `undo` goes back. Nothing that was there before is ever written to or removed, only renamed.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/resolver.h"
#include "exporter/base/result.h"
#include "exporter/restore/journal.h"
#include "exporter/restore/plan.h"
#include "exporter/restore/verify_directory.h"

namespace warden::restore {

struct RunOptions {
  Plan plan;
  std::string member;
  Files::Path snapshot;  // this machine's copy of the plan's snapshot
  bool again = false;    // although it was done already
  Files::Path tool;      // etcdutl or etcdctl that writes instead of us; empty: we do
  Seconds tool_timeout{3600};
  std::optional<FileOwner> owner;  // nullopt: as the old directory's, or else that around it
  // Names of preflight checks whose failure is told and passed over.
  std::vector<std::string> ignored;
};

struct RunTools {
  Files& files;
  const Clock& clock;
  Resolver& resolver;
  // Told of each step before it begins, and of what a finished one found; one line each.
  std::function<void(const std::string& line)> say;
  std::stop_token stop;
  mvcc::Progress progress;  // of writing; may be empty
};

// All up to the swap: preflight, write, verify. The journal then stands at kReady, and nothing of
// the old directory was touched; an etcd may run on it meanwhile. A journal of the same plan that
// is not over is taken up: it may then stand at kSwapping or behind it, too.
//
// kAlreadyExists: the plan was carried out here before, and `again` is not set.
// kFailedPrecondition: a restore by another plan is not over, the tool cannot do it, or a check of
// preflight.h says so. kDataLoss: the file is not the plan's snapshot, or what was written is not
// what was to be. What was written is removed after a failure, and the journal says kUndone with
// the reason.
Result<Journal> Prepare(const RunOptions& options, const RunTools& tools);

// Renames the old data aside and the new into its place. The journal says kSwapped then. The etcd
// of the member must be down: kFailedPrecondition if its database or its peer port is held.
Status Swap(Journal& journal, const Plan& plan, const RunTools& tools);

// The last step: the receipt. The journal says kDone.
Status Finish(Journal& journal, const RunTools& tools);

// Puts back what was there before: kUndone then; what was restored stays beside it, where it was
// written. From any state; before the swap, what was written is removed. The etcd must be down.
Status Undo(Journal& journal, const RunTools& tools);

}  // namespace warden::restore
