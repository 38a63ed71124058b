#include "exporter/restore/moves.h"

#include <algorithm>
#include <set>
#include <string>

#include "exporter/restore/wal.h"

namespace warden::restore {
namespace {

using Path = Files::Path;

constexpr std::size_t kTimeDigits = 19;  // of an id: "20261123T101500042Z"

std::string KeptSuffix(const std::string& run_id) {
  return ".pre-restore-" + run_id.substr(0, kTimeDigits);
}

Path WithSuffix(Path path, const std::string& suffix) {
  path += suffix;
  return path;
}

Path Staged(const std::string& run_id, const Path& path, bool inside) {
  return inside ? path / ("restore-" + run_id) : WithSuffix(path, ".restore-" + run_id);
}

Result<bool> Exists(Files& files, const Path& path) {
  const Status found = files.Stat(path).status();
  if (found.ok()) return true;
  if (found.code() == Code::kNotFound) return false;
  return found;
}

Status SyncBoth(Files& files, const Move& move) {
  WARDEN_RETURN_IF_ERROR(files.SyncDirectory(move.to.parent_path()));
  if (move.from.parent_path() == move.to.parent_path()) return {};
  return files.SyncDirectory(move.from.parent_path());
}

// A rename that may have been made already, made durable.
Status Make(Files& files, const Move& move) {
  WARDEN_ASSIGN_OR_RETURN(const bool is_left, Exists(files, move.from));
  if (is_left) {
    WARDEN_RETURN_IF_ERROR(files.MakeDirectories(move.to.parent_path()));
    const Status renamed = files.RenameNew(move.from, move.to);
    if (renamed.code() == Code::kAlreadyExists) {
      return {renamed.code(), renamed.message() +
                                  ": something has made it anew, an etcd perhaps; "
                                  "stop that, move it away and call again"};
    }
    WARDEN_RETURN_IF_ERROR(renamed);
    return SyncBoth(files, move);
  }
  WARDEN_ASSIGN_OR_RETURN(const bool is_made, Exists(files, move.to));
  if (is_made) return SyncBoth(files, move);
  return {Code::kDataLoss, "neither " + move.from.string() + " nor " + move.to.string() +
                               " is there: somebody else has moved it"};
}

// Of a log, in a directory that may have something else, such as lost+found.
Result<std::set<std::string>> LogFiles(Files& files, const Path& wal) {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files.List(wal));
  std::set<std::string> names;
  for (const DirectoryEntry& entry : entries) {
    const std::string_view name = entry.name;
    if (entry.is_regular && (name.ends_with(".wal") || name.ends_with(".tmp"))) {
      names.insert(entry.name);
    }
  }
  return names;
}

// What is in a mount point: the files of a log, each by itself.
Result<std::vector<Move>> MovesInside(Files& files, const Path& wal, const Path& aside) {
  WARDEN_ASSIGN_OR_RETURN(const std::set<std::string> names, LogFiles(files, wal));
  std::vector<Move> moves;
  for (const std::string& name : names) moves.push_back({.from = wal / name, .to = aside / name});
  return moves;
}

}  // namespace

MemberPlace StagingOf(const std::string& run_id, const MemberPlace& place, const OldData& old) {
  MemberPlace staging{
      .name = place.name, .data_dir = Staged(run_id, place.data_dir, old.inside), .wal_dir = {}};
  if (!place.wal_dir) return staging;
  staging.wal_dir = IsWithin(*place.wal_dir, place.data_dir) && !old.wal_inside
                        ? staging.data_dir / place.wal_dir->lexically_relative(place.data_dir)
                        : Staged(run_id, *place.wal_dir, old.wal_inside);
  return staging;
}

Result<std::vector<Move>> PlanMoves(Files& files, const std::string& run_id,
                                    const MemberPlace& place, const OldData& old) {
  const MemberPlace staging = StagingOf(run_id, place, old);
  const std::string kept = KeptSuffix(run_id);
  std::vector<Move> aside;
  std::vector<Move> placed;
  const auto change = [&](const Path& from_staging, const Path& to, bool is_there) {
    if (is_there) aside.push_back({.from = to, .to = WithSuffix(to, kept)});
    placed.push_back({.from = from_staging, .to = to});
  };
  if (old.inside) {
    const Path member = place.data_dir / "member";
    WARDEN_ASSIGN_OR_RETURN(const bool is_there, Exists(files, member));
    change(staging.data_dir / "member", member, is_there);
  } else {
    change(staging.data_dir, place.data_dir, old.is_there);
  }
  if (place.wal_dir && old.wal_inside) {
    WARDEN_ASSIGN_OR_RETURN(aside, [&]() -> Result<std::vector<Move>> {
      WARDEN_ASSIGN_OR_RETURN(std::vector<Move> log,
                              MovesInside(files, *place.wal_dir, *place.wal_dir / kept.substr(1)));
      log.insert(log.begin(), aside.begin(), aside.end());
      return log;
    }());
    placed.push_back(
        {.from = *staging.wal_dir / kWalFileName, .to = *place.wal_dir / kWalFileName});
  } else if (place.wal_dir && !IsWithin(*place.wal_dir, place.data_dir / "member") &&
             (!IsWithin(*place.wal_dir, place.data_dir) || old.inside)) {
    change(*staging.wal_dir, *place.wal_dir, old.wal_is_there);
  }
  aside.insert(aside.end(), placed.begin(), placed.end());
  return aside;
}

Status MakeMoves(Files& files, Journal& journal) {
  while (journal.moved < journal.moves.size()) {
    WARDEN_RETURN_IF_ERROR(Make(files, journal.moves[journal.moved]));
    ++journal.moved;
    WARDEN_RETURN_IF_ERROR(SaveJournal(files, journal));
  }
  return {};
}

Status FindLastMove(Files& files, Journal& journal) {
  if (journal.moved >= journal.moves.size()) return {};
  const Move& next = journal.moves[journal.moved];
  WARDEN_ASSIGN_OR_RETURN(const bool is_left, Exists(files, next.from));
  WARDEN_ASSIGN_OR_RETURN(const bool is_made, Exists(files, next.to));
  if (is_left && is_made && journal.moved == 0) {
    return {Code::kFailedPrecondition,
            "both " + next.from.string() + " and " + next.to.string() +
                " are there: something has made one of them anew; move that away and call again"};
  }
  if (!is_left && is_made) ++journal.moved;
  return {};
}

Status AdoptLog(Files& files, Journal& journal) {
  const std::optional<Path>& staging = journal.staging.wal_dir;
  const bool is_inside = staging && journal.wal_dir && staging->parent_path() == *journal.wal_dir;
  if (!is_inside || journal.moved < journal.moves.size()) return {};
  WARDEN_ASSIGN_OR_RETURN(const std::set<std::string> names, LogFiles(files, *journal.wal_dir));
  std::erase_if(journal.moves,
                [&](const Move& move) { return move.from.parent_path() == *staging; });
  for (const std::string& name : names) {
    journal.moves.push_back({.from = *staging / name, .to = *journal.wal_dir / name});
  }
  journal.moved = journal.moves.size();
  return {};
}

Status TakeBackMoves(Files& files, Journal& journal) {
  while (journal.moved > 0) {
    const Move& made = journal.moves[journal.moved - 1];
    WARDEN_RETURN_IF_ERROR(Make(files, {.from = made.to, .to = made.from}));
    --journal.moved;
    WARDEN_RETURN_IF_ERROR(SaveJournal(files, journal));
  }
  return {};
}

}  // namespace warden::restore
