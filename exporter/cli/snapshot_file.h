// What the commands that read snapshot files share: the file opened, proven, and its records.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "exporter/base/files.h"
#include "exporter/cli/command.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/snapshot/verify.h"

namespace warden::cli {

// Verifies the file, showing how far it has come on a terminal.
Result<snapshot::Verification> VerifyShown(Console& console, const std::string& path,
                                           bool with_digests);

// A snapshot's records. A damaged one is an error where it is met; the digest, which alone proves
// the values, is computed meanwhile.
class SnapshotFile {
 public:
  static Result<SnapshotFile> Open(const std::string& path);
  const mvcc::KeySpace& keys() const { return keys_; }
  // Waits for the digest; kDataLoss if the trailer does not match. Nothing that was read is to be
  // trusted before. Call it once.
  Status CheckDigest();

 private:
  // Being computed; given up if nobody asks for it.
  struct Digest {
    ~Digest() { unwanted.request_stop(); }
    std::stop_source unwanted;
    std::future<Status> result;
  };
  SnapshotFile(std::string path, std::unique_ptr<ReadableFile> file, mvcc::KeySpace keys,
               const snapshot::Extent& extent);

  std::string path_;
  std::unique_ptr<ReadableFile> file_;
  mvcc::KeySpace keys_;
  std::unique_ptr<Digest> digest_;  // last: it reads the file
};

// The flag --at-revision.
class RevisionFlag {
 public:
  void Declare(CLI::App& app);
  // The revision to look at, by default the newest. kFailedPrecondition, in etcd's words, if the
  // snapshot has forgotten it or never had it.
  Result<std::int64_t> Resolve(const mvcc::KeySpace& keys) const;

 private:
  std::optional<std::int64_t> revision_;
};

}  // namespace warden::cli
