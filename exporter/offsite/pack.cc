#include "exporter/offsite/pack.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "exporter/base/process.h"
#include "exporter/base/text.h"
#include "exporter/offsite/zstd.h"
#include "exporter/snapshot/digest.h"

namespace warden::offsite {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::string_view kZstdSuffix = ".zst";
constexpr std::string_view kAgeSuffix = ".age";
// How both forms of an age file begin; the program quotes bytes of anything else in its error.
constexpr std::string_view kAgeIntros[] = {"age-encryption.org/", "-----BEGIN AGE"};
constexpr std::string_view kPrivateKey = "AGE-SECRET-KEY-";

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Status CheckTime(const Deadline& deadline) {
  if (deadline.stop.stop_requested()) return {Code::kCancelled, "cancelled"};
  if (SystemClock().Steady() < deadline.at) return {};
  return {Code::kDeadlineExceeded, "not finished in time"};
}

// A file from its beginning to its end, at the digest that it has to have if one is given.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> Open(Files& files, const Files::Path& path,
                                              std::string_view sha256, const Deadline& deadline) {
    auto reader = std::make_unique<Reader>(path, sha256, deadline);
    WARDEN_ASSIGN_OR_RETURN(reader->file_, files.Open(path));
    WARDEN_ASSIGN_OR_RETURN(const FileState state, reader->file_->State());
    reader->size_bytes_ = state.size_bytes;
    return reader;
  }
  Reader(Files::Path path, std::string_view sha256, const Deadline& deadline)
      : path_(std::move(path)), sha256_(sha256), deadline_(deadline), buffer_(kPieceBytes) {}

  // As it was when opened.
  std::uint64_t size_bytes() const { return size_bytes_; }

  Result<std::span<const std::byte>> Next() {
    WARDEN_RETURN_IF_ERROR(CheckTime(deadline_));
    WARDEN_ASSIGN_OR_RETURN(const std::size_t count, file_->ReadAt(offset_, buffer_));
    const std::span<const std::byte> piece = std::span(buffer_).first(count);
    offset_ += count;
    if (offset_ > size_bytes_ || (piece.empty() && offset_ < size_bytes_)) {
      return Status(Code::kDataLoss, path_.string() + ": its size changes while it is read");
    }
    if (sha256_.empty()) return piece;
    digest_.Add(AsText(piece));
    if (piece.empty()) WARDEN_RETURN_IF_ERROR(CheckDigest());
    return piece;
  }

 private:
  Status CheckDigest() const {
    const std::string found = FormatHex(digest_.Digest());
    if (found == sha256_) return {};
    return {Code::kDataLoss, path_.string() + ": is no longer what was verified: its SHA-256 is " +
                                 found + ", not " + sha256_};
  }

  const Files::Path path_;
  const std::string sha256_;
  const Deadline& deadline_;
  std::unique_ptr<ReadableFile> file_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t offset_ = 0;
  snapshot::Sha256 digest_;
  std::vector<std::byte> buffer_;
};

// A new file that vanishes unless it is committed.
class NewFile {
 public:
  static Result<std::unique_ptr<NewFile>> Create(Files& files, const Files::Path& path) {
    WARDEN_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files.Create(path));
    return std::make_unique<NewFile>(files, path, std::move(file));
  }
  NewFile(Files& files, Files::Path path, std::unique_ptr<WritableFile> file)
      : files_(files), path_(std::move(path)), file_(std::move(file)) {}
  ~NewFile() {
    if (!committed_) files_.Remove(path_).ok();  // there is nobody to tell
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  Status Append(std::span<const std::byte> bytes) {
    WARDEN_RETURN_IF_ERROR(file_->Append(bytes));
    digester_.Add(bytes);
    size_bytes_ += bytes.size();
    return {};
  }
  Status Commit() {
    WARDEN_RETURN_IF_ERROR(file_->Sync());
    WARDEN_RETURN_IF_ERROR(file_->Close());
    committed_ = true;
    return {};
  }
  std::uint64_t size_bytes() const { return size_bytes_; }
  Digests digests() { return digester_.Finish(); }

 private:
  Files& files_;
  const Files::Path path_;
  const std::unique_ptr<WritableFile> file_;
  Digester digester_;
  std::uint64_t size_bytes_ = 0;
  bool committed_ = false;
};

// The programs take "-" for their stdin, which is for the file itself.
std::string Absolute(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::absolute(path, error).string();
}

Status CheckOptions(const PackOptions& options) {
  if (options.compress && (options.level < 1 || options.level > 19)) {
    return {Code::kInvalidArgument, "the level of compression is not between 1 and 19"};
  }
  for (const std::string& recipient : options.age_recipients) {
    // It would stand in the argument vector and in the error.
    if (recipient.starts_with(kPrivateKey)) {
      return {Code::kInvalidArgument, "a recipient is a private key; give its public key"};
    }
  }
  return {};
}

// What age says, without its name and the address for reports.
std::string AgeWords(std::string_view errors) {
  std::string words;
  for (std::string_view line : Split(errors, '\n')) {
    if (line.starts_with("age: report unexpected")) continue;
    if (line.starts_with("age: ")) line.remove_prefix(5);
    if (line.starts_with("error: ")) line.remove_prefix(7);
    if (!Trim(line).empty()) words += (words.empty() ? "" : "; ") + std::string(Trim(line));
  }
  return ToSingleLine(words);
}

// Success, or what age failed with; `code_of` tells the code by its words.
template <typename CodeOf>
Status AgeStatus(const Ended& ended, const CodeOf& code_of) {
  if (ended.succeeded() && ended.took_all_input) return {};
  if (ended.succeeded()) return {Code::kInternal, "age did not read all of the file"};
  const std::string words = AgeWords(ended.errors);
  if (ended.signal != 0 || words.empty()) return ended.ToStatus();
  return {code_of(words), "age: " + words};
}

Status Encrypt(const PackOptions& options, Source source, Sink sink, const Deadline& deadline) {
  Command command{.argv = {"age", "--encrypt"}};
  for (const std::string& recipient : options.age_recipients) {
    command.argv.insert(command.argv.end(), {"--recipient", recipient});
  }
  if (!options.age_recipients_file.empty()) {
    command.argv.insert(command.argv.end(),
                        {"--recipients-file", Absolute(options.age_recipients_file)});
  }
  command.source = std::move(source);
  command.sink = std::move(sink);
  WARDEN_ASSIGN_OR_RETURN(const Ended ended, RunProgram(command, deadline));
  return AgeStatus(ended, [](std::string_view words) {
    const bool named = words.find("recipient") != std::string_view::npos;
    return named ? Code::kInvalidArgument : Code::kUnknown;
  });
}

Status Pump(const Source& source, const Sink& sink) {
  while (true) {
    WARDEN_ASSIGN_OR_RETURN(const std::span<const std::byte> piece, source());
    if (piece.empty()) return {};
    WARDEN_RETURN_IF_ERROR(sink(piece));
  }
}

// Gives `plain` all of an age file's content.
Status Decrypt(Reader& reader, const std::filesystem::path& identity_file, const Sink& plain,
               const Deadline& deadline) {
  if (identity_file.empty()) {
    return {Code::kInvalidArgument, "the file is encrypted, and no identity file is given"};
  }
  bool at_start = true;
  const Source source = [&]() -> Result<std::span<const std::byte>> {
    WARDEN_ASSIGN_OR_RETURN(const std::span<const std::byte> piece, reader.Next());
    const auto begins = [&](std::string_view intro) { return AsText(piece).starts_with(intro); };
    if (std::exchange(at_start, false) && std::ranges::none_of(kAgeIntros, begins)) {
      return Status(Code::kDataLoss, "no age file");
    }
    return piece;
  };
  WARDEN_ASSIGN_OR_RETURN(
      const Ended ended,
      RunProgram({.argv = {"age", "--decrypt", "--identity", Absolute(identity_file)},
                  .source = source,
                  .sink = plain},
                 deadline));
  return AgeStatus(ended, [](std::string_view words) {
    const auto says = [&](std::string_view part) { return words.find(part) != words.npos; };
    if (says("no identity matched")) return Code::kPermissionDenied;
    if (says("failed to decrypt") || says("failed to read header")) return Code::kDataLoss;
    return Code::kUnknown;
  });
}

}  // namespace

std::string SuffixOf(const PackOptions& options) {
  return std::string(options.compress ? kZstdSuffix : "") +
         std::string(options.encrypts() ? kAgeSuffix : "");
}

Result<Packed> Pack(Files& files, const Files::Path& from, std::string_view sha256,
                    const Files::Path& to, const PackOptions& options, const Deadline& deadline) {
  const std::string context = "pack " + from.string();
  WARDEN_RETURN_IF_ERROR(CheckOptions(options).WithContext(context));
  auto reader = Reader::Open(files, from, sha256, deadline);
  if (!reader.ok()) return reader.error().WithContext(context);
  auto file = NewFile::Create(files, to);
  if (!file.ok()) return file.error().WithContext(context);

  std::optional<Compressor> compressor;
  Source source = [&] { return (*reader)->Next(); };
  if (options.compress) {
    compressor.emplace(options.level, (*reader)->size_bytes(), std::move(source));
    source = [&] { return compressor->Next(); };
  }
  const Sink sink = [&](std::span<const std::byte> bytes) { return (*file)->Append(bytes); };
  const SteadyTime started = SystemClock().Steady();
  const Status packed =
      options.encrypts() ? Encrypt(options, std::move(source), sink, deadline) : Pump(source, sink);
  if (!packed.ok()) return packed.WithContext(context);
  const Nanoseconds took = SystemClock().Steady() - started;
  const Nanoseconds compressing = compressor ? compressor->duration() : Nanoseconds(0);
  if (Status done = (*file)->Commit(); !done.ok()) return std::move(done).WithContext(context);
  return Packed{.suffix = SuffixOf(options),
                .size_bytes = (*file)->size_bytes(),
                .digests = (*file)->digests(),
                .compress_duration = compressing,
                .encrypt_duration = options.encrypts() ? took - compressing : Nanoseconds(0)};
}

Result<Packed> Measure(Files& files, const Files::Path& from, std::string_view sha256,
                       const Deadline& deadline) {
  const std::string context = "read " + from.string();
  auto reader = Reader::Open(files, from, sha256, deadline);
  if (!reader.ok()) return reader.error().WithContext(context);
  Digester digester;
  const Status read = Pump([&] { return (*reader)->Next(); },
                           [&](std::span<const std::byte> bytes) {
                             digester.Add(bytes);
                             return Status();
                           });
  if (!read.ok()) return read.WithContext(context);
  return Packed{.size_bytes = (*reader)->size_bytes(), .digests = digester.Finish()};
}

Result<Unpacked> Unpack(Files& files, const Files::Path& from, std::string_view suffix,
                        const Files::Path& to, const std::filesystem::path& identity_file,
                        std::uint64_t bytes_max, const Deadline& deadline) {
  const std::string context = "unpack " + from.string();
  const bool encrypted = suffix.ends_with(kAgeSuffix);
  if (encrypted) suffix.remove_suffix(kAgeSuffix.size());
  const bool compressed = suffix == kZstdSuffix;
  if (!compressed && !suffix.empty()) {
    return Status(Code::kInvalidArgument, context + ": not a suffix that is known");
  }
  auto reader = Reader::Open(files, from, "", deadline);
  if (!reader.ok()) return reader.error().WithContext(context);
  auto file = NewFile::Create(files, to);
  if (!file.ok()) return file.error().WithContext(context);

  const Sink write = [&](std::span<const std::byte> bytes) -> Status {
    if (bytes.size() > bytes_max - (*file)->size_bytes()) {
      return {Code::kResourceExhausted, "larger than " + std::to_string(bytes_max) + " bytes"};
    }
    // A piece of a small file may become many large ones.
    WARDEN_RETURN_IF_ERROR(CheckTime(deadline));
    return (*file)->Append(bytes);
  };
  Decompressor decompressor(write);
  const Sink plain = [&](std::span<const std::byte> bytes) {
    return compressed ? decompressor.Add(bytes) : write(bytes);
  };
  Status unpacked = encrypted ? Decrypt(**reader, identity_file, plain, deadline)
                              : Pump([&] { return (*reader)->Next(); }, plain);
  if (unpacked.ok() && compressed) unpacked = decompressor.Finish();
  if (unpacked.ok()) unpacked = (*file)->Commit();
  if (!unpacked.ok()) return std::move(unpacked).WithContext(context);
  return Unpacked{.size_bytes = (*file)->size_bytes(), .sha256 = (*file)->digests().sha256};
}

}  // namespace warden::offsite
