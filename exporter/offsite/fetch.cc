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
  const std::int64_t revision = verification.inspection->revision();
  if (manifest.revision && *manifest.revision != revision) {
    return NotWhatItSays("its revision is " + std::to_string(revision));
  }
  return {};
}

Status Download(const backup::Manifest& copy, const config::DestinationConfig& destination,
                const Files::Path& identity_file, const Files::Path& unpacked,
                const CopyTools& tools, const Deadline& deadline) {
  const Files::Path spool = unpacked.parent_path();
  // The size is what the manifest says; what comes is checked against it.
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t free, tools.files.FreeBytes(spool));
  if (free / 2 < copy.size_bytes) {
    return Status(Code::kResourceExhausted, spool.string() + ": " + FormatBytes(free) +
                                                " free are too few to unpack " +
                                                FormatBytes(copy.size_bytes));
  }
  const Scratch packed(tools.files, spool / ("fetched." + copy.stored->file));
  WARDEN_RETURN_IF_ERROR(
      MakeRclone(destination).Download(copy.stored->file, packed.path(), deadline));
  const std::string suffix = copy.stored->file.substr(copy.file.size());
  const auto done = Unpack(tools.files, packed.path(), suffix, unpacked, identity_file,
                           copy.size_bytes, deadline);
  return done.ok() ? VerifyFetched(copy, unpacked, tools.files, deadline) : done.error();
}

// What only a destination has told is not believed further than it was verified here.
backup::Manifest AsFetched(const backup::Manifest& copy, const std::string& destination,
                           WallTime now) {
  backup::Manifest manifest = copy;
  manifest.stored.reset();
  if (manifest.unknown.is_object()) manifest.unknown.erase("stored");
  if (manifest.verification_level > static_cast<int>(snapshot::Level::kMeaning)) {
    manifest.notes.push_back("fetched from " + destination + ", where its manifest said: " +
                             snapshot::Describe(manifest.attestation));
    manifest.verification_level = static_cast<int>(snapshot::Level::kMeaning);
    manifest.attestation = {.reason = "it was fetched from " + destination};
  }
  manifest.holds.push_back({.by = "fetch",
                            .since = now,
                            .until = now + kFetchedHold,
                            .reason = "fetched from " + destination});
  return manifest;
}

// kFailedPrecondition if it is another cluster's, kAlreadyExists if it is here and whole; of one
// whose file is missing or cut short, the holds are taken over.
Status CheckCatalogue(const CopySource& source, backup::Manifest& copy, Files& files) {
  WARDEN_ASSIGN_OR_RETURN(const backup::Listing local,
                          backup::ListBackups(files, source.directory));
  if (std::ranges::find(local.backups, copy.id, &backup::Manifest::id) != local.backups.end()) {
    return Status(Code::kAlreadyExists, "backup " + copy.id + " is in the catalogue");
  }
  const backup::Manifest* newest = local.NewestGood();
  if (newest != nullptr && newest->cluster_id != copy.cluster_id) {
    return Status(Code::kFailedPrecondition,
                  "backup " + copy.id + " is of cluster " + FormatId(copy.cluster_id) +
                      ", those in the catalogue of cluster " + FormatId(newest->cluster_id));
  }
  const auto damaged = backup::ReadManifest(files, source.directory, copy.id);
  if (damaged.ok()) copy.holds = damaged->holds;
  return {};
}

// Moves the unpacked file into the catalogue, while nobody else changes that.
Status PublishFetched(const CopySource& source, const backup::Manifest& manifest,
                      const Files::Path& unpacked, Files& files) {
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> turn,
                          backup::TakeTurn(files, source.directory));
  backup::Manifest again = manifest;
  WARDEN_RETURN_IF_ERROR(CheckCatalogue(source, again, files));
  const Files::Path partial = source.directory / (manifest.file + std::string(kPartialSuffix));
  WARDEN_RETURN_IF_ERROR(files.Rename(unpacked, partial));
  return backup::PublishBackup(files, source.directory, manifest);
}

using SizesByName = std::map<std::string, std::uint64_t>;

// A directory that is not there holds nothing; a remote that is not configured is an error.
Result<SizesByName> ListDestination(const Rclone& rclone,
                                    const config::DestinationConfig& destination,
                                    const Deadline& deadline) {
  SizesByName sizes;
  const Result<std::vector<RemoteFile>> files = rclone.List(deadline);
  if (!files.ok()) {
    const std::string remote = RemoteName(destination.remote);
    const auto known = Rclone::ListRemotes(destination.rclone_config, deadline);
    const bool is_known =
        remote.empty() || (known.ok() && std::ranges::find(*known, remote) != known->end());
    // A directory of this machine that is gone may be a mount that is missing.
    if (files.error().code() == Code::kNotFound && is_known && !remote.empty()) return sizes;
    return files.error();
  }
  for (const RemoteFile& file : *files) sizes[file.name] = file.size_bytes;
  return sizes;
}

// Empty if that is no name of a manifest.
std::string IdOfManifest(const std::string& name) {
  const std::string suffix = backup::ManifestName("");
  if (!name.ends_with(suffix)) return "";
  std::string id = name.substr(0, name.size() - suffix.size());
  return backup::IsId(id) ? id : "";
}

// The manifest of a copy whose file is there.
Result<backup::Manifest> ReadCopy(const Rclone& rclone, const std::string& id,
                                  const SizesByName& sizes, const Deadline& deadline) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, rclone.Read(backup::ManifestName(id),
                                                              backup::kManifestBytesMax, deadline));
  WARDEN_ASSIGN_OR_RETURN(backup::Manifest copy, backup::ParseManifest(text));
  if (copy.id != id || !copy.stored) return NotWhatItSays("it is that of something else");
  const auto size = sizes.find(copy.stored->file);
  if (size == sizes.end()) {
    return Status(Code::kDataLoss, "its file " + copy.stored->file + " is missing");
  }
  if (size->second != copy.stored->size_bytes) {
    return Status(Code::kDataLoss, "its file has " + std::to_string(size->second) +
                                       " bytes instead of " +
                                       std::to_string(copy.stored->size_bytes));
  }
  return copy;
}

}  // namespace

Result<backup::Manifest> FetchBackup(const CopySource& source, const std::string& id,
                                     const config::DestinationConfig& destination,
                                     const Files::Path& identity_file, const CopyTools& tools,
                                     const Deadline& deadline) {
  WARDEN_RETURN_IF_ERROR(tools.files.MakeDirectories(source.directory));
  DestinationStore store(tools.files, source.directory, destination.name);
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, store.Lock());
  WARDEN_ASSIGN_OR_RETURN(const std::vector<backup::Manifest> copies, store.List());
  const auto found = std::ranges::find(copies, id, &backup::Manifest::id);
  if (found == copies.end()) {
    return Status(Code::kNotFound, "destination " + destination.name +
                                       " is not known to have backup " + id +
                                       "; `backup rebuild` asks it");
  }
  backup::Manifest copy = *found;
  WARDEN_RETURN_IF_ERROR(CheckCatalogue(source, copy, tools.files));
  WARDEN_ASSIGN_OR_RETURN(const Files::Path spool, ClearSpool(source, destination, tools.files));
  const Scratch unpacked(tools.files, spool / copy.file);
  WARDEN_RETURN_IF_ERROR(
      Download(copy, destination, identity_file, unpacked.path(), tools, deadline));
  backup::Manifest manifest = AsFetched(copy, destination.name, tools.clock.Now());
  WARDEN_RETURN_IF_ERROR(PublishFetched(source, manifest, unpacked.path(), tools.files));
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
  WARDEN_ASSIGN_OR_RETURN(const SizesByName sizes, ListDestination(rclone, destination, deadline));
  Rebuilt rebuilt;
  std::set<std::string> found;
  for (const auto& [name, size] : sizes) {
    const std::string id = IdOfManifest(name);
    if (id.empty()) continue;
    const Result<backup::Manifest> copy = ReadCopy(rclone, id, sizes, deadline);
    if (!copy.ok()) {
      // What could not be read is neither known nor unknown.
      const Code code = copy.error().code();
      if (code != Code::kDataLoss && code != Code::kInvalidArgument &&
          code != Code::kUnimplemented && code != Code::kResourceExhausted) {
        return copy.error();
      }
      rebuilt.complaints.push_back(name + ": " + copy.error().message());
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
  // It is known to be of this place now.
  CopyState state = store.State();
  state.remote = destination.remote;
  WARDEN_RETURN_IF_ERROR(store.SaveState(state));
  return rebuilt;
}

}  // namespace warden::offsite
