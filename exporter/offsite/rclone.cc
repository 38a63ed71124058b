#include "exporter/offsite/rclone.h"

#include <algorithm>
#include <array>
#include <span>
#include <system_error>
#include <utility>

#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/base/text.h"
#include "exporter/offsite/rclone_errors.h"
#include "exporter/snapshot/digest.h"

namespace warden::offsite {
namespace {

// A listing, or a list of sections; more would be no directory of ours.
constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20;
constexpr std::string_view kPartSuffix = ".partial";
// The kinds that we know of our own files; "all" would make local directories compute ten of them.
constexpr std::array<std::string_view, 3> kHashKinds = {"md5", "sha1", "sha256"};

using Sink = std::function<Status(std::span<const std::byte>)>;

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Collects at most `bytes_max` bytes.
Sink Collect(std::string& text, std::size_t bytes_max) {
  return [&text, bytes_max](std::span<const std::byte> bytes) -> Status {
    if (bytes.size() > bytes_max - text.size()) {
      return {Code::kResourceExhausted, "larger than " + std::to_string(bytes_max) + " bytes"};
    }
    text += AsText(bytes);
    return {};
  };
}

bool HasControlCharacter(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Status CheckName(std::string_view name) {
  if (!name.empty() && name[0] != '.' && name.find('/') == std::string_view::npos &&
      !HasControlCharacter(name)) {
    return {};
  }
  return {Code::kInvalidArgument, "not a plain file name: " + ToSingleLine(name, 128)};
}

std::string Absolute(const std::filesystem::path& path) {
  std::error_code error;
  // Also through links, at which rclone does not look.
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(path, error);
  return error ? path.string() : resolved.string();
}

// rclone takes a number without a unit for KiB.
std::string Bandwidth(const std::string& limit) {
  const bool is_number = std::ranges::all_of(limit, [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? limit + "B" : limit;
}

// What every call has.
std::vector<std::string> CommonArguments(const std::filesystem::path& config_file) {
  std::vector<std::string> arguments = {
      // It has a place to ask for a password, and nobody who would answer.
      "--ask-password=false",
      // Whole operations are tried again by whoever wants them, at a better time.
      "--retries=1", "--low-level-retries=3", "--contimeout=30s", "--timeout=1m",
      // For us to read.
      "--log-level=ERROR", "--use-json-log=false", "--stats=0"};
  if (!config_file.empty()) arguments.push_back("--config=" + config_file.string());
  return arguments;
}

Result<Ended> RunRclone(const std::string& program, const std::filesystem::path& config_file,
                        std::vector<std::string> arguments, Sink sink, const Deadline& deadline) {
  Command command{.argv = {program},
                  // The S3 library inside rclone 1.60 refuses to work where this is set.
                  .environment = {"AWS_CA_BUNDLE="},
                  .sink = std::move(sink)};
  std::ranges::move(arguments, std::back_inserter(command.argv));
  std::ranges::move(CommonArguments(config_file), std::back_inserter(command.argv));
  return RunProgram(command, deadline);
}

std::optional<RemoteFile> FileFrom(const ParsedJson& json) {
  const std::optional<std::int64_t> size_bytes = FindInteger(json, "Size");
  RemoteFile file{.name = FindString(json, "Name").value_or("")};
  const ParsedJson* directory = FindField(json, "IsDir");
  const bool is_file = directory != nullptr && directory->is_boolean() && !directory->get<bool>();
  if (!is_file || !CheckName(file.name).ok() || size_bytes.value_or(-1) < 0) return std::nullopt;
  file.size_bytes = static_cast<std::uint64_t>(*size_bytes);
  const ParsedJson* hashes = FindField(json, "Hashes");
  for (const std::string_view kind : kHashKinds) {
    const auto hash = hashes == nullptr ? std::nullopt : FindString(*hashes, kind);
    if (hash && !hash->empty()) file.hashes[std::string(kind)] = ToLower(*hash);
  }
  return file;
}

}  // namespace

Status CheckRemote(std::string_view remote) {
  const std::string context = "remote " + ToSingleLine(remote, 128);
  const auto refuse = [&](const char* why) {
    return Status(Code::kInvalidArgument, context + ": " + why);
  };
  if (HasControlCharacter(remote)) return refuse("control characters");
  if (remote.starts_with('/')) return {};
  const std::string_view name = remote.substr(0, remote.find(':'));
  if (name.size() == remote.size()) return refuse("neither NAME:PATH nor an absolute path");
  // A comma would begin settings, among them passwords, which everybody could read in the process
  // list.
  if (name.empty() || name[0] == '-' || name[0] == ' ' || !HasOnly(name, "_-. +@")) {
    return refuse("what stands before the colon is no name of a section of rclone's configuration");
  }
  return {};
}

std::string RemoteName(std::string_view remote) {
  if (remote.starts_with('/')) return "";
  return std::string(remote.substr(0, remote.find(':')));
}

Rclone::Rclone(RemoteOptions options, std::string program)
    : options_(std::move(options)), program_(std::move(program)) {}

Result<Ended> Rclone::Call(std::vector<std::string> arguments, const Deadline& deadline,
                           Sink sink) const {
  if (!options_.bandwidth_limit.empty()) {
    arguments.push_back("--bwlimit=" + Bandwidth(options_.bandwidth_limit));
  }
  return RunRclone(program_, options_.config_file, std::move(arguments), std::move(sink), deadline);
}

Result<std::string> Rclone::PathOf(const std::string& name) const {
  WARDEN_RETURN_IF_ERROR(CheckRemote(options_.remote));
  WARDEN_RETURN_IF_ERROR(CheckName(name));
  const bool joined = options_.remote.ends_with(':') || options_.remote.ends_with('/');
  return options_.remote + (joined ? "" : "/") + name;
}

Status Rclone::Upload(const std::filesystem::path& from, const std::string& name,
                      const Deadline& deadline) const {
  const std::string context = "upload " + name;
  const Result<std::string> to = PathOf(name);
  if (!to.ok()) return to.error().WithContext(context);
  if (options_.remote.starts_with('/')) return Place(from, *to, deadline).WithContext(context);
  // The first of the flags spares a look at what is there, which takes the right to read; the S3
  // flags likewise one at the bucket, and one at the object afterwards. So PutObject is enough.
  const Result<Ended> ended =
      Call({"copyto", Absolute(from), *to, "--no-check-dest", "--s3-no-check-bucket",
            "--s3-no-head", "--gcs-no-check-bucket"},
           deadline);
  if (!ended.ok()) return ended.error().WithContext(context);
  return StatusOf(*ended).WithContext(context);
}

// rclone would write a file that everybody can read, under its final name from the first byte on,
// and not sync it.
Status Rclone::Place(const std::filesystem::path& from, const std::filesystem::path& to,
                     const Deadline& deadline) const {
  PosixFiles files;
  std::filesystem::path partial = to;
  partial += kPartSuffix;
  WARDEN_RETURN_IF_ERROR(files.MakeDirectories(to.parent_path()));
  // Of an upload that was cut off.
  if (Status removed = files.Remove(partial); !removed.ok() && removed.code() != Code::kNotFound) {
    return removed;
  }
  WARDEN_RETURN_IF_ERROR(Fetch(Absolute(from), partial, deadline));
  if (Status renamed = files.Rename(partial, to); !renamed.ok()) {
    files.Remove(partial).ok();  // there is nothing more to do about it
    return renamed;
  }
  return files.SyncDirectory(to.parent_path());
}

Status Rclone::Fetch(const std::string& path, const std::filesystem::path& to,
                     const Deadline& deadline) const {
  PosixFiles files;
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files.Create(to));
  Status fetched =
      Cat(path, deadline, [&](std::span<const std::byte> bytes) { return file->Append(bytes); });
  if (fetched.ok()) fetched = file->Sync();
  if (fetched.ok()) fetched = file->Close();
  if (!fetched.ok()) files.Remove(to).ok();  // there is nothing more to do about it
  return fetched;
}

Status Rclone::Cat(const std::string& path, const Deadline& deadline, const Sink& sink) const {
  bool empty = true;
  WARDEN_ASSIGN_OR_RETURN(const Ended ended, Call({"cat", path}, deadline, [&](auto bytes) {
                            empty = false;
                            return sink(bytes);
                          }));
  WARDEN_RETURN_IF_ERROR(StatusOf(ended));
  if (!empty) return {};
  // In an object store what does not exist is an empty directory, and to read that succeeds.
  WARDEN_ASSIGN_OR_RETURN(const std::optional<RemoteFile> found, Look(path, false, deadline));
  if (found) return {};
  return {Code::kNotFound, "there is no such file"};
}

Result<std::optional<RemoteFile>> Rclone::Look(const std::string& path, bool with_hashes,
                                               const Deadline& deadline) const {
  std::vector<std::string> arguments = {"lsjson", "--stat", "--no-modtime", "--no-mimetype", path};
  for (const std::string_view kind : kHashKinds) {
    if (with_hashes) arguments.push_back("--hash-type=" + std::string(kind));
  }
  std::string text;
  WARDEN_ASSIGN_OR_RETURN(const Ended ended,
                          Call(std::move(arguments), deadline, Collect(text, kAnswerBytesMax)));
  if (Status status = StatusOf(ended); !status.ok()) {
    const bool absent = status.code() == Code::kNotFound &&
                        status.message().find("section in config") == std::string::npos;
    if (absent) return std::optional<RemoteFile>();
    return status;
  }
  Result<ParsedJson> json = ParseJson(text);
  if (!json.ok()) return json.error().WithContext("what rclone answered");
  return FileFrom(*json);
}

Result<std::optional<RemoteFile>> Rclone::Stat(const std::string& name,
                                               const Deadline& deadline) const {
  const std::string context = "look for " + name;
  const Result<std::string> path = PathOf(name);
  if (!path.ok()) return path.error().WithContext(context);
  return Look(*path, true, deadline).WithContext(context);
}

Result<std::vector<RemoteFile>> Rclone::List(const Deadline& deadline) const {
  const std::string context = "list " + options_.remote;
  WARDEN_RETURN_IF_ERROR(CheckRemote(options_.remote));
  std::string text;
  const Result<Ended> ended =
      Call({"lsjson", "--files-only", "--no-modtime", "--no-mimetype", options_.remote}, deadline,
           Collect(text, kAnswerBytesMax));
  if (!ended.ok()) return ended.error().WithContext(context);
  WARDEN_RETURN_IF_ERROR(StatusOf(*ended).WithContext(context));
  const Result<ParsedJson> json = ParseJson(text);
  if (!json.ok()) return json.error().WithContext(context);
  std::vector<RemoteFile> files;
  for (const ParsedJson& each : *json) {
    if (std::optional<RemoteFile> file = FileFrom(each)) files.push_back(*std::move(file));
  }
  return files;
}

Result<std::string> Rclone::Read(const std::string& name, std::size_t bytes_max,
                                 const Deadline& deadline) const {
  std::string text;
  const Result<std::string> path = PathOf(name);
  const Status read = path.ok() ? Cat(*path, deadline, Collect(text, bytes_max)) : path.status();
  if (!read.ok()) return read.WithContext("read " + name);
  return text;
}

Status Rclone::Download(const std::string& name, const std::filesystem::path& to,
                        const Deadline& deadline) const {
  const Result<std::string> path = PathOf(name);
  return (path.ok() ? Fetch(*path, to, deadline) : path.status()).WithContext("download " + name);
}

Result<std::string> Rclone::HashWhole(const std::string& name, const Deadline& deadline) const {
  snapshot::Sha256 digest;
  const Result<std::string> path = PathOf(name);
  const auto add = [&](std::span<const std::byte> bytes) {
    digest.Add(AsText(bytes));
    return Status();
  };
  const Status read = path.ok() ? Cat(*path, deadline, add) : path.status();
  if (!read.ok()) return read.WithContext("read back " + name);
  return FormatHex(digest.Digest());
}

Status Rclone::Remove(const std::string& name, const Deadline& deadline) const {
  const std::string context = "remove " + name;
  const Result<std::string> path = PathOf(name);
  if (!path.ok()) return path.error().WithContext(context);
  const Result<Ended> ended = Call({"deletefile", *path}, deadline);
  if (!ended.ok()) return ended.error().WithContext(context);
  return StatusOf(*ended).WithContext(context);
}

Result<std::vector<std::string>> Rclone::ListRemotes(const std::filesystem::path& config_file,
                                                     const Deadline& deadline) {
  const std::string context = "list the remotes of rclone's configuration";
  std::string text;
  const Result<Ended> ended =
      RunRclone("rclone", config_file, {"listremotes"}, Collect(text, kAnswerBytesMax), deadline);
  if (!ended.ok()) return ended.error().WithContext(context);
  WARDEN_RETURN_IF_ERROR(StatusOf(*ended).WithContext(context));
  std::vector<std::string> names;
  for (std::string_view line : Split(text, '\n')) {
    if (line.ends_with(':')) names.emplace_back(line.substr(0, line.size() - 1));
  }
  return names;
}

Result<Proof> Prove(const RemoteFile& remote, const Packed& packed) {
  const auto differs = [&](const std::string& what, const auto& there, const auto& here) {
    return Status(Code::kDataLoss,
                  remote.name + ": its " + what + " there is " + there + ", not " + here);
  };
  if (remote.size_bytes != packed.size_bytes) {
    return differs("size", std::to_string(remote.size_bytes), std::to_string(packed.size_bytes));
  }
  Proof proof = Proof::kSizeOnly;
  const std::pair<const char*, const std::string&> ours[] = {{"md5", packed.digests.md5},
                                                             {"sha1", packed.digests.sha1},
                                                             {"sha256", packed.digests.sha256}};
  for (const auto& [kind, hash] : ours) {
    const auto there = remote.hashes.find(kind);
    if (there == remote.hashes.end() || there->second.empty() || hash.empty()) continue;
    if (there->second != hash) return differs(kind, there->second, hash);
    proof = Proof::kHash;
  }
  return proof;
}

}  // namespace warden::offsite
