#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "exporter/cli/output.h"
#include "exporter/cli/snapshot_file.h"

namespace warden::cli {
namespace {

struct Flags {
  std::string file;
  std::string key;
  RevisionFlag revision;
};

// The key's value at the revision; nullopt if it had none.
Result<std::optional<std::string>> Find(const mvcc::KeySpace& keys, const std::string& key,
                                        std::int64_t revision) {
  std::optional<std::string> value;
  WARDEN_RETURN_IF_ERROR(keys.ForEach(
      [&](const mvcc::Entry& entry) {
        if (entry.record.revision.main > revision) return false;
        if (entry.record.key != key) return true;
        value.reset();
        if (!entry.record.is_tombstone) value = entry.record.value;
        return true;
      },
      {}));
  return value;
}

int RunSnapshotGet(Console& console, const Flags& flags) {
  Result<SnapshotFile> file = SnapshotFile::Open(flags.file);
  if (!file.ok()) return Fail(console, kFailed, file.error());
  const Result<std::int64_t> revision = flags.revision.Resolve(file->keys());
  if (!revision.ok()) return Fail(console, kFailed, revision.error());
  const auto value = Find(file->keys(), flags.key, *revision);
  if (!value.ok()) return Fail(console, kFailed, value.error().WithContext(flags.file));
  if (const Status digest = file->CheckDigest(); !digest.ok()) {
    return Fail(console, kFailed, digest);
  }
  if (!*value) {
    return Fail(console, kFailed,
                Status(Code::kNotFound, flags.file + ": no key " + mvcc::PrintableKey(flags.key)));
  }
  console.out << **value;
  return kSuccess;
}

}  // namespace

Run DeclareSnapshotGet(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("file", flags->file, "The snapshot, or a file member/snap/db")
      ->required()
      ->type_name("FILE");
  app.add_option("key", flags->key, "The key whose value goes to standard output as it is")
      ->required()
      ->type_name("KEY");
  flags->revision.Declare(app);
  return [flags](Console& console) { return RunSnapshotGet(console, *flags); };
}

}  // namespace warden::cli
