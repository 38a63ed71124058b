#include "exporter/offsite/copy.h"

#include <memory>
#include <utility>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/changes.h"
#include "exporter/base/text.h"
#include "exporter/offsite/pack.h"

namespace warden::offsite {
namespace {

using metrics::TimedStage;

// A packed file, and for the time that it takes a place in the spool.
class Package {
 public:
  Package(Files& files, Files::Path path, Packed packed, bool is_spooled)
      : files_(&files), path_(std::move(path)), packed_(std::move(packed)), spooled_(is_spooled) {}
  ~Package() {
    // Best effort: the next copy clears the spool.
    if (spooled_) files_->Remove(path_).ok();
  }
  Package(Package&& other) noexcept
      : files_(other.files_),
        path_(std::move(other.path_)),
        packed_(std::move(other.packed_)),
        spooled_(std::exchange(other.spooled_, false)) {}
  Package& operator=(Package&&) = delete;
  Package(const Package&) = delete;
  Package& operator=(const Package&) = delete;

  const Files::Path& path() const { return path_; }
  const Packed& packed() const { return packed_; }

 private:
  Files* files_;
  Files::Path path_;
  Packed packed_;
  bool spooled_;
};

PackOptions PackOptionsOf(const config::DestinationConfig& destination) {
  return {.compress = destination.compress,
          .level = destination.compression_level,
          .age_recipients = destination.age_recipients,
          .age_recipients_file = destination.age_recipients_file};
}

// It may take as much as the snapshot, and the next snapshot needs its room besides.
Status CheckSpace(const Files::Path& spool, Files& files, std::uint64_t bytes) {
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t free, files.FreeBytes(spool));
  if (free / 2 >= bytes) return {};
  return Status(Code::kResourceExhausted, spool.string() + ": " + FormatBytes(free) +
                                              " free are too few to pack " + FormatBytes(bytes) +
                                              " and leave room for the next snapshot");
}

Result<Package> MakePackage(const CopySource& source, const backup::Manifest& backup,
                            const config::DestinationConfig& destination, const CopyTools& tools,
                            const Deadline& deadline) {
  const Files::Path snapshot = source.directory / backup.file;
  const PackOptions options = PackOptionsOf(destination);
  if (!options.compress && !options.encrypts()) {
    WARDEN_ASSIGN_OR_RETURN(Packed packed, Measure(tools.files, snapshot, backup.sha256, deadline));
    return Package(tools.files, snapshot, std::move(packed), false);
  }
  const Files::Path spool = source.directory / backup::kSpoolName / destination.name;
  WARDEN_RETURN_IF_ERROR(tools.files.MakeDirectories(spool));
  WARDEN_RETURN_IF_ERROR(CheckSpace(spool, tools.files, backup.size_bytes));
  const Files::Path path = spool / (backup.file + SuffixOf(options));
  WARDEN_ASSIGN_OR_RETURN(Packed packed,
                          Pack(tools.files, snapshot, backup.sha256, path, options, deadline));
  if (options.compress) {
    tools.instruments.StageFinished(source.cluster, TimedStage::kCompress,
                                    packed.compress_duration);
  }
  if (options.encrypts()) {
    tools.instruments.StageFinished(source.cluster, TimedStage::kEncrypt, packed.encrypt_duration);
  }
  return Package(tools.files, path, std::move(packed), true);
}

Status Contradiction(const std::string& name, const std::string& what) {
  return Status(Code::kDataLoss, name + " at the destination is not what was uploaded: " + what);
}

// How the copy was proven: "hash", "full", or "" where the credentials may only write.
Result<std::string> ProveCopy(const Rclone& rclone, const std::string& name, const Packed& packed,
                              const config::DestinationConfig& destination,
                              const Deadline& deadline) {
  const auto stat = rclone.Stat(name, deadline);
  const bool refused = !stat.ok() && (stat.error().code() == Code::kPermissionDenied ||
                                      stat.error().code() == Code::kUnauthenticated);
  if (refused && destination.put_only) return std::string();
  if (!stat.ok()) return stat.error();
  if (!*stat) return Contradiction(name, "it is not there");
  WARDEN_ASSIGN_OR_RETURN(const Proof proof, Prove(**stat, packed));
  if (proof == Proof::kHash && destination.proof == config::CopyProof::kHash) {
    return std::string("hash");
  }
  WARDEN_ASSIGN_OR_RETURN(const std::string whole, rclone.HashWhole(name, deadline));
  if (whole != packed.digests.sha256) return Contradiction(name, "its SHA-256 is " + whole);
  return std::string("full");
}

// The manifest as it is at the destination, where holds and notes may change no more.
Status UploadManifest(const CopySource& source, const backup::Manifest& copy,
                      const config::DestinationConfig& destination, const Rclone& rclone,
                      const CopyTools& tools, const Deadline& deadline) {
  const Files::Path spool = source.directory / backup::kSpoolName / destination.name;
  WARDEN_RETURN_IF_ERROR(tools.files.MakeDirectories(spool));
  WARDEN_RETURN_IF_ERROR(backup::WriteManifest(tools.files, spool, copy));
  const std::string name = backup::ManifestName(copy.id);
  const Result<Packed> measured = Measure(tools.files, spool / name, "", deadline);
  Status uploaded = measured.status();
  if (uploaded.ok()) uploaded = rclone.Upload(spool / name, name, deadline);
  tools.files.Remove(spool / name).ok();
  if (!uploaded.ok()) return uploaded;
  return ProveCopy(rclone, name, *measured, destination, deadline).status();
}

}  // namespace

Result<Files::Path> ClearSpool(const CopySource& source,
                               const config::DestinationConfig& destination, Files& files) {
  const Files::Path spool = source.directory / backup::kSpoolName / destination.name;
  WARDEN_RETURN_IF_ERROR(files.MakeDirectories(spool));
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> left, files.List(spool));
  for (const DirectoryEntry& entry : left) {
    if (entry.is_regular) WARDEN_RETURN_IF_ERROR(files.Remove(spool / entry.name));
  }
  return spool;
}

Rclone MakeRclone(const config::DestinationConfig& destination) {
  return Rclone({.remote = destination.remote,
                 .config_file = destination.rclone_config,
                 .bandwidth_limit = destination.bandwidth_limit == 0
                                        ? std::string()
                                        : std::to_string(destination.bandwidth_limit)});
}

Result<backup::Manifest> CopyBackup(const CopySource& source, const backup::Manifest& backup,
                                    const config::DestinationConfig& destination,
                                    DestinationStore& store, const CopyTools& tools,
                                    const Deadline& deadline) {
  WARDEN_ASSIGN_OR_RETURN(const Package package,
                          MakePackage(source, backup, destination, tools, deadline));
  const Packed& packed = package.packed();
  backup::Manifest copy = backup;
  copy.stored = {.file = backup.file + packed.suffix,
                 .compression = destination.compress ? "zstd" : "none",
                 .encryption = destination.encrypts() ? "age" : "none",
                 .size_bytes = packed.size_bytes,
                 .sha256 = packed.digests.sha256,
                 .proof = {}};
  const Rclone rclone = MakeRclone(destination);
  const SteadyTime start = tools.clock.Steady();
  WARDEN_RETURN_IF_ERROR(rclone.Upload(package.path(), copy.stored->file, deadline));
  WARDEN_ASSIGN_OR_RETURN(copy.stored->proof,
                          ProveCopy(rclone, copy.stored->file, packed, destination, deadline));
  WARDEN_RETURN_IF_ERROR(UploadManifest(source, copy, destination, rclone, tools, deadline));
  tools.instruments.StageFinished(source.cluster, TimedStage::kUpload,
                                  tools.clock.Steady() - start);
  WARDEN_RETURN_IF_ERROR(store.Record(copy));
  return copy;
}

Status RemoveCopy(const backup::Manifest& copy, const config::DestinationConfig& destination,
                  DestinationStore& store, const Deadline& deadline) {
  const Rclone rclone = MakeRclone(destination);
  for (const std::string& name : {backup::ManifestName(copy.id), copy.stored->file}) {
    if (Status removed = rclone.Remove(name, deadline);
        !removed.ok() && removed.code() != Code::kNotFound) {
      return removed;
    }
  }
  return store.Forget(copy.id);
}

}  // namespace warden::offsite
