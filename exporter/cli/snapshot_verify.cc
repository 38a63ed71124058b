#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "exporter/backup/changes.h"
#include "exporter/base/text.h"
#include "exporter/cli/output.h"
#include "exporter/cli/snapshot_file.h"
#include "exporter/snapshot/report.h"

namespace warden::cli {
namespace {

const Row kHeader = {"FILE", "LEVEL", "SIZE", "REVISION", "KEYS", "RESULT"};
constexpr std::string_view kSnapshotSuffix = ".db";

struct Flags {
  std::string path;
  bool skip_hash_check = false;
  FormatFlag format;
};

// The file itself; of a directory its snapshots, or that of an etcd data directory, by name.
Result<std::vector<Files::Path>> FilesToVerify(Files& files, const Files::Path& path) {
  const Result<std::vector<DirectoryEntry>> entries = files.List(path);
  // Whatever is no directory is opened, and says then what it is.
  if (!entries.ok()) return std::vector<Files::Path>{path};
  std::vector<Files::Path> found;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.name.ends_with(kSnapshotSuffix)) found.push_back(path / entry.name);
  }
  const Files::Path live = path / "member" / "snap" / "db";
  if (files.Stat(live).ok()) found.push_back(live);
  std::ranges::sort(found);
  if (!found.empty()) return found;
  return Status(Code::kNotFound, path.string() + ": no snapshot (*.db) is in the directory");
}

// Against the manifest beside it, if it is a backup of a catalogue: that proves what no structure
// can. Fails if there is one that cannot be read, or that says that the backup is in quarantine.
Status CompareWithManifest(Files& files, const Files::Path& path,
                           snapshot::Verification& verification) {
  Files::Path manifest_path = path;
  manifest_path.replace_extension(".json");
  const Result<std::string> text = files.ReadAll(manifest_path, backup::kManifestBytesMax);
  if (text.status().code() == Code::kNotFound) return {};
  const Result<backup::Manifest> manifest =
      text.ok() ? backup::ParseManifest(*text) : Result<backup::Manifest>(text.error());
  if (!manifest.ok()) return manifest.error().WithContext(manifest_path.string());
  if (manifest->file != path.filename()) return {};
  if (verification.size_bytes != manifest->size_bytes) {
    verification.transport.push_back("the manifest says " + std::to_string(manifest->size_bytes) +
                                     " bytes");
  } else if (!verification.sha256.empty() && verification.sha256 != manifest->sha256) {
    verification.transport.emplace_back("the SHA-256 is not the manifest's");
  }
  if (manifest->quarantined.empty()) return {};
  return Status(Code::kDataLoss, path.string() + ": in quarantine: " + manifest->quarantined);
}

std::string DescribeLevel(const snapshot::Verification& verification) {
  const int level = static_cast<int>(verification.level());
  const std::string text = level < 0 ? "none" : std::to_string(level);
  if (!verification.has_trailer) return text + " (no trailer)";
  return verification.sha256.empty() && level > 0 ? text + " (digest not checked)" : text;
}

std::string DescribeResult(const snapshot::Verification& verification) {
  if (!verification.ok()) return verification.FirstFinding();
  return verification.warnings.empty() ? "ok" : "ok, but " + verification.warnings.front();
}

// Every finding but the first, which the table has, on a line of its own.
void PrintFindings(Console& console, const Files::Path& path,
                   const snapshot::Verification& verification) {
  const auto print = [&](const std::string& label, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      console.err << "etcd-warden: " << path.string() << ": " << label << ": " << line << "\n";
    }
  };
  print("level 0", verification.transport);
  print("level 1", verification.structure);
  print("level 2", verification.meaning);
  print("warning", verification.warnings);
  if (verification.more_findings > 0) {
    console.err << "etcd-warden: " << path.string() << ": and " << verification.more_findings
                << " more findings\n";
  }
}

int RunSnapshotVerify(Console& console, const Flags& flags) {
  PosixFiles files;
  const auto paths = FilesToVerify(files, flags.path);
  if (!paths.ok()) return Fail(console, kFailed, paths.error());
  std::vector<Row> rows;
  Json json = Json::array();
  int exit_code = kSuccess;
  for (const Files::Path& path : *paths) {
    Result<snapshot::Verification> verification =
        VerifyShown(console, path.string(), !flags.skip_hash_check);
    if (!verification.ok()) {
      exit_code = Fail(console, kFailed, verification.error());
      continue;
    }
    if (const Status manifest = CompareWithManifest(files, path, *verification); !manifest.ok()) {
      exit_code = Fail(console, kFailed, manifest);
    }
    if (!verification->ok()) exit_code = kFailed;
    const auto& inspection = verification->inspection;
    rows.push_back({path.string(), DescribeLevel(*verification),
                    FormatBytes(verification->size_bytes),
                    inspection ? std::to_string(inspection->revision()) : "",
                    inspection ? std::to_string(inspection->census.live_keys()) : "",
                    DescribeResult(*verification)});
    Json entry{{"file", path.string()}};
    entry.update(snapshot::ToJson(*verification));
    if (inspection) entry["contents"] = snapshot::ContentsToJson(*inspection);
    json.push_back(std::move(entry));
    if (flags.format.format() == Format::kTable) PrintFindings(console, path, *verification);
  }
  if (!json.empty() || flags.format.format() == Format::kJson) {
    Print(console, flags.format.format(), kHeader, rows, json);
  }
  return exit_code;
}

}  // namespace

Run DeclareSnapshotVerify(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("path", flags->path,
                 "A snapshot, a directory of snapshots (*.db), or an etcd data directory")
      ->required()
      ->type_name("FILE|DIR");
  app.add_flag("--skip-hash-check", flags->skip_hash_check,
               "Levels 1 and 2 only: do not compute the SHA-256");
  flags->format.Declare(app);
  app.footer(
      "Levels: 0 the SHA-256 trailer (and a manifest beside the file) matches; 1 every page of "
      "the\n"
      "database is whole and reached once; 2 every record makes sense. Level 3, a quorum of the\n"
      "voters holding the same data, is reached when a snapshot is taken. A file of a data\n"
      "directory has no trailer, and nothing proves its values. The file is only read.\n"
      "Exit code 1 if any file falls short of level 2.");
  return [flags](Console& console) { return RunSnapshotVerify(console, *flags); };
}

}  // namespace warden::cli
