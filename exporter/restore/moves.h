// The renames by which new data takes the place of old: planned, made one by one, and taken back,
// with the journal knowing of each.
#pragma once

#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/restore/journal.h"
#include "exporter/restore/preflight.h"

namespace warden::restore {

// Where the new data of a run is written: "<dir>.restore-<id>" beside the data directory, or
// "restore-<id>" inside of one that is a mount point; likewise for a WAL directory of its own.
MemberPlace StagingOf(const std::string& run_id, const MemberPlace& place, const OldData& old);

// The old aside, to "<dir>.pre-restore-<time>" or inside a mount point "member.pre-restore-<time>",
// then the new into its place. `run_id` begins with the time.
Result<std::vector<Move>> PlanMoves(Files& files, const std::string& run_id,
                                    const MemberPlace& place, const OldData& old);

// Makes those that are left; each is durable, and in the journal, before the next begins. After a
// failure or a crash, the same call goes on.
Status MakeMoves(Files& files, Journal& journal);
// To be called before the first is taken back, if it was not begun before: the rename that a crash
// has left in doubt is made or is not. kFailedPrecondition: both of its paths are there, since
// somebody has made one of them anew.
Status FindLastMove(Files& files, Journal& journal);

// To be called before the first is taken back, of a restore whose etcd may have run: in a WAL
// directory that is a mount point, its log has other files by now, which are to go, and perhaps no
// more those that were placed. Changes the journal and does not save it.
Status AdoptLog(Files& files, Journal& journal);

// Takes back those that were made, the last first. Likewise.
Status TakeBackMoves(Files& files, Journal& journal);

}  // namespace warden::restore
