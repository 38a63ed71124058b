// A member's data directory written from a snapshot and verified, as a program, for
// restore_directory_test.py: its settings are JSON in the first argument, its answer is JSON.
//
//   {"snapshot": FILE, "path": DIRECTORY, "initial_cluster": ..., "token": ..., "name": ...,
//    "target": "3.5"} and, if wanted, "wal_dir", "keep_alarms", "bump", "is_written" (only verify)
//    and "is_measured" (only write)
#include <iostream>
#include <memory>
#include <string>

#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/mvcc/inspect.h"
#include "exporter/restore/verify_directory.h"

namespace warden::restore {
namespace {

bool IsSet(const ParsedJson& settings, std::string_view key) {
  const ParsedJson* field = FindField(settings, key);
  return field != nullptr && field->is_boolean() && field->get<bool>();
}

Result<DirectoryOptions> OptionsOf(const ParsedJson& settings, const SnapshotFile& snapshot) {
  const auto text = [&](std::string_view key) { return FindString(settings, key).value_or(""); };
  DirectoryOptions options{.path = text("path"), .name = text("name"), .database = {}};
  if (const auto wal = FindString(settings, "wal_dir")) options.wal_dir = *wal;
  WARDEN_ASSIGN_OR_RETURN(options.cluster,
                          ParseInitialCluster(text("initial_cluster"), text("token")));
  WARDEN_ASSIGN_OR_RETURN(options.database.target, ParseTarget(text("target")));
  options.database.keep_alarms = IsSet(settings, "keep_alarms");
  if (const auto by = FindInteger(settings, "bump")) {
    WARDEN_ASSIGN_OR_RETURN(const mvcc::Inspection inspection,
                            mvcc::Inspect(snapshot.file, snapshot.database_bytes, {}));
    options.database.bump = RevisionBump{.from = inspection.revision(), .by = *by};
  }
  return options;
}

Result<Json> Answer(const ParsedJson& settings) {
  PosixFiles files;
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file,
                          files.Open(FindString(settings, "snapshot").value_or("")));
  WARDEN_ASSIGN_OR_RETURN(const FileState state, file->State());
  // Without the trailer.
  const SnapshotFile snapshot{.file = *file, .database_bytes = state.size_bytes / 512 * 512};
  WARDEN_ASSIGN_OR_RETURN(const DirectoryOptions options, OptionsOf(settings, snapshot));
  Json answer = Json::object();
  if (!IsSet(settings, "is_written")) {
    const DirectoryOutcome outcome = WriteDataDirectory(files, snapshot, options, {}, nullptr);
    WARDEN_RETURN_IF_ERROR(outcome.status);
    answer["size_bytes"] = outcome.database.size_bytes;
    answer["entries"] = outcome.database.entries;
  }
  if (IsSet(settings, "is_measured")) return answer;
  WARDEN_ASSIGN_OR_RETURN(const DirectoryVerification verification,
                          VerifyDirectory(files, snapshot, options, {}));
  answer["verification"] = ToJson(verification);
  return answer;
}

}  // namespace
}  // namespace warden::restore

int main(int argc, char** argv) {
  const auto settings = warden::ParseJson(argc > 1 ? argv[1] : "");
  if (!settings.ok()) return 2;
  const warden::Result<warden::Json> answer = warden::restore::Answer(*settings);
  const warden::Json error = {{"error", answer.status().message()}};
  std::cout << warden::DumpJson(answer.ok() ? *answer : error) << std::endl;
  return 0;
}
