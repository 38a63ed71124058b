#include "exporter/restore/run.h"

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <utility>

#include "exporter/backup/manifest.h"
#include "exporter/base/remove_tree.h"
#include "exporter/base/text.h"
#include "exporter/restore/foreign_tool.h"
#include "exporter/restore/moves.h"
#include "exporter/restore/preflight.h"
#include "exporter/restore/snapshot_source.h"

namespace warden::restore {
namespace {

using Path = Files::Path;

// A tool keeps alarms, whatever the plan says.
DirectoryOptions StagedOptions(const RunOptions& options, const Journal& journal) {
  DirectoryOptions staged = OptionsOf(options.plan, options.member, journal.staging);
  if (!options.tool.empty()) staged.database.keep_alarms = true;
  return staged;
}

// What a tool's directory has in common with ours: it has other bytes in the log and the .snap
// file, and leaves in `meta`, and below 3.5 in `members`, what was there.
std::set<DirectoryCheck> ExpectedOfTools(Target target) {
  using enum DirectoryCheck;
  std::set<DirectoryCheck> expected = {kFiles, kStructure, kMeaning, kRevision, kHash};
  if (target >= Target::k35) expected.insert(kMembership);
  return expected;
}

Status Judge(const DirectoryVerification& verification, const RunOptions& options) {
  if (options.tool.empty()) {
    if (verification.ok()) return {};
    return {Code::kDataLoss,
            "what was written is not what was to be: " + verification.FirstProblem()};
  }
  for (const DirectoryCheck check : ExpectedOfTools(options.plan.target)) {
    const CheckResult& result = verification.Of(check);
    if (result.ok()) continue;
    return {Code::kDataLoss, "what " + options.tool.string() +
                                 " has written is not what was to "
                                 "be: " +
                                 std::string(CheckName(check)) + ": " + result.problems.front()};
  }
  return {};
}

Status GiveTo(Files& files, const Path& path, const FileOwner& owner) {
  WARDEN_ASSIGN_OR_RETURN(const DirectoryEntry entry, files.Stat(path));
  WARDEN_ASSIGN_OR_RETURN(const FileOwner own, files.Owner(path));
  if (own != owner) WARDEN_RETURN_IF_ERROR(files.ChangeOwner(path, owner));
  if (!entry.is_directory) return {};
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files.List(path));
  for (const DirectoryEntry& inside : entries) {
    WARDEN_RETURN_IF_ERROR(GiveTo(files, path / inside.name, owner));
  }
  return files.SyncDirectory(path);
}

// That what was proven is still there, before the old data leaves its place.
Status CheckStaging(Files& files, const Journal& journal, const Plan& plan) {
  const DirectoryLayout layout = LayoutOf(OptionsOf(plan, journal.member, journal.staging));
  for (const Path& file : {layout.database_file, layout.wal_file}) {
    const Status found = files.Stat(file).status();
    if (found.ok()) continue;
    return {found.code(), "what was written for this restore is not there any more (" +
                              found.message() + "): `restore undo`, and begin anew"};
  }
  return {};
}

// An etcd that was started at the last moment serves the old data from where it was moved to.
Status CheckOldIsFree(Files& files, const Journal& journal) {
  for (const Move& move : journal.moves) {
    for (const Path& database : {move.to / "member" / "snap" / "db", move.to / "snap" / "db"}) {
      if (move.to == journal.data_dir) continue;
      const Result<bool> locked = files.IsLocked(database);
      if (!locked.ok() || !*locked) continue;
      return {Code::kFailedPrecondition, "an etcd was started meanwhile and runs on " +
                                             move.to.string() +
                                             ": stop it, and run this again or `restore undo`"};
    }
  }
  return {};
}

// Removes what a run has written before its swap: directories that bear its id, and nothing else.
Status RemoveStaging(Files& files, const Journal& journal) {
  std::vector<Path> tops = {journal.staging.data_dir};
  if (journal.staging.wal_dir) tops.push_back(*journal.staging.wal_dir);
  for (const Path& top : tops) {
    if (top.string().find("restore-" + journal.id) != std::string::npos) continue;
    return {Code::kDataLoss, "the journal of restore " + journal.id + " names " + top.string() +
                                 " as its own, which does not bear its id: nothing is removed"};
  }
  for (const Path& top : tops) WARDEN_RETURN_IF_ERROR(RemoveTree(files, top));
  return {};
}

// One call of Prepare.
class Preparation {
 public:
  Preparation(const RunOptions& options, const RunTools& tools)
      : options_(options), tools_(tools), files_(tools.files) {}

  Result<Journal> Run() {
    const MemberPlace* place = options_.plan.PlaceOf(options_.member);
    if (place == nullptr) {
      return Status(Code::kInvalidArgument, "the plan has no member \"" +
                                                ToSingleLine(options_.member, 64) + "\"; it has " +
                                                options_.plan.InitialCluster());
    }
    place_ = *place;
    WARDEN_ASSIGN_OR_RETURN(std::optional<Journal> begun, FindBegun());
    if (begun && begun->state >= RunState::kReady) {
      tools_.say("going on with restore " + begun->id + ", which is " +
                 std::string(RunStateName(begun->state)));
      return *std::move(begun);
    }
    if (begun) {
      tools_.say("restore " + begun->id + " was interrupted while it wrote: beginning anew");
      WARDEN_RETURN_IF_ERROR(RemoveStaging(files_, *begun));
    }
    WARDEN_ASSIGN_OR_RETURN(const OldData old, FindOldData(files_, place_));
    const FileOwner owner = options_.owner.value_or(old.owner);
    WARDEN_RETURN_IF_ERROR(TellPreflight(old, owner));
    WARDEN_RETURN_IF_ERROR(TellTool());
    WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<SnapshotSource> source,
                            SnapshotSource::Open(files_, options_.snapshot, options_.plan));
    WARDEN_RETURN_IF_ERROR(Begin(begun, old));
    Status status = WriteAndVerify(*source, owner);
    if (status.ok()) return journal_;
    return GiveUp(std::move(status));
  }

 private:
  // A run of this plan that is to be taken up; fails if one stands in the way.
  Result<std::optional<Journal>> FindBegun() {
    WARDEN_ASSIGN_OR_RETURN(const std::vector<Journal> journals,
                            FindJournals(files_, place_.data_dir));
    const std::string digest = DigestOf(options_.plan);
    for (const Journal& journal : journals) {
      const bool is_ours = journal.plan_digest == digest && journal.member == options_.member;
      if (!journal.is_over()) {
        if (journal.state == RunState::kUndoing) {
          return Status(Code::kFailedPrecondition, "restore " + journal.id +
                                                       " is being undone: end that first with "
                                                       "`restore undo`");
        }
        if (is_ours) return std::optional(journal);
        return Status(Code::kFailedPrecondition,
                      "restore " + journal.id + " of member " + journal.member + " by plan " +
                          journal.plan_id +
                          " is not over: run it again with that plan, or take "
                          "it back with `restore undo`");
      }
      if (journal.plan_digest == digest && !is_ours && journal.state == RunState::kDone &&
          !options_.again) {
        return Status(Code::kFailedPrecondition,
                      "member " + journal.member + " of this plan was restored here: this is not " +
                          options_.member + "'s machine, or --data-dir of the plan is wrong");
      }
      if (is_ours && journal.state == RunState::kDone && !options_.again) {
        return Status(Code::kAlreadyExists,
                      "this plan was carried out here already, at " +
                          FormatTime(journal.ended.value_or(journal.started)) + " (" +
                          JournalPath(journal).string() + "); --again does it once more, and " +
                          "keeps what is there now beside it");
      }
    }
    return std::optional<Journal>();
  }

  Status TellPreflight(const OldData& old, const FileOwner& owner) {
    const Preflight preflight = CheckBeforeWriting(files_, options_.plan, place_, old, owner);
    for (const PreflightCheck& check : preflight.checks) {
      const bool ok = check.status.ok();
      tools_.say("preflight " + check.name + ": " + (ok ? "ok" : "FAILED") + ": " +
                 (ok ? check.found : check.status.message()));
    }
    return preflight.Verdict(options_.ignored);
  }

  Status TellTool() {
    if (options_.tool.empty()) return {};
    WARDEN_ASSIGN_OR_RETURN(
        const ForeignTool tool,
        FindTool(options_.tool,
                 {.at = tools_.clock.Steady() + options_.tool_timeout, .stop = tools_.stop}));
    WARDEN_RETURN_IF_ERROR(CheckTool(tool, options_.plan));
    tools_.say("preflight tool: ok: " + tool.program.string() + " " + tool.version);
    return {};
  }

  Status Begin(const std::optional<Journal>& begun, const OldData& old) {
    if (begun) {
      journal_ = *begun;
    } else {
      journal_.id = backup::MakeId(tools_.clock.Now(), std::random_device{}());
      journal_.started = tools_.clock.Now();
      journal_.plan_id = options_.plan.id;
      journal_.plan_digest = DigestOf(options_.plan);
      journal_.member = options_.member;
      journal_.data_dir = place_.data_dir;
      journal_.wal_dir = place_.wal_dir;
      journal_.inside = old.inside;
      journal_.staging = StagingOf(journal_.id, place_, old);
    }
    journal_.snapshot = options_.snapshot;
    journal_.writer = options_.tool.empty() ? "etcd-warden" : options_.tool.string();
    journal_.state = RunState::kWriting;
    journal_.error.clear();
    return SaveJournal(files_, journal_);
  }

  Status WriteAndVerify(SnapshotSource& source, const FileOwner& owner) {
    const DirectoryOptions staged = StagedOptions(options_, journal_);
    tools_.say("writing " + staged.path.string());
    WARDEN_RETURN_IF_ERROR(Write(source, staged));
    // Whatever came of the writing: of another file it is worth nothing.
    WARDEN_RETURN_IF_ERROR(source.CheckDigest());
    tools_.say("verifying " + staged.path.string());
    WARDEN_ASSIGN_OR_RETURN(const DirectoryVerification verification,
                            VerifyDirectory(files_, source.file(), staged,
                                            {.threads = 2,
                                             .stop = tools_.stop,
                                             .known_hash = options_.plan.snapshot.hash,
                                             .spare_pages = !options_.tool.empty()}));
    journal_.verification = ToJson(verification);
    for (const CheckResult& result : verification.results) {
      if (result.ok()) {
        tools_.say("verified " + std::string(CheckName(result.check)) + ": " + result.found);
      }
    }
    WARDEN_RETURN_IF_ERROR(Judge(verification, options_));
    WARDEN_RETURN_IF_ERROR(GiveTo(files_, staged.path, owner));
    if (staged.wal_dir) WARDEN_RETURN_IF_ERROR(GiveTo(files_, *staged.wal_dir, owner));
    journal_.state = RunState::kReady;
    return SaveJournal(files_, journal_);
  }

  Status Write(SnapshotSource& source, const DirectoryOptions& staged) {
    if (options_.tool.empty()) {
      return WriteDataDirectory(files_, source.file(), staged, tools_.stop, tools_.progress).status;
    }
    // The tool reads for itself: first that it reads the right thing.
    const bool has_trailer =
        options_.plan.snapshot.size_bytes != options_.plan.snapshot.database_bytes;
    const std::vector<std::string> command = ToolCommand(
        options_.tool, options_.plan, journal_.staging, options_.snapshot.string(), has_trailer);
    tools_.say("running " + Join(command, " "));
    return RunTool(command,
                   {.at = tools_.clock.Steady() + options_.tool_timeout, .stop = tools_.stop});
  }

  Status GiveUp(Status status) {
    journal_.error = status.message();
    journal_.state = RunState::kUndone;
    journal_.ended = tools_.clock.Now();
    const Status removed = RemoveStaging(files_, journal_);
    // Not removed, it stays to be taken up or undone.
    if (!removed.ok()) journal_.state = RunState::kWriting;
    const Status saved = SaveJournal(files_, journal_);
    for (const Status& each : {removed, saved}) {
      if (!each.ok()) status = {status.code(), status.message() + "; then " + each.message()};
    }
    return status;
  }

  const RunOptions& options_;
  const RunTools& tools_;
  Files& files_;
  MemberPlace place_;
  Journal journal_;
};

Status SaveState(Files& files, Journal& journal, RunState state) {
  journal.state = state;
  return SaveJournal(files, journal);
}

MemberPlace PlaceOf(const Journal& journal) {
  return {.name = journal.member, .data_dir = journal.data_dir, .wal_dir = journal.wal_dir};
}

}  // namespace

Result<Journal> Prepare(const RunOptions& options, const RunTools& tools) {
  return Preparation(options, tools).Run();
}

Status Swap(Journal& journal, const Plan& plan, const RunTools& tools) {
  if (journal.state >= RunState::kSwapped) return {};
  Files& files = tools.files;
  if (journal.state == RunState::kReady) {
    WARDEN_RETURN_IF_ERROR(CheckIsDown(
        plan, journal.member, journal.data_dir,
        {.files = files, .resolver = tools.resolver, .clock = tools.clock, .stop = tools.stop}));
    const MemberPlace place = PlaceOf(journal);
    WARDEN_ASSIGN_OR_RETURN(const OldData old, FindOldData(files, place));
    if (StagingOf(journal.id, place, old) != journal.staging) {
      return {Code::kFailedPrecondition,
              "what is mounted at " + journal.data_dir.string() +
                  " has changed since the new data was written; take it back with `restore undo` "
                  "and begin anew"};
    }
    WARDEN_RETURN_IF_ERROR(CheckStaging(files, journal, plan));
    WARDEN_ASSIGN_OR_RETURN(journal.moves, PlanMoves(files, journal.id, place, old));
    WARDEN_RETURN_IF_ERROR(SaveState(files, journal, RunState::kSwapping));
  }
  for (const Move& move : journal.moves) {
    tools.say("renaming " + move.from.string() + " to " + move.to.string());
  }
  WARDEN_RETURN_IF_ERROR(MakeMoves(files, journal));
  WARDEN_RETURN_IF_ERROR(CheckOldIsFree(files, journal));
  return SaveState(files, journal, RunState::kSwapped);
}

Status Finish(Journal& journal, const RunTools& tools) {
  if (journal.state == RunState::kDone) return {};
  Files& files = tools.files;
  if (journal.state != RunState::kSwapped) {
    return {Code::kInternal, "a restore that is " + std::string(RunStateName(journal.state)) +
                                 " cannot be finished"};
  }
  const Path database = journal.data_dir / "member" / "snap" / "db";
  WARDEN_RETURN_IF_ERROR(files.Stat(database).status());
  journal.ended = tools.clock.Now();
  journal.error.clear();
  WARDEN_RETURN_IF_ERROR(SaveState(files, journal, RunState::kDone));
  tools.say("receipt in " + JournalPath(journal).string());
  return {};
}

Status Undo(Journal& journal, const RunTools& tools) {
  if (journal.state == RunState::kUndone) return {};
  Files& files = tools.files;
  if (journal.state < RunState::kSwapping) {
    WARDEN_RETURN_IF_ERROR(SaveState(files, journal, RunState::kUndoing));
    tools.say("removing what was written in " + journal.staging.data_dir.string());
    WARDEN_RETURN_IF_ERROR(RemoveStaging(files, journal));
  } else if (journal.moves.empty()) {
    // An undo that was interrupted before the swap.
    WARDEN_RETURN_IF_ERROR(RemoveStaging(files, journal));
  } else {
    const Result<bool> locked = files.IsLocked(journal.data_dir / "member" / "snap" / "db");
    if (locked.ok() && *locked) {
      return {Code::kFailedPrecondition,
              "an etcd runs on " + journal.data_dir.string() + ": stop it first"};
    }
    if (!locked.ok() && locked.error().code() == Code::kPermissionDenied) return locked.error();
    if (journal.state != RunState::kUndoing) {
      WARDEN_RETURN_IF_ERROR(FindLastMove(files, journal));
      WARDEN_RETURN_IF_ERROR(AdoptLog(files, journal));
    }
    WARDEN_RETURN_IF_ERROR(SaveState(files, journal, RunState::kUndoing));
    for (auto move = journal.moves.rbegin(); move != journal.moves.rend(); ++move) {
      tools.say("renaming " + move->to.string() + " back to " + move->from.string());
    }
    WARDEN_RETURN_IF_ERROR(TakeBackMoves(files, journal));
  }
  journal.ended = tools.clock.Now();
  return SaveState(files, journal, RunState::kUndone);
}

}  // namespace warden::restore
