#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "exporter/base/text.h"
#include "exporter/cli/output.h"
#include "exporter/cli/snapshot_file.h"
#include "exporter/etcd/membership.h"
#include "exporter/mvcc/hashes.h"
#include "exporter/snapshot/report.h"

namespace warden::cli {
namespace {

struct Flags {
  std::string file;
  FormatFlag format;
};

// What etcd's own tools print of a snapshot, those of its version.
struct StockStatus {
  std::uint32_t hash = 0;
  std::int64_t revision = 0;     // of the last record
  std::uint64_t total_keys = 0;  // entries of all buckets; since 3.6 the live keys
  std::uint64_t total_bytes = 0;
  std::string version;  // since 3.6
  bool is_since_3_6 = false;
};

Result<StockStatus> ReadStockStatus(const SnapshotFile& file, const mvcc::Inspection& inspection) {
  WARDEN_ASSIGN_OR_RETURN(const mvcc::StatusHash hash,
                          mvcc::HashForStatus(file.keys().database(), {}));
  StockStatus status{.hash = hash.hash,
                     .revision = inspection.census.last().main,
                     .total_keys = hash.entries,
                     .total_bytes = inspection.used_bytes,
                     .version = inspection.contents.storage_version};
  // Storages of before 3.6 do not bear a version.
  status.is_since_3_6 = etcd::VersionAtLeast(status.version, 3, 6);
  if (status.is_since_3_6) status.total_keys = inspection.census.live_keys();
  return status;
}

std::string Hex(std::uint32_t number) {
  return FormatId(number);
}

void PrintTables(Console& console, const StockStatus& status, const mvcc::Inspection& inspection) {
  Row header = {"HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"};
  Row row = {Hex(status.hash), std::to_string(status.revision), std::to_string(status.total_keys),
             FormatBytes(status.total_bytes)};
  if (status.is_since_3_6) {
    header.emplace_back("VERSION");
    row.push_back(status.version);
  }
  console.out << FormatTable(header, {row});
  const mvcc::Contents& contents = inspection.contents;
  std::vector<std::string> members;
  for (const etcd::Member& member : contents.members) {
    members.push_back(etcd::Describe(member) + (member.is_learner ? " (learner)" : ""));
  }
  std::vector<std::string> alarms;
  for (const etcd::Alarm& alarm : contents.alarms) {
    alarms.push_back(std::string(etcd::AlarmName(alarm.type)) + " of " + FormatId(alarm.member_id));
  }
  const std::vector<Row> facts = {
      {"live keys", std::to_string(inspection.census.live_keys())},
      {"records", std::to_string(inspection.census.records())},
      {"compacted up to", std::to_string(contents.compaction().revision) +
                              (contents.compaction().is_finished ? "" : " (not finished)")},
      {"raft index", std::to_string(contents.consistent_index.value_or(0))},
      {"cluster version", contents.cluster_version},
      {"members", Join(members, ", ")},
      {"leases", std::to_string(contents.leases)},
      {"alarms", alarms.empty() ? "none" : Join(alarms, ", ")},
      {"auth", contents.auth_enabled ? "on, users: " + Join(contents.users, ", ") : "off"},
      {"in use", FormatBytes(inspection.tree_bytes)},
  };
  console.out << FormatTable({"CONTENTS", ""}, facts);
  std::vector<Row> prefixes;
  for (const mvcc::NamedPrefix& each : inspection.census.Prefixes(20)) {
    const std::string name = each.prefix.empty() ? "(none)" : mvcc::PrintableKey(each.prefix);
    prefixes.push_back({each.is_rest ? "(others)" : name, std::to_string(each.count.live_keys),
                        std::to_string(each.count.records), FormatBytes(each.count.bytes)});
  }
  console.out << FormatTable({"PREFIX", "LIVE KEYS", "RECORDS", "BYTES"}, prefixes);
}

Json ToJson(const StockStatus& status, const mvcc::Inspection& inspection) {
  Json json{{"hash", status.hash},
            {"revision", status.revision},
            {"totalKey", status.total_keys},
            {"totalSize", status.total_bytes}};
  if (status.is_since_3_6) json["version"] = status.version;
  json["contents"] = snapshot::ContentsToJson(inspection);
  return json;
}

int RunSnapshotStatus(Console& console, const Flags& flags) {
  const Result<snapshot::Verification> verification = VerifyShown(console, flags.file, true);
  if (!verification.ok()) return Fail(console, kFailed, verification.error());
  if (!verification->ok()) {
    return Fail(console, kFailed,
                Status(Code::kDataLoss, flags.file + ": " + verification->FirstFinding() +
                                            "; `snapshot verify` lists all findings"));
  }
  const Result<SnapshotFile> file = SnapshotFile::Open(flags.file);
  if (!file.ok()) return Fail(console, kFailed, file.error());
  const Result<StockStatus> status = ReadStockStatus(*file, *verification->inspection);
  if (!status.ok()) return Fail(console, kFailed, status.error().WithContext(flags.file));
  if (flags.format.format() == Format::kJson) {
    console.out << DumpJson(ToJson(*status, *verification->inspection)) << "\n";
  } else {
    PrintTables(console, *status, *verification->inspection);
  }
  return kSuccess;
}

}  // namespace

Run DeclareSnapshotStatus(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("file", flags->file, "The snapshot, or a file member/snap/db")
      ->required()
      ->type_name("FILE");
  flags->format.Declare(app);
  app.footer(
      "The first table, and the first fields of -w json, are what etcdctl or etcdutl of the\n"
      "snapshot's own version print: total keys are the entries of all buckets up to 3.5, the "
      "live\n"
      "keys since. Unlike theirs, a file whose digest or content is damaged is an error.");
  return [flags](Console& console) { return RunSnapshotStatus(console, *flags); };
}

}  // namespace warden::cli
