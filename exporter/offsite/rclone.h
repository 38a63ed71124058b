// One directory at a destination, through the program rclone: whatever it can reach is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/process.h"
#include "exporter/base/result.h"
#include "exporter/offsite/pack.h"

namespace warden::offsite {

struct RemoteOptions {
  // "NAME:PATH", where NAME is a section of rclone's configuration, or an absolute path. Settings
  // inside it ("NAME,key=value:" or ":s3,…:") are refused: they would stand in the argument vector.
  std::string remote;
  std::filesystem::path config_file;  // empty: rclone's own default
  std::string bandwidth_limit;        // bytes per second, or what rclone's --bwlimit knows
};

struct RemoteFile {
  std::string name;
  std::uint64_t size_bytes = 0;
  // By lowercase kind ("md5", "sha1", "sha256"), hex; only those that the destination knows.
  std::map<std::string, std::string> hashes;
};

// kInvalidArgument if it is not of the form that RemoteOptions asks for.
Status CheckRemote(std::string_view remote);
// The section of rclone's configuration that it names; empty for an absolute path.
std::string RemoteName(std::string_view remote);

// Names are plain file names: one with a slash, a leading dot or a control character is
// kInvalidArgument. A failure is kNotFound (file, directory, section of the configuration, rclone
// itself), kPermissionDenied, kUnauthenticated, kResourceExhausted (no space), kUnavailable
// (network, or the destination's own trouble: worth another try later), kDeadlineExceeded,
// kCancelled, else kUnknown; its message is rclone's own. Thread-safe.
class Rclone {
 public:
  // `program` is another one in tests only.
  explicit Rclone(RemoteOptions options, std::string program = "rclone");

  // Replaces what is there. Lists and deletes nothing, so credentials that may only write do. At an
  // absolute path the file is for the owner only, and gets its name when it is whole and synced;
  // elsewhere this is up to the destination: object stores show whole files only, SFTP and WebDAV
  // one while it grows, and what is left of it after a failure.
  Status Upload(const std::filesystem::path& from, const std::string& name,
                const Deadline& deadline) const;
  // nullopt: there is no such file, or no such directory.
  Result<std::optional<RemoteFile>> Stat(const std::string& name, const Deadline& deadline) const;
  // The files of the directory itself, without hashes; those whose size is unknown are left out. No
  // such directory is kNotFound, or an empty list where directories are only a manner of speaking
  // (object stores).
  Result<std::vector<RemoteFile>> List(const Deadline& deadline) const;
  // A whole small file; a larger one is kResourceExhausted.
  Result<std::string> Read(const std::string& name, std::size_t bytes_max,
                           const Deadline& deadline) const;
  // Into the new file `to` (0600, synced). On failure nothing stays there.
  Status Download(const std::string& name, const std::filesystem::path& to,
                  const Deadline& deadline) const;
  // The SHA-256 (hex) of the file, all of it read back.
  Result<std::string> HashWhole(const std::string& name, const Deadline& deadline) const;
  // kNotFound if there is no such file.
  Status Remove(const std::string& name, const Deadline& deadline) const;

  // The sections of the configuration file, without the colon that rclone appends.
  static Result<std::vector<std::string>> ListRemotes(const std::filesystem::path& config_file,
                                                      const Deadline& deadline);

 private:
  Result<Ended> Call(std::vector<std::string> arguments, const Deadline& deadline,
                     std::function<Status(std::span<const std::byte>)> sink = nullptr) const;
  // Fails on a bad name or remote.
  Result<std::string> PathOf(const std::string& name) const;
  // A whole file of any place that rclone can reach.
  Status Cat(const std::string& path, const Deadline& deadline,
             const std::function<Status(std::span<const std::byte>)>& sink) const;
  Status Fetch(const std::string& path, const std::filesystem::path& to,
               const Deadline& deadline) const;
  // Upload where the destination is a directory of this machine.
  Status Place(const std::filesystem::path& from, const std::filesystem::path& to,
               const Deadline& deadline) const;
  Result<std::optional<RemoteFile>> Look(const std::string& path, bool with_hashes,
                                         const Deadline& deadline) const;

  const RemoteOptions options_;
  const std::string program_;
};

// What the size and hashes of a file at its destination prove.
enum class Proof {
  kHash,      // the size and at least one hash are the same
  kSizeOnly,  // the size is the same, and there is no hash in common: read the file back
};

// kDataLoss if the size or any hash that both sides know differs.
Result<Proof> Prove(const RemoteFile& remote, const Packed& packed);

}  // namespace warden::offsite
