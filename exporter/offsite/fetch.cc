#include "exporter/offsite/fetch.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/changes.h"
#include "exporter/base/text.h"
#include "exporter/offsite/pack.h"
#include "exporter/snapshot/verify.h"

namespace warden::offsite {
namespace {

// Removed when it goes, whatever became of it.
class Scratch {
 public:
  Scratch(Files& files, Files::Path path) : files_(files), path_(std::move(path)) {}
  ~Scratch() { files_.Remove(path_).ok(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const Files::Path& path() const { return path_; }

 private:
  Files& files_;
  const Files::Path path_;
};

Status NotWhatItSays(const std::string& what) {
  return Status(Code::kDataLoss, "the copy is not what its manifest says: " + what);
}

// Levels 0 to 2 of the unpacked file.
Status VerifyFetched(const backup::Manifest& manifest, const Files::Path& path, Files& files,
                     const Deadline& deadline) {
  WARDEN_ASSIGN_OR_RETURN(const snapshot::Verification verification,
                          snapshot::VerifyFile(files, path, {.stop = deadline.stop}));
  if (verification.sha256 != manifest.sha256) {
    return NotWhatItSays("its SHA-256 is " + verification.sha256);
  }
  if (!verification.ok()) return NotWhatItSays(verification.FirstFinding());
  return {};
}

Status Download(const CopySource& source, const backup::Manifest& copy,
                const config::DestinationConfig& destination, const Files::Path& identity_file,
                const CopyTools& tools, const Deadline& deadline) {
  const Files::Path spool = source.directory / backup::kSpoolName / destination.name;
  WARDEN_RETURN_IF_ERROR(tools.files.MakeDirectories(spool));
  const Scratch packed(tools.files, spool / copy.stored->file);
  tools.files.Remove(packed.path()).ok();  // what a crash left
  WARDEN_RETURN_IF_ERROR(
      MakeRclone(destination).Download(copy.stored->file, packed.path(), deadline));
  const std::string suffix = copy.stored->file.substr(copy.file.size());
  const Files::Path partial = source.directory / (copy.file + std::string(kPartialSuffix));
  tools.files.Remove(partial).ok();
  const auto unpacked =
      Unpack(tools.files, packed.path(), suffix, partial, identity_file, copy.size_bytes, deadline);
  if (!unpacked.ok()) return unpacked.error();
  Status verified = VerifyFetched(copy, partial, tools.files, deadline);
  if (!verified.ok()) tools.files.Remove(partial).ok();
  return verified;
}

}  // namespace

Result<backup::Manifest> FetchBackup(const CopySource& source, const std::string& id,
                                     const config::DestinationConfig& destination,
                                     const Files::Path& identity_file, const CopyTools& tools,
                                     const Deadline& deadline) {
  WARDEN_RETURN_IF_ERROR(tools.files.MakeDirectories(source.directory));
  if (tools.files.Stat(source.directory / backup::ManifestName(id)).ok()) {
    return Status(Code::kAlreadyExists, "backup " + id + " is in the catalogue");
  }
  DestinationStore store(tools.files, source.directory, destination.name);
  WARDEN_ASSIGN_OR_RETURN(const std::vector<backup::Manifest> copies, store.List());
  const auto copy = std::ranges::find(copies, id, &backup::Manifest::id);
  if (copy == copies.end()) {
    return Status(Code::kNotFound, "destination " + destination.name +
                                       " is not known to have backup " + id +
                                       "; `backup rebuild` asks it");
  }
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, store.Lock());
  WARDEN_RETURN_IF_ERROR(Download(source, *copy, destination, identity_file, tools, deadline));
  backup::Manifest manifest = *copy;
  manifest.stored.reset();
  const WallTime now = tools.clock.Now();
  manifest.holds.push_back({.by = "fetch",
                            .since = now,
                            .until = now + kFetchedHold,
                            .reason = "fetched from " + destination.name});
  WARDEN_RETURN_IF_ERROR(backup::PublishBackup(tools.files, source.directory, manifest));
  return manifest;
}

Result<Rebuilt> RebuildStore(const CopySource& source, const config::DestinationConfig& destination,
                             const CopyTools& tools, const Deadline& deadline) {
  DestinationStore store(tools.files, source.directory, destination.name);
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, store.Lock());
  WARDEN_ASSIGN_OR_RETURN(const std::vector<backup::Manifest> before, store.List());
  std::set<std::string> known;
  for (const backup::Manifest& copy : before) known.insert(copy.id);
  const Rclone rclone = MakeRclone(destination);
  WARDEN_ASSIGN_OR_RETURN(const std::vector<RemoteFile> files, rclone.List(deadline));
  std::map<std::string, std::uint64_t> sizes;
  for (const RemoteFile& file : files) sizes[file.name] = file.size_bytes;
  const std::string suffix = backup::ManifestName("");
  Rebuilt rebuilt;
  std::set<std::string> found;
  for (const RemoteFile& file : files) {
    if (!file.name.ends_with(suffix)) continue;
    const std::string id = file.name.substr(0, file.name.size() - suffix.size());
    if (!backup::IsId(id)) continue;
    WARDEN_ASSIGN_OR_RETURN(const std::string text,
                            rclone.Read(file.name, backup::kManifestBytesMax, deadline));
    const Result<backup::Manifest> copy = backup::ParseManifest(text);
    std::string complaint;
    if (!copy.ok()) {
      complaint = copy.error().message();
    } else if (copy->id != id || !copy->stored) {
      complaint = "is not the manifest of this copy";
    } else if (const auto size = sizes.find(copy->stored->file); size == sizes.end()) {
      complaint = "its file " + copy->stored->file + " is missing";
    } else if (size->second != copy->stored->size_bytes) {
      complaint = "its file has " + std::to_string(size->second) + " bytes instead of " +
                  std::to_string(copy->stored->size_bytes);
    }
    if (!complaint.empty()) {
      rebuilt.complaints.push_back(file.name + ": " + complaint);
      continue;
    }
    WARDEN_RETURN_IF_ERROR(store.Record(*copy));
    found.insert(id);
    if (!known.contains(id)) rebuilt.learnt.push_back(id);
  }
  for (const std::string& id : known) {
    if (found.contains(id)) continue;
    WARDEN_RETURN_IF_ERROR(store.Forget(id));
    rebuilt.forgotten.push_back(id);
  }
  rebuilt.found = found.size();
  return rebuilt;
}

}  // namespace warden::offsite
