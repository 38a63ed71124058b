#include "exporter/restore/verify_directory.h"

#include <algorithm>
#include <array>
#include <future>
#include <memory>
#include <set>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/mvcc/hashes.h"
#include "exporter/mvcc/inspect.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/restore/kept.h"
#include "exporter/restore/snap_file.h"
#include "exporter/restore/wal.h"

namespace warden::restore {
namespace {

using Path = Files::Path;
using Problems = std::vector<std::string>;

constexpr std::array<std::string_view, 12> kNames = {
    "files", "structure", "meaning",  "entries", "edits", "membership",
    "raft",  "alarms",    "revision", "hash",    "log",   "snap_file"};
constexpr std::size_t kPartBytes = 1 << 20;

Problems ToLines(const mvcc::FindingList& findings) {
  Problems lines;
  for (const bbolt::Finding& each : findings.kept) lines.push_back(bbolt::Describe(each));
  if (findings.count > lines.size()) {
    lines.push_back(std::to_string(findings.count - lines.size()) + " more");
  }
  return lines;
}

std::string Count(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string OptionalNumber(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : "none";
}

std::int64_t CompactionToAsk(const mvcc::Contents& contents) {
  const std::int64_t revision = contents.compaction().revision;
  return revision == 0 ? -1 : revision;
}

// Whether a file of `bytes`, and of zeros behind them, has this part from there on.
bool IsPartOf(std::string_view part, std::uint64_t at, std::string_view bytes) {
  const std::string_view own = bytes.substr(std::min<std::uint64_t>(at, bytes.size()), part.size());
  return part.starts_with(own) &&
         part.find_first_not_of('\0', own.size()) == std::string_view::npos;
}

// What the snapshot says, and so what is expected.
struct Expected {
  mvcc::Contents contents;
  KeptOfSnapshot kept;
  std::int64_t revision = 0;
  Result<std::uint32_t> hash = Status(Code::kUnknown, "not computed");
};

Result<Expected> ReadExpected(const SnapshotFile& snapshot, const BucketEdits& edits,
                              const std::optional<std::uint32_t>& known_hash,
                              const std::stop_token& stop) {
  WARDEN_ASSIGN_OR_RETURN(const mvcc::KeySpace keys,
                          mvcc::KeySpace::Open(snapshot.file, snapshot.database_bytes));
  Expected expected{.contents = keys.contents(), .kept = {}};
  WARDEN_ASSIGN_OR_RETURN(expected.kept, ReadSnapshot(keys.database(), edits, stop));
  expected.revision = std::max(
      {std::int64_t{1}, expected.kept.last_revision, expected.contents.compaction().revision});
  if (known_hash) {
    expected.hash = *known_hash;
    return expected;
  }
  expected.hash = mvcc::HashKv(keys, expected.revision, CompactionToAsk(expected.contents), stop);
  // With some compactions no file can tell what a member has left; that is no fault of it.
  const Status hashed = expected.hash.status();
  if (!hashed.ok() && hashed.code() != Code::kFailedPrecondition) return hashed;
  return expected;
}

// One verification: what its steps share.
class Verifier {
 public:
  Verifier(Files& files, const DirectoryOptions& options, const BucketEdits& edits,
           const NewMember& self, const VerifyDirectoryOptions& how,
           std::future<Result<Expected>> expected)
      : files_(files),
        options_(options),
        edits_(edits),
        self_(self),
        how_(how),
        expecting_(std::move(expected)),
        layout_(LayoutOf(options)) {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      verification_.results.push_back(
          {.check = static_cast<DirectoryCheck>(i), .found = {}, .problems = {}});
    }
  }

  Result<DirectoryVerification> Run() {
    CheckFiles();
    const std::string wal = WalBytes(options_.cluster, self_, options_.database.target);
    CheckBytes(DirectoryCheck::kLog, layout_.wal_file, wal, kWalFileBytes);
    const std::string snap = SnapFileBytes(options_.cluster, options_.database.target);
    CheckBytes(DirectoryCheck::kSnapFile, layout_.snap_file, snap, snap.size());
    Status read = InspectDatabase();
    // The snapshot was read meanwhile.
    Result<Expected> expected = expecting_.get();
    if (!expected.ok()) return expected.error().WithContext("the snapshot");
    expected_ = *std::move(expected);
    verification_.snapshot_revision = expected_.revision;
    if (expected_.hash.ok()) verification_.snapshot_hash = *expected_.hash;
    if (read.ok()) read = CheckDatabase();
    if (!read.ok()) {
      if (read.code() == Code::kCancelled) return read;
      // What was not looked at has not passed.
      for (CheckResult& result : verification_.results) {
        if (result.ok() && result.found.empty()) result.problems = {read.message()};
      }
    }
    return std::move(verification_);
  }

 private:
  void Set(DirectoryCheck check, std::string found, Problems problems) {
    CheckResult& result = verification_.results.at(static_cast<std::size_t>(check));
    result.found = std::move(found);
    result.problems = std::move(problems);
  }

  // In a directory that etcd has not been started on there is nothing else.
  void CheckFiles() {
    std::map<Path, std::set<std::string>> expected;
    const auto add = [&](const Path& path) {
      expected[path.parent_path()].insert(path.filename().string());
    };
    for (const Path& file : {layout_.database_file, layout_.snap_file, layout_.wal_file}) add(file);
    add(layout_.snap);
    add(layout_.member);
    if (IsWithin(layout_.wal, layout_.top)) {
      for (Path path = layout_.wal; path != layout_.top; path = path.parent_path()) add(path);
    }
    Problems problems;
    for (const auto& [directory, names] : expected) CompareNames(directory, names, problems);
    Set(DirectoryCheck::kFiles, "3 files", std::move(problems));
  }

  void CompareNames(const Path& directory, std::set<std::string> missing, Problems& problems) {
    const auto entries = files_.List(directory);
    if (!entries.ok()) return problems.push_back(entries.error().message());
    for (const DirectoryEntry& entry : *entries) {
      if (missing.erase(entry.name) > 0) continue;
      problems.push_back((directory / ToSingleLine(entry.name)).string() + " does not belong here");
    }
    for (const std::string& name : missing) {
      problems.push_back((directory / name).string() + " is missing");
    }
  }

  // The file has these bytes, and behind them zeros up to that size.
  void CheckBytes(DirectoryCheck check, const Path& path, const std::string& bytes,
                  std::uint64_t size) {
    const Status read = [&]() -> Status {
      WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, files_.Open(path));
      WARDEN_ASSIGN_OR_RETURN(const FileState state, file->State());
      if (state.size_bytes != size) {
        return {Code::kDataLoss, "it has " + std::to_string(state.size_bytes) + " bytes, not " +
                                     std::to_string(size)};
      }
      std::string part(kPartBytes, '\0');
      for (std::uint64_t at = 0; at < size; at += part.size()) {
        part.resize(std::min<std::uint64_t>(kPartBytes, size - at));
        WARDEN_ASSIGN_OR_RETURN(const std::size_t count,
                                file->ReadAt(at, std::as_writable_bytes(std::span(part))));
        if (count != part.size() || !IsPartOf(part, at, bytes)) {
          return {Code::kDataLoss, "its bytes are not those that were to be written"};
        }
      }
      return {};
    }();
    Problems problems;
    if (!read.ok()) problems.push_back(path.string() + ": " + read.message());
    Set(check, Count(size, "byte"), std::move(problems));
  }

  // What needs no look at the snapshot. A failure, as of the next one: what could not be read.
  Status InspectDatabase() {
    WARDEN_ASSIGN_OR_RETURN(database_, files_.Open(layout_.database_file));
    WARDEN_ASSIGN_OR_RETURN(const FileState state, database_->State());
    size_bytes_ = state.size_bytes;
    WARDEN_ASSIGN_OR_RETURN(
        inspection_, mvcc::Inspect(*database_, size_bytes_,
                                   {.threads = how_.threads, .stop = how_.stop, .progress = {}}));
    verification_.revision = inspection_->revision();
    verification_.warnings = ToLines(inspection_->warnings);
    CheckInspection(*inspection_, size_bytes_);
    return {};
  }

  Status CheckDatabase() {
    CheckContents(*inspection_);
    WARDEN_ASSIGN_OR_RETURN(const mvcc::KeySpace keys,
                            mvcc::KeySpace::Open(*database_, size_bytes_));
    WARDEN_RETURN_IF_ERROR(CheckEntries(keys.database()));
    return CheckHash(keys);
  }

  void CheckInspection(const mvcc::Inspection& inspection, std::uint64_t size_bytes) {
    Problems problems = ToLines(inspection.structure);
    const bool is_longer = inspection.used_bytes < size_bytes;
    if (inspection.used_bytes != size_bytes && !(how_.spare_pages && is_longer)) {
      problems.push_back("of its " + std::to_string(size_bytes) + " bytes " +
                         std::to_string(inspection.used_bytes) + " are in use");
    }
    Set(DirectoryCheck::kStructure, Count(size_bytes, "byte"), std::move(problems));
    Set(DirectoryCheck::kMeaning, Count(inspection.census.records(), "record"),
        ToLines(inspection.meaning));
  }

  void CheckContents(const mvcc::Inspection& inspection) {
    CheckMembers(inspection.contents);
    CheckRaft(inspection.contents);
    const std::size_t alarms = inspection.contents.alarms.size();
    Problems problems;
    if (alarms != (options_.database.keep_alarms ? expected_.contents.alarms.size() : 0)) {
      problems.push_back(Count(alarms, "alarm") + ", the snapshot has " +
                         std::to_string(expected_.contents.alarms.size()) +
                         (options_.database.keep_alarms ? "" : " to be dropped"));
    }
    Set(DirectoryCheck::kAlarms, Count(alarms, "alarm"), std::move(problems));
    CheckRevision(inspection);
  }

  void CheckMembers(const mvcc::Contents& contents) {
    etcd::MemberList expected;
    for (const NewMember& member : options_.cluster.members) {
      expected.push_back({.id = member.id, .name = member.name, .peer_urls = member.peer_urls});
    }
    Problems problems;
    if (contents.members != expected) {
      problems.push_back("the members are not those of the new cluster");
    }
    if (contents.removed_members > 0) {
      problems.push_back(Count(contents.removed_members, "removed member") + " of the old cluster");
    }
    Set(DirectoryCheck::kMembership, Count(contents.members.size(), "member"), std::move(problems));
  }

  void CheckRaft(const mvcc::Contents& contents) {
    std::optional<std::uint64_t> term;
    if (options_.database.target >= Target::k35) term = kFirstTerm;
    const std::string found = "consistent_index " + OptionalNumber(contents.consistent_index) +
                              ", term " + OptionalNumber(contents.term);
    Problems problems;
    if (contents.consistent_index != LastIndex(options_.cluster) || contents.term != term) {
      problems.push_back(found + ", not " + std::to_string(LastIndex(options_.cluster)) + " and " +
                         OptionalNumber(term));
    }
    Set(DirectoryCheck::kRaft, found, std::move(problems));
  }

  void CheckRevision(const mvcc::Inspection& inspection) {
    const std::optional<RevisionBump>& bump = options_.database.bump;
    mvcc::Compaction compaction = expected_.contents.compaction();
    std::int64_t revision = expected_.revision;
    if (bump) {
      revision = bump->from + bump->by;
      // etcd finishes it when it starts.
      compaction = {.revision = revision, .is_finished = false};
    }
    const mvcc::Compaction found = inspection.contents.compaction();
    Problems problems;
    if (bump && bump->from != expected_.revision) {
      problems.push_back("the bump is from revision " + std::to_string(bump->from) +
                         ", the snapshot is at " + std::to_string(expected_.revision));
    }
    if (inspection.revision() != revision) {
      problems.push_back("revision " + std::to_string(inspection.revision()) + ", not " +
                         std::to_string(revision));
    }
    if (found.revision != compaction.revision || found.is_finished != compaction.is_finished) {
      problems.push_back("compacted up to " + std::to_string(found.revision) + ", not " +
                         std::to_string(compaction.revision));
    }
    Set(DirectoryCheck::kRevision,
        "revision " + std::to_string(inspection.revision()) + ", compacted up to " +
            std::to_string(found.revision),
        std::move(problems));
  }

  Status CheckEntries(const bbolt::Database& database) {
    WARDEN_ASSIGN_OR_RETURN(KeptOfRestored found, ReadRestored(database, edits_, how_.stop));
    std::uint64_t entries = 0;
    for (const auto& [bucket, digest] : found.kept) entries += digest.entries;
    Set(DirectoryCheck::kEntries, std::to_string(entries) + " kept",
        Compare(expected_.kept.kept, found.kept, edits_));
    Set(DirectoryCheck::kEdits, std::to_string(edits_.puts.size()) + " new",
        std::move(found.put_problems));
    return {};
  }

  Status CheckHash(const mvcc::KeySpace& keys) {
    const auto show = [](std::uint32_t hash) { return std::to_string(hash); };
    const std::string where = " at revision " + std::to_string(expected_.revision);
    if (!expected_.hash.ok() || options_.database.bump) {
      // The records are what there is to compare.
      const CheckResult& entries = verification_.Of(DirectoryCheck::kEntries);
      Set(DirectoryCheck::kHash,
          expected_.hash.ok() ? show(*expected_.hash) + where + ", of the same records"
                              : expected_.hash.error().message(),
          entries.problems);
      return {};
    }
    const Result<std::uint32_t> hash =
        mvcc::HashKv(keys, expected_.revision, CompactionToAsk(expected_.contents), how_.stop);
    if (!hash.ok() && hash.error().code() == Code::kCancelled) return hash.error();
    Problems problems;
    if (!hash.ok()) problems.push_back(hash.error().message());
    if (hash.ok() && *hash != *expected_.hash) {
      problems.push_back(show(*hash) + where + ", the snapshot's is " + show(*expected_.hash));
    }
    Set(DirectoryCheck::kHash, hash.ok() ? show(*hash) + where : "", std::move(problems));
    return {};
  }

  Files& files_;
  const DirectoryOptions& options_;
  const BucketEdits& edits_;
  const NewMember& self_;
  const VerifyDirectoryOptions& how_;
  std::future<Result<Expected>> expecting_;
  Expected expected_;
  std::unique_ptr<ReadableFile> database_;
  std::uint64_t size_bytes_ = 0;
  std::optional<mvcc::Inspection> inspection_;
  const DirectoryLayout layout_;
  DirectoryVerification verification_;
};

}  // namespace

std::string_view CheckName(DirectoryCheck check) {
  return kNames.at(static_cast<std::size_t>(check));
}

bool DirectoryVerification::ok() const {
  return !results.empty() && std::ranges::all_of(results, &CheckResult::ok);
}

const CheckResult& DirectoryVerification::Of(DirectoryCheck check) const {
  return results.at(static_cast<std::size_t>(check));
}

std::string DirectoryVerification::FirstProblem() const {
  const auto failed = std::ranges::find_if_not(results, &CheckResult::ok);
  if (failed == results.end()) return "";
  return std::string(CheckName(failed->check)) + ": " + failed->problems.front();
}

Json ToJson(const DirectoryVerification& verification) {
  Json checks = Json::array();
  for (const CheckResult& result : verification.results) {
    checks.push_back({{"check", CheckName(result.check)},
                      {"ok", result.ok()},
                      {"found", result.found},
                      {"problems", result.problems}});
  }
  Json json{{"ok", verification.ok()},
            {"revision", verification.revision},
            {"snapshot_revision", verification.snapshot_revision}};
  if (verification.snapshot_hash) json["snapshot_hash"] = *verification.snapshot_hash;
  json["checks"] = std::move(checks);
  json["warnings"] = verification.warnings;
  return json;
}

Result<DirectoryVerification> VerifyDirectory(Files& files, const SnapshotFile& snapshot,
                                              const DirectoryOptions& options,
                                              const VerifyDirectoryOptions& how) {
  const NewMember* self = options.cluster.Find(options.name);
  if (self == nullptr) {
    return Status(Code::kInvalidArgument,
                  "\"" + ToSingleLine(options.name, 64) + "\" is no member of the new cluster");
  }
  WARDEN_ASSIGN_OR_RETURN(const BucketEdits edits, EditBuckets(options.cluster, options.database));
  // On a thread of its own: two readings of two files.
  auto expected = std::async(
      std::launch::async, [&] { return ReadExpected(snapshot, edits, how.known_hash, how.stop); });
  return Verifier(files, options, edits, *self, how, std::move(expected)).Run();
}

}  // namespace warden::restore
