#include <memory>
#include <ostream>
#include <random>
#include <utility>

#include "exporter/backup/manifest.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/text.h"
#include "exporter/cli/connection.h"
#include "exporter/cli/output.h"
#include "exporter/snapshot/take.h"

namespace warden::cli {
namespace {

const Row kHeader = {"FILE", "ENDPOINT", "MEMBER", "ROLE", "SIZE", "SHA256", "TOOK"};

struct Flags {
  ConnectionFlags connection;
  FormatFlag format;
  std::string file;
};

Status CheckTarget(Files& files, const Files::Path& path) {
  if (files.Stat(path).ok()) {
    return Status(Code::kAlreadyExists,
                  path.string() + ": already exists; move it away or name another file");
  }
  const Result<DirectoryEntry> directory = files.Stat(path.parent_path());
  return directory.ok() ? Status() : directory.error();
}

// A name of this run's own: two runs to one file must not share what they write.
Files::Path PartialName(const Files::Path& path, const Clock& clock) {
  std::random_device random;
  return path.string() + "." + backup::MakeId(clock.Now(), random()) + std::string(kPartialSuffix);
}

// The last steps: a name that nobody has taken, and a directory that remembers it.
Status Publish(Files& files, const Files::Path& partial, const Files::Path& path) {
  WARDEN_RETURN_IF_ERROR(files.RenameNew(partial, path));
  return files.SyncDirectory(path.parent_path());
}

void Report(Console& console, Format format, const Files::Path& path,
            const snapshot::Taken& taken) {
  const snapshot::Source& source = taken.source;
  const std::string role(snapshot::RoleName(source.role));
  const Row row = {path.string(),
                   source.endpoint.url,
                   FormatId(source.status.member_id),
                   role,
                   FormatBytes(taken.stream.size_bytes),
                   taken.stream.sha256,
                   FormatDuration(std::chrono::ceil<Milliseconds>(taken.duration))};
  const Json json = Json::array({{{"file", path.string()},
                                  {"endpoint", source.endpoint.url},
                                  {"member_id", FormatId(source.status.member_id)},
                                  {"role", role},
                                  {"version", source.status.version},
                                  {"size_bytes", taken.stream.size_bytes},
                                  {"sha256", taken.stream.sha256},
                                  {"duration_seconds", ToSeconds(taken.duration)}}});
  Print(console, format, kHeader, {row}, json);
}

int RunSnapshotSave(Console& console, const Flags& flags, const Clock& clock,
                    const ConnectionFlags::Target& target) {
  PosixFiles files;
  if (flags.file.empty())
    return Fail(console, kUsage, Status(Code::kInvalidArgument, "FILE: is empty"));
  const Files::Path path = std::filesystem::absolute(flags.file);
  if (const Status free = CheckTarget(files, path); !free.ok()) {
    return Fail(console, kUsage, free);
  }
  const Files::Path partial = PartialName(path, clock);
  const auto log = MakeStderrLogger(LogLevel::kWarn, LogFormat::kLogfmt);
  const auto cluster = etcd::MakeCluster(target.options, clock);
  const snapshot::TakeOutcome outcome = snapshot::Take(
      {.cluster = *cluster, .files = files, .clock = clock, .log = *log}, partial, target.deadline);
  if (!outcome.taken) return Fail(console, kFailed, outcome.error.status);
  if (const Status published = Publish(files, partial, path); !published.ok()) {
    files.Remove(partial).ok();
    return Fail(console, kFailed, published);
  }
  Report(console, flags.format.format(), path, *outcome.taken);
  return kSuccess;
}

}  // namespace

Run DeclareSnapshotSave(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("file", flags->file, "Where to save it; an existing file is never replaced")
      ->required()
      ->type_name("FILE");
  flags->connection.Declare(app, "1h");
  flags->format.Declare(app);
  return OnTarget(std::move(flags), RunSnapshotSave);
}

}  // namespace warden::cli
