// Databases written with bbolt::Writer, on a disk in memory.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "exporter/bbolt/writer.h"
#include "tests/support/memory_files.h"

namespace warden::testing {

using WrittenBuckets = std::map<std::string, std::map<std::string, std::string>>;

// The n-th bucket, counted from 1, has the sequence n; etcd's have none.
inline Result<std::uint64_t> Write(const WrittenBuckets& buckets, bbolt::Writer& writer,
                                   bool with_sequences = true) {
  std::uint64_t sequence = 0;
  for (const auto& [name, values] : buckets) {
    WARDEN_RETURN_IF_ERROR(writer.BeginBucket(name, with_sequences ? ++sequence : 0));
    for (const auto& [key, value] : values) WARDEN_RETURN_IF_ERROR(writer.Add(key, value));
    WARDEN_RETURN_IF_ERROR(writer.EndBucket());
  }
  return writer.Finish();
}

inline const Files::Path kWrittenPath = "/disk/db";

// The bytes of the file.
inline std::string WriteDatabase(const WrittenBuckets& buckets, std::uint32_t page_size = 4096,
                                 bool with_sequences = true) {
  MemoryFiles files;
  EXPECT_TRUE(files.MakeDirectories(kWrittenPath.parent_path()).ok());
  const auto file = files.Create(kWrittenPath);
  bbolt::Writer writer(**file, page_size);
  const Result<std::uint64_t> size = Write(buckets, writer, with_sequences);
  EXPECT_TRUE(size.ok()) << size.status().message();
  std::string bytes = *files.ReadAll(kWrittenPath, 1ULL << 30);
  EXPECT_EQ(size.ok() ? *size : 0, bytes.size());
  return bytes;
}

}  // namespace warden::testing
