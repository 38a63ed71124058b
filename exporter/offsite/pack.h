// What a copy looks like at a destination: the snapshot itself, compressed (zstd), encrypted (age)
// or both. The stock programs `zstd -d` and `age -d` open it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/offsite/digests.h"

namespace warden::offsite {

struct PackOptions {
  bool compress = false;
  int level = 3;  // 1 to 19
  // Public keys ("age1…", "ssh-ed25519 …") and a file of them; if there are any of either, the copy
  // is encrypted, so that each of them can open it.
  std::vector<std::string> age_recipients;
  std::filesystem::path age_recipients_file;

  bool encrypts() const { return !age_recipients.empty() || !age_recipients_file.empty(); }
};

struct Packed {
  std::string suffix;  // "", ".zst", ".age", ".zst.age"
  std::uint64_t size_bytes = 0;
  Digests digests;  // of the packed file
  // Both run at the same time as one pipeline: the first is what compressing took of it, the second
  // is the rest.
  Nanoseconds compress_duration{};
  Nanoseconds encrypt_duration{};
};

// The suffix that Pack gives with these options.
std::string SuffixOf(const PackOptions& options);

// Packs `from`, a verified snapshot of that SHA-256 (hex), into the new file `to` (0600, synced;
// its directory is not). kDataLoss if the file is no longer what it was. On failure nothing stays
// at `to`, unless it was there before (kAlreadyExists). Plaintext is written nowhere.
Result<Packed> Pack(Files& files, const Files::Path& from, std::string_view sha256,
                    const Files::Path& to, const PackOptions& options, const Deadline& deadline);

// Without compression and encryption there is nothing to write: only the digests of the file, which
// is checked as in Pack.
Result<Packed> Measure(Files& files, const Files::Path& from, std::string_view sha256,
                       const Deadline& deadline);

struct Unpacked {
  std::uint64_t size_bytes = 0;
  std::string sha256;  // hex, of what was written
};

// The way back: the packed file with that suffix into the new file `to` (0600, synced). For age,
// `identity_file` is the operator's own private key file; it is never configured, only given on the
// command line. More than `bytes_max` unpacked bytes are kResourceExhausted; a file that is no zstd
// or age file, damaged or cut short, is kDataLoss. On failure nothing stays at `to`.
Result<Unpacked> Unpack(Files& files, const Files::Path& from, std::string_view suffix,
                        const Files::Path& to, const std::filesystem::path& identity_file,
                        std::uint64_t bytes_max, const Deadline& deadline);

}  // namespace warden::offsite
