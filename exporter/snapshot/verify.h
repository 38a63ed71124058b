// Levels 0 to 2 of the verification, of a file on disk. Level 3, which needs the cluster, is in
// attest.h.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/mvcc/inspect.h"

namespace warden::snapshot {

// How far a snapshot is proven; a level is reached only if all below it are.
enum class Level {
  kNone = -1,
  kTransport = 0,  // length and SHA-256 trailer: what the server sent is what is here
  kStructure = 1,  // bbolt's pages: what `bbolt check` looks at, and more
  kMeaning = 2,    // etcd's buckets: every record parses
  kAttested = 3,   // a quorum of the live cluster holds the same keys and values
};

struct Verification {
  std::uint64_t size_bytes = 0;
  std::uint64_t database_bytes = 0;  // without the trailer
  // A file of a data directory (member/snap/db) has none: nothing then proves its values, only that
  // it is a whole database.
  bool has_trailer = false;
  std::string sha256;           // of the file, hex; empty if digests were not computed
  std::string database_sha256;  // of the database alone
  // Why the levels were not reached, level by level; empty where one was.
  std::vector<std::string> transport;
  std::vector<std::string> structure;
  std::vector<std::string> meaning;
  std::vector<std::string> warnings;
  // Findings beyond those listed.
  std::size_t more_findings = 0;
  std::optional<mvcc::Inspection> inspection;  // nullopt if the file is no readable database

  // The highest level up to which nothing was found; level 0 is passed over where there is no
  // trailer.
  Level level() const;
  bool ok() const { return level() >= Level::kMeaning; }
  // The first of them, with its level; only if !ok().
  std::string FirstFinding() const;
};

struct VerifyOptions {
  bool with_digests = true;  // without, level 0 is not looked at, as for a file without trailer
  int threads = 2;           // besides the one for the digests
  std::stop_token stop;
  mvcc::Progress progress;  // of the slower of the two readings; may be empty
};

// Reads the whole file, twice at the same time: in its own order for the digests (which end early
// if it is no database), in that of the tree for the rest. Fails if it cannot be opened or read,
// changes while it is read (kAborted), or the reading is stopped; whatever is wrong with its
// content is in the result.
Result<Verification> VerifyFile(Files& files, const Files::Path& path,
                                const VerifyOptions& options);

// Levels 1 and 2 of a file that was just written; the caller fills in what its stream has told.
Verification FromInspection(Result<mvcc::Inspection> inspection);

// What a file of that size is made of, by the rule of etcd's own tools: pages, or pages and a
// trailer.
struct Extent {
  std::uint64_t size_bytes = 0;
  std::uint64_t database_bytes = 0;
  bool has_trailer = false;
};
// kDataLoss if it is neither: cut short.
Result<Extent> ExtentOf(std::uint64_t size_bytes);
Extent WholeFile(std::uint64_t size_bytes);  // without a trailer

// Reads the file in its order; kDataLoss if it has a trailer that does not match.
Status CheckTrailer(const ReadableFile& file, const Extent& extent, const std::stop_token& stop);

}  // namespace warden::snapshot
