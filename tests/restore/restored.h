// Snapshots that are restored into a disk in memory.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "exporter/mvcc/key_space.h"
#include "exporter/restore/data_directory.h"
#include "exporter/restore/entries.h"
#include "exporter/restore/verify_directory.h"
#include "tests/restore/three_members.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/memory_file.h"
#include "tests/support/memory_files.h"

namespace warden::restore {

using Buckets = std::map<std::string, std::map<std::string, std::string>>;

inline constexpr std::int64_t kSnapshotRevision = 6;  // of EtcdBuckets()

inline SnapshotFile SnapshotOf(const testing::MemoryFile& file) {
  return {.file = file, .database_bytes = file.size()};
}
inline testing::MemoryFile SnapshotFrom(const testing::BoltBuckets& buckets,
                                        const testing::BoltOptions& options = {}) {
  return testing::MemoryFile(testing::BoltFile(buckets, options).bytes());
}

// Every entry of a database; it is whole.
inline Buckets EntriesOf(const std::string& bytes) {
  const testing::MemoryFile file(bytes);
  bbolt::Findings warnings;
  Buckets buckets;
  const auto database = bbolt::Database::Open(file, file.size(), warnings);
  EXPECT_TRUE(database.ok()) << database.status().message();
  if (!database.ok()) return buckets;
  const Status read =
      ForEachEntry(*database,
                   {.bucket = [&](const bbolt::Bucket& bucket) -> Status {
                      buckets[bucket.name];
                      return {};
                    },
                    .entry = [&](std::string_view bucket, const bbolt::Element& entry) -> Status {
                      buckets[std::string(bucket)][std::string(entry.key)] = entry.value;
                      return {};
                    }},
                   {}, nullptr);
  EXPECT_TRUE(read.ok()) << read.message();
  return buckets;
}

// What they become, told without any order.
inline Buckets Edited(const testing::BoltBuckets& old, const BucketEdits& edits) {
  Buckets buckets;
  for (const auto& [name, bucket] : old) {
    auto& values = buckets[name];
    for (const auto& [key, value] : bucket.values) {
      if (edits.FateOf(name, key) == Fate::kKeep) values[key] = value;
    }
  }
  for (const BucketEntry& put : edits.puts) buckets[put.bucket][put.key] = put.value;
  return buckets;
}

// The bytes of the database, if it could be written.
struct Rewritten {
  Result<WrittenDatabase> written;
  std::string bytes;
};
inline Rewritten Rewrite(const SnapshotFile& snapshot, const BucketEdits& edits,
                         const std::stop_token& stop = {}, const mvcc::Progress& progress = {}) {
  testing::MemoryFiles files;
  EXPECT_TRUE(files.MakeDirectories("/disk").ok());
  const auto file = files.Create("/disk/db");
  auto written = WriteDatabase(snapshot, edits, **file, stop, progress);
  return {std::move(written), *files.ReadAll("/disk/db", 1ULL << 30)};
}

inline DirectoryOptions OptionsFor(const Files::Path& path) {
  return {.path = path,
          .wal_dir = {},
          .cluster = ThreeMembers(),
          .name = "m2",
          .database = {.target = Target::k37}};
}

// The names of the checks that something did not pass.
inline std::set<std::string> FailuresOf(const DirectoryVerification& verification) {
  std::set<std::string> failures;
  for (const CheckResult& result : verification.results) {
    if (!result.ok()) failures.emplace(CheckName(result.check));
  }
  return failures;
}

}  // namespace warden::restore
