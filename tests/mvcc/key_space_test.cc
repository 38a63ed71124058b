// The records in turn, and those that a reader sees.
#include "exporter/mvcc/key_space.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "exporter/mvcc/visible.h"
#include "tests/mvcc/history.h"
#include "tests/support/memory_file.h"

namespace warden::mvcc {
namespace {

using testing::BoltBucket;
using testing::BoltBuckets;
using testing::BoltFile;
using testing::EtcdBuckets;
using testing::History;
using testing::KeyValue;
using testing::MemoryFile;
using testing::RevisionKey;
using testing::Written;
namespace bolt = testing::bolt;

TEST(KeySpace, ShowsEveryRecordInTurn) {
  for (const std::size_t fan_out : {2UL, 3UL, 100UL}) {
    const MemoryFile file(BoltFile(EtcdBuckets(), {.page_size = 1024, .fan_out = fan_out}).bytes());
    const auto keys = KeySpace::Open(file, file.size());
    ASSERT_TRUE(keys.ok()) << keys.error().message();
    EXPECT_EQ(keys->contents().consistent_index, 40U);
    EXPECT_EQ(keys->contents().members.size(), 2U);
    std::uint64_t number = 0;
    const auto values = EtcdBuckets()["key"].values;
    auto expected = values.begin();
    const Status read = keys->ForEach(
        [&](const Entry& entry) {
          EXPECT_EQ(entry.number, number++);
          EXPECT_EQ(entry.raw, expected->first + expected->second);
          EXPECT_EQ(entry.record.is_tombstone, expected->first.size() == 18);
          ++expected;
          return true;
        },
        {});
    EXPECT_TRUE(read.ok()) << read.message();
    EXPECT_EQ(number, values.size());
  }
}

TEST(KeySpace, StopsWhenAskedTo) {
  const MemoryFile file(BoltFile(EtcdBuckets(), {.page_size = 1024, .fan_out = 2}).bytes());
  const auto keys = KeySpace::Open(file, file.size());
  std::uint64_t seen = 0;
  EXPECT_TRUE(keys->ForEach([&](const Entry& /*entry*/) { return ++seen < 3; }, {}).ok());
  EXPECT_EQ(seen, 3U);
  std::stop_source stop;
  stop.request_stop();
  const Status read = keys->ForEach([&](const Entry& /*entry*/) { return true; }, stop.get_token());
  EXPECT_EQ(read.code(), Code::kCancelled);
  EXPECT_EQ(FindVisible(*keys, 9, stop.get_token()).status().code(), Code::kCancelled);
}

Status OpenStatus(const BoltBuckets& buckets) {
  const MemoryFile file(BoltFile(buckets).bytes());
  return KeySpace::Open(file, file.size()).status();
}

TEST(KeySpace, NeedsTheBucketsThatItReads) {
  BoltBuckets buckets = EtcdBuckets();
  buckets.erase("lease");
  EXPECT_TRUE(OpenStatus(buckets).ok());
  buckets.erase("key");
  EXPECT_EQ(OpenStatus(buckets).message(), "not an etcd database: no bucket \"key\"");
  buckets = EtcdBuckets();
  buckets["meta"].values["term"] = "4";
  EXPECT_EQ(OpenStatus(buckets).code(), Code::kDataLoss);
  // The bucket is inline: the page is that of its entry.
  const BoltFile file(buckets);
  EXPECT_EQ(OpenStatus(buckets).message(),
            "page " + std::to_string(file.root()) + ": meta entry term: not a number of 8 bytes");
  const MemoryFile none("");
  EXPECT_EQ(KeySpace::Open(none, 0).status().code(), Code::kInvalidArgument);
}

TEST(KeySpace, EndsAtTheFirstDamage) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["key"].values[RevisionKey(4)] = "junk";
  const MemoryFile file(BoltFile(buckets).bytes());
  const auto keys = KeySpace::Open(file, file.size());
  std::uint64_t seen = 0;
  const auto count = [&](const Entry& /*entry*/) { return ++seen > 0; };
  EXPECT_EQ(keys->ForEach(count, {}).message(), "page 2: the record is not a KeyValue");
  EXPECT_EQ(seen, 2U);
  EXPECT_EQ(FindVisible(*keys, 9, {}).status().code(), Code::kDataLoss);

  // Of three leaves, 2, 3 and 4, the second is damaged: what stands behind it is not shown either.
  BoltFile branched(EtcdBuckets(), {.fan_out = 2});
  branched.Set(3, bolt::kFlags, 0);
  const MemoryFile damaged(branched.bytes());
  seen = 0;
  EXPECT_EQ(KeySpace::Open(damaged, damaged.size())->ForEach(count, {}).message(),
            "page 3: neither a branch nor a leaf, its flags are 0");
  EXPECT_EQ(seen, 2U);
}

std::set<std::size_t> Found(const VisibleRecords& visible, std::size_t records) {
  std::set<std::size_t> found;
  for (std::size_t i = 0; i < records; ++i) {
    if (visible.Contains(i)) found.insert(i);
  }
  EXPECT_FALSE(visible.Contains(records + 1'000));
  EXPECT_EQ(visible.count(), found.size());
  EXPECT_EQ(visible.empty(), found.empty());
  return found;
}

TEST(FindVisible, SeesWhatAPlainMapSeesInAnyNumberOfPasses) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    History history(seed);
    history.Play(40);
    if (seed % 2 == 0) history.Compact(1 + history.Random(40), seed % 4 == 0);
    const MemoryFile file(BoltFile(history.Buckets(), {.page_size = 1024}).bytes());
    const auto keys = KeySpace::Open(file, file.size());
    ASSERT_TRUE(keys.ok()) << keys.error().message();
    for (std::int64_t revision = 0; revision <= history.last() + 1; revision += 7) {
      for (const std::size_t keys_at_once : {2UL, 3UL, 8UL, 1'000UL}) {
        SCOPED_TRACE(std::to_string(seed) + " at " + std::to_string(revision));
        const auto visible = FindVisible(*keys, revision, {}, keys_at_once);
        ASSERT_TRUE(visible.ok()) << visible.error().message();
        ASSERT_EQ(Found(*visible, history.records().size()), history.Visible(revision));
      }
    }
  }
}

}  // namespace
}  // namespace warden::mvcc
