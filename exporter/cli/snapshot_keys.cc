#include <memory>
#include <ostream>
#include <string>

#include "exporter/base/text.h"
#include "exporter/cli/output.h"
#include "exporter/cli/snapshot_file.h"
#include "exporter/mvcc/visible.h"

namespace warden::cli {
namespace {

struct Flags {
  std::string file;
  std::string prefix;
  RevisionFlag revision;
  FormatFlag format;
};

Json ToJson(const mvcc::Record& record) {
  Json json{{"key", mvcc::PrintableKey(record.key)},
            {"create_revision", record.create_revision},
            {"mod_revision", record.revision.main},
            {"version", record.version}};
  if (record.lease != 0) json["lease"] = FormatId(static_cast<std::uint64_t>(record.lease));
  json["value_bytes"] = record.value.size();
  return json;
}

// Prints what is visible as it is met: there may be more keys than memory.
Status PrintKeys(Console& console, const Flags& flags, const mvcc::KeySpace& keys,
                 std::int64_t revision) {
  WARDEN_ASSIGN_OR_RETURN(const mvcc::VisibleRecords visible,
                          mvcc::FindVisible(keys, revision, {}));
  const bool json = flags.format.format() == Format::kJson;
  std::string_view separator = "\n";
  if (json) console.out << "[";
  const Status read = keys.ForEach(
      [&](const mvcc::Entry& entry) {
        if (entry.record.revision.main > revision) return false;
        if (!visible.Contains(entry.number) || !entry.record.key.starts_with(flags.prefix)) {
          return true;
        }
        if (json) {
          console.out << separator << "  " << DumpJson(ToJson(entry.record));
          separator = ",\n";
        } else {
          console.out << mvcc::PrintableKey(entry.record.key) << "\n";
        }
        return console.out.good();
      },
      {});
  if (json) console.out << "\n]\n";
  return read;
}

int RunSnapshotKeys(Console& console, const Flags& flags) {
  Result<SnapshotFile> file = SnapshotFile::Open(flags.file);
  if (!file.ok()) return Fail(console, kFailed, file.error());
  const Result<std::int64_t> revision = flags.revision.Resolve(file->keys());
  if (!revision.ok()) return Fail(console, kFailed, revision.error());
  if (const Status printed = PrintKeys(console, flags, file->keys(), *revision); !printed.ok()) {
    return Fail(console, kFailed, printed.WithContext(flags.file));
  }
  const Status digest = file->CheckDigest();
  return digest.ok() ? kSuccess : Fail(console, kFailed, digest);
}

}  // namespace

Run DeclareSnapshotKeys(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("file", flags->file, "The snapshot, or a file member/snap/db")
      ->required()
      ->type_name("FILE");
  app.add_option("--prefix", flags->prefix, "Only keys that start with this");
  flags->revision.Declare(app);
  flags->format.Declare(app);
  app.footer(
      "One key a line, in the order of their last change; what is not printable is quoted. With\n"
      "-w json an array of keys with their revisions, versions, leases and sizes. Keys are "
      "printed\n"
      "as they are read; exit code 1 says that the file's digest is wrong after all.");
  return [flags](Console& console) { return RunSnapshotKeys(console, *flags); };
}

}  // namespace warden::cli
