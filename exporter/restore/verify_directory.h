// The proof that a data directory is what it was to become: read anew from the disk and compared
// with the snapshot and with the plan, whoever wrote it.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/base/result.h"
#include "exporter/restore/data_directory.h"

namespace warden::restore {

enum class DirectoryCheck {
  kFiles,       // the files of the layout and no others
  kStructure,   // level 1 of the verification, of the database
  kMeaning,     // level 2
  kEntries,     // what was to be kept of every bucket is there, bit by bit, and nothing else
  kEdits,       // and what is new
  kMembership,  // the members are those of the new cluster
  kRaft,        // consistent_index and term say where the log stands
  kAlarms,      // none, or all that the snapshot has
  kRevision,    // where the new cluster goes on, and from where on history was forgotten
  kHash,        // what a member would answer to HashKV at the snapshot's revision
  kLog,         // the WAL file, to the last byte
  kSnapFile,    // the .snap file, to the last byte
};
std::string_view CheckName(DirectoryCheck check);  // "files", "structure", ...

struct CheckResult {
  DirectoryCheck check = DirectoryCheck::kFiles;
  std::string found;                  // in a few words, for people
  std::vector<std::string> problems;  // empty: passed
  bool ok() const { return problems.empty(); }
};

struct DirectoryVerification {
  std::vector<CheckResult> results;   // of every check, in their order
  std::vector<std::string> warnings;  // what is odd about the database, and no error
  // mvcc::HashKv of the snapshot at `snapshot_revision` and its own compaction; nullopt where that
  // cannot be told.
  std::optional<std::uint32_t> snapshot_hash;
  std::int64_t snapshot_revision = 0;
  std::int64_t revision = 0;  // where the new cluster goes on

  bool ok() const;
  const CheckResult& Of(DirectoryCheck check) const;
  // "alarms: 1 is left", of the first check that failed; only if !ok().
  std::string FirstProblem() const;
};
Json ToJson(const DirectoryVerification& verification);

struct VerifyDirectoryOptions {
  int threads = 2;
  std::stop_token stop;
  // What mvcc::HashKv says of the snapshot at its revision and its own compaction, if somebody has
  // computed it of the same bytes before.
  std::optional<std::uint32_t> known_hash;
  // Pages behind the last that was ever used are no problem: a tool copies them.
  bool spare_pages = false;
};

// `options` are those with which the directory was written. Fails if the snapshot cannot be read or
// makes no sense, if the options do not, or if it was stopped; whatever is wrong with the directory
// is in the result.
//
// A bump lets etcd forget all history when it starts, and HashKV of a revision before it has no
// answer any more: the hash is then the snapshot's, of records that kEntries has found to be the
// same ones.
Result<DirectoryVerification> VerifyDirectory(Files& files, const SnapshotFile& snapshot,
                                              const DirectoryOptions& options,
                                              const VerifyDirectoryOptions& how);

}  // namespace warden::restore
