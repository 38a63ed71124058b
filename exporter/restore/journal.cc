#include "exporter/restore/journal.h"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/backup/manifest.h"
#include "exporter/base/json_fields.h"
#include "exporter/base/text.h"

namespace warden::restore {
namespace {

using Path = Files::Path;

constexpr std::uint64_t kSchema = 1;
constexpr std::size_t kJournalBytesMax = 1 << 20;
constexpr std::string_view kEnd = ".json";
constexpr std::array<std::string_view, 7> kStates = {"writing", "ready",   "swapping", "swapped",
                                                     "done",    "undoing", "undone"};

// "etcd.restore-" beside the data directory, "restore-" inside of it.
std::string Prefix(const Path& data_dir, bool inside) {
  return inside ? "restore-" : data_dir.filename().string() + ".restore-";
}
Path DirectoryOf(const Path& data_dir, bool inside) {
  return inside ? data_dir : data_dir.parent_path();
}

Json ToJson(const std::optional<Path>& path) {
  return path ? Json(path->string()) : Json(nullptr);
}
std::optional<Path> PathOrNone(const ParsedJson& object, std::string_view key) {
  std::optional<std::string> text = FindString(object, key);
  return text ? std::optional(Path(*text)) : std::nullopt;
}

Status Unreadable(const std::string& why) {
  return {Code::kDataLoss, "not a journal of a restore: " + why};
}

}  // namespace

std::string_view RunStateName(RunState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

Path JournalPath(const Journal& journal) {
  return DirectoryOf(journal.data_dir, journal.inside) /
         (Prefix(journal.data_dir, journal.inside) + journal.id + std::string(kEnd));
}

Json ToJson(const Journal& journal) {
  Json moves = Json::array();
  for (const Move& move : journal.moves) {
    moves.push_back({{"from", move.from.string()}, {"to", move.to.string()}});
  }
  return {{"schema", kSchema},
          {"id", journal.id},
          {"state", RunStateName(journal.state)},
          {"plan_id", journal.plan_id},
          {"plan_digest", journal.plan_digest},
          {"member", journal.member},
          {"data_dir", journal.data_dir.string()},
          {"wal_dir", ToJson(journal.wal_dir)},
          {"inside", journal.inside},
          {"snapshot", journal.snapshot.string()},
          {"writer", journal.writer},
          {"staging",
           {{"data_dir", journal.staging.data_dir.string()},
            {"wal_dir", ToJson(journal.staging.wal_dir)}}},
          {"moves", std::move(moves)},
          {"moved", journal.moved},
          {"started", FormatTime(journal.started)},
          {"ended", TimeOrNull(journal.ended)},
          {"error", journal.error},
          {"verification", journal.verification},
          {"procedure", journal.procedure}};
}

Result<Journal> ParseJournal(std::string_view text) {
  const Result<ParsedJson> json = ParseJson(text);
  if (!json.ok()) return Unreadable(json.error().message());
  JsonFields root(*json);
  if (root.Count("schema") > kSchema) {
    return Unreadable("it was written by a newer etcd-warden; use that version");
  }
  Journal journal;
  journal.id = root.String("id");
  if (!backup::IsId(journal.id)) root.Complain("id");
  const auto state = std::ranges::find(kStates, root.String("state"));
  if (state == kStates.end())
    root.Complain("state");
  else
    journal.state = static_cast<RunState>(state - kStates.begin());
  journal.plan_id = root.String("plan_id");
  journal.plan_digest = root.String("plan_digest");
  journal.member = root.String("member");
  journal.data_dir = root.String("data_dir");
  journal.wal_dir = PathOrNone(*json, "wal_dir");
  journal.inside = root.Bool("inside");
  journal.snapshot = root.String("snapshot");
  journal.writer = root.String("writer");
  JsonFields staging = root.Object("staging");
  journal.staging = {.name = journal.member,
                     .data_dir = staging.String("data_dir"),
                     .wal_dir = PathOrNone(staging.object(), "wal_dir")};
  for (JsonFields& move : root.Objects("moves")) {
    journal.moves.push_back({.from = move.String("from"), .to = move.String("to")});
  }
  journal.moved = root.Count("moved");
  if (journal.moved > journal.moves.size()) root.Complain("moved");
  journal.started = root.Time("started");
  journal.ended = FindTime(*json, "ended");
  journal.error = root.String("error");
  if (const ParsedJson* found = FindField(*json, "verification")) journal.verification = *found;
  if (const ParsedJson* found = FindField(*json, "procedure")) journal.procedure = *found;
  if (root.complaint()) {
    return Unreadable("its field \"" + *root.complaint() + "\" is missing or wrong");
  }
  return journal;
}

Status SaveJournal(Files& files, const Journal& journal) {
  constexpr int kIndent = 2;
  return WriteAtomically(files, JournalPath(journal), DumpJson(ToJson(journal), kIndent) + "\n");
}

namespace {

// "restore-<id>.json.partial": written, and not renamed before the crash.
bool IsHalfJournal(std::string_view name, const std::string& prefix) {
  const std::string end = std::string(kEnd) + std::string(kPartialSuffix);
  if (!name.starts_with(prefix) || !name.ends_with(end)) return false;
  if (name.size() < prefix.size() + end.size()) return false;
  return backup::IsId(name.substr(prefix.size(), name.size() - prefix.size() - end.size()));
}

// Best effort: what cannot be removed stands in nobody's way.
void RemoveHalfWritten(Files& files, const Path& data_dir) {
  for (const bool inside : {false, true}) {
    const Path directory = DirectoryOf(data_dir, inside);
    const auto entries = files.List(directory);
    if (!entries.ok()) continue;
    const std::string probe = data_dir.filename().string() + std::string(kProbeSuffix);
    for (const DirectoryEntry& entry : *entries) {
      const bool is_half = IsHalfJournal(entry.name, Prefix(data_dir, inside));
      if (entry.is_regular && (is_half || entry.name == probe)) {
        files.Remove(directory / entry.name).ok();
      }
    }
  }
}

}  // namespace

Result<std::unique_ptr<FileLock>> LockRuns(Files& files, const Path& data_dir) {
  Path path = data_dir;
  path += ".restore.lock";
  Result<std::unique_ptr<FileLock>> lock = files.Lock(path);
  if (!lock.ok() && lock.error().code() != Code::kFailedPrecondition) return lock.error();
  if (!lock.ok()) {
    return lock.error().WithContext("another restore or undo of " + data_dir.string() +
                                    " may be at work");
  }
  RemoveHalfWritten(files, data_dir);
  return lock;
}

Result<std::vector<Journal>> FindJournals(Files& files, const Path& data_dir) {
  std::vector<Journal> journals;
  for (const bool inside : {false, true}) {
    const Path directory = DirectoryOf(data_dir, inside);
    const std::string prefix = Prefix(data_dir, inside);
    const Result<std::vector<DirectoryEntry>> entries = files.List(directory);
    if (!entries.ok()) {
      if (inside) continue;  // it may be gone
      return entries.error();
    }
    for (const DirectoryEntry& entry : *entries) {
      const std::string_view name = entry.name;
      if (!entry.is_regular || !name.starts_with(prefix) || !name.ends_with(kEnd)) continue;
      const std::size_t length = name.size() - prefix.size() - kEnd.size();
      if (!backup::IsId(name.substr(prefix.size(), length))) continue;
      WARDEN_ASSIGN_OR_RETURN(const std::string text,
                              files.ReadAll(directory / entry.name, kJournalBytesMax));
      Result<Journal> journal = ParseJournal(text).WithContext((directory / entry.name).string());
      if (!journal.ok()) return journal.error();
      if (journal->data_dir != data_dir || JournalPath(*journal) != directory / entry.name) {
        return Unreadable((directory / entry.name).string() + " is of " +
                          journal->data_dir.string() + ", not of " + data_dir.string());
      }
      journals.push_back(*std::move(journal));
    }
  }
  std::ranges::sort(journals, std::ranges::greater(), &Journal::id);
  return journals;
}

}  // namespace warden::restore
