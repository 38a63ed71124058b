// A database that was written in one go is, to a verification, like any of etcd's.
#include <gtest/gtest.h>

#include <string>

#include "exporter/mvcc/inspect.h"
#include "tests/bbolt/written.h"
#include "tests/mvcc/history.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/memory_file.h"

namespace warden::mvcc {
namespace {

using testing::History;
using testing::MemoryFile;
using testing::WrittenBuckets;

TEST(WrittenDatabase, IsProvenLikeAnyOther) {
  WrittenBuckets buckets;
  for (const auto& [name, bucket] : testing::EtcdBuckets()) buckets[name] = bucket.values;
  History history(1);
  history.Play(2'000);
  buckets["key"].clear();
  for (const testing::Written& each : history.records()) {
    buckets["key"][each.Key()] = each.Value();
  }
  for (const std::uint32_t page_size : {1'024U, 4'096U, 65'536U}) {
    SCOPED_TRACE(page_size);
    const MemoryFile file(testing::WriteDatabase(buckets, page_size, false));
    const auto inspection = Inspect(file, file.size(), {});
    ASSERT_TRUE(inspection.ok()) << inspection.error().message();
    for (const FindingList& list :
         {inspection->structure, inspection->meaning, inspection->warnings}) {
      EXPECT_EQ(list.count, 0U) << (list.kept.empty() ? "" : Describe(list.kept.front()));
    }
    EXPECT_EQ(inspection->used_bytes, file.size());
    EXPECT_EQ(inspection->revision(), history.last());
    EXPECT_EQ(inspection->census.records(), history.records().size());
    EXPECT_EQ(inspection->census.live_keys(), history.Visible(history.last()).size());
    EXPECT_EQ(inspection->contents.members.size(), 2U);
    EXPECT_EQ(inspection->contents.storage_version, "3.6.0");
  }
}

}  // namespace
}  // namespace warden::mvcc
