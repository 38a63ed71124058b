// The two hashes against a second implementation of what etcd and its tools do.
#include "exporter/mvcc/hashes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/mvcc/history.h"
#include "tests/support/memory_file.h"

namespace warden::mvcc {
namespace {

using testing::BoltBucket;
using testing::BoltBuckets;
using testing::BoltFile;
using testing::EtcdBuckets;
using testing::History;
using testing::MemoryFile;
using testing::RevisionKey;
using testing::Written;
namespace bolt = testing::bolt;

class SlowCrc {
 public:
  void Add(std::string_view bytes) {
    for (const char c : bytes) {
      state_ ^= static_cast<std::uint8_t>(c);
      for (int bit = 0; bit < 8; ++bit) {
        state_ = (state_ >> 1) ^ ((state_ & 1) != 0 ? 0x82F63B78U : 0U);
      }
    }
  }
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xFFFFFFFF;
};

StatusHash SlowStatus(const BoltBuckets& buckets) {
  SlowCrc crc;
  StatusHash status;
  for (const auto& [name, bucket] : buckets) {
    crc.Add(name);
    std::map<std::string, std::string> entries = bucket.values;
    for (const testing::NestedBucket& nested : bucket.buckets) entries[nested.name] = "";
    for (const auto& [key, value] : entries) {
      crc.Add(key);
      crc.Add(value);
    }
    status.entries += entries.size();
  }
  status.hash = crc.value();
  return status;
}

Result<StatusHash> StatusOf(const BoltFile& file, const std::stop_token& stop = {}) {
  const MemoryFile memory(file.bytes());
  bbolt::Findings warnings;
  const auto database = bbolt::Database::Open(memory, memory.size(), warnings);
  return HashForStatus(*database, stop);
}

TEST(HashForStatus, IsThatOfAllEntriesOfAllBuckets) {
  BoltBuckets nested = EtcdBuckets();
  nested["meta"].is_inline = false;
  BoltBucket inner;
  inner.values = {{"not", "hashed"}};
  nested["meta"].buckets = {{"inner", inner}};
  for (const BoltBuckets& buckets : {EtcdBuckets(), nested, BoltBuckets{}, History(1).Buckets()}) {
    for (const std::size_t fan_out : {2UL, 5UL, 100UL}) {
      const auto status = StatusOf(BoltFile(buckets, {.page_size = 1024, .fan_out = fan_out}));
      ASSERT_TRUE(status.ok()) << status.error().message();
      EXPECT_EQ(status->hash, SlowStatus(buckets).hash);
      EXPECT_EQ(status->entries, SlowStatus(buckets).entries);
    }
  }
}

TEST(HashForStatus, SeesEveryByteOfAnEntry) {
  const std::uint32_t hash = StatusOf(BoltFile(EtcdBuckets()))->hash;
  BoltBuckets buckets = EtcdBuckets();
  buckets["authUsers"].values["root"].back() ^= 1;
  EXPECT_NE(StatusOf(BoltFile(buckets))->hash, hash);
}

TEST(HashForStatus, IsNoneOfADamagedFile) {
  BoltFile file(EtcdBuckets());
  file.Set(file.RootOf("key"), bolt::kFlags, 0);
  EXPECT_EQ(StatusOf(file).status().message(),
            "page 2: neither a branch nor a leaf, its flags are 0");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(StatusOf(BoltFile(EtcdBuckets()), stop.get_token()).status().code(), Code::kCancelled);
}

// What a member with these records answers.
std::uint32_t SlowHashKv(const History& history, std::int64_t revision, std::int64_t compacted) {
  const std::set<std::size_t> keep = history.Visible(revision);
  SlowCrc crc;
  crc.Add("key");
  for (std::size_t i = 0; i < history.records().size(); ++i) {
    const Written& each = history.records()[i];
    const std::int64_t main = each.revision.main;
    if (main > revision) continue;
    if (main <= compacted && !keep.empty() && !keep.contains(i)) continue;
    if (main == compacted && each.is_tombstone) continue;
    crc.Add(each.Key());
    crc.Add(each.Value());
  }
  return crc.value();
}

Result<std::uint32_t> HashOfFile(const History& history, std::int64_t revision,
                                 std::int64_t compacted, const std::stop_token& stop = {}) {
  const MemoryFile file(BoltFile(history.Buckets(), {.page_size = 1024}).bytes());
  const auto keys = KeySpace::Open(file, file.size());
  EXPECT_TRUE(keys.ok()) << keys.status().message();
  return HashKv(*keys, revision, compacted, stop);
}

TEST(HashKv, IsThatOfAMemberCompactedAsFarAsTheFile) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    History history(seed);
    history.Play(50);
    std::int64_t compacted = -1;
    if (seed % 4 != 0) {
      compacted = 1 + static_cast<std::int64_t>(history.Random(50));
      history.Compact(compacted, seed % 4 != 1);
    }
    for (std::int64_t revision = std::max<std::int64_t>(compacted, 0);
         revision <= history.last() + 1; revision += 3) {
      const auto hash = HashOfFile(history, revision, compacted);
      ASSERT_TRUE(hash.ok()) << hash.error().message();
      EXPECT_EQ(*hash, SlowHashKv(history, revision, compacted)) << seed << " at " << revision;
    }
  }
}

// The file was taken first, the member has compacted further since.
TEST(HashKv, IsThatOfAMemberCompactedFurtherThanTheFile) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    History file(seed);
    file.Put("plain/", "plain/always");
    file.Play(50);
    const std::int64_t before = 1 + static_cast<std::int64_t>(file.Random(20));
    file.Compact(before, true);
    for (std::int64_t compacted = before; compacted <= file.last(); compacted += 5) {
      History member = file;
      member.keeps_tombstones = seed % 2 == 0;
      member.Compact(compacted, true);
      for (std::int64_t revision = compacted; revision <= file.last(); revision += 5) {
        SCOPED_TRACE(std::to_string(seed) + ": " + std::to_string(compacted) + " at " +
                     std::to_string(revision));
        const auto of_file = HashOfFile(file, revision, compacted);
        const auto of_member = HashOfFile(member, revision, compacted);
        ASSERT_TRUE(of_file.ok() && of_member.ok());
        EXPECT_EQ(*of_file, *of_member);
        EXPECT_EQ(*of_member, SlowHashKv(member, revision, compacted));
      }
    }
  }
}

TEST(HashKv, KeepsEverythingWhereNoKeyIsAlive) {
  History history(3);
  history.Play(30);
  BoltBuckets buckets = EtcdBuckets();
  buckets["meta"].values["scheduledCompactRev"] = RevisionKey(3);
  buckets["meta"].values["finishedCompactRev"] = RevisionKey(3);
  buckets["key"].values = {{RevisionKey(2), testing::KeyValue({"/a", 2, 2, 1, "v"})},
                           {testing::TombstoneKey(3), testing::KeyValue({"/a"})}};
  const MemoryFile file(BoltFile(buckets).bytes());
  const auto keys = KeySpace::Open(file, file.size());
  SlowCrc crc;
  crc.Add("key" + RevisionKey(2) + testing::KeyValue({"/a", 2, 2, 1, "v"}));
  // Of the compaction at 3 only the tombstone at 3 itself is told apart.
  EXPECT_EQ(*HashKv(*keys, 3, 3, {}), crc.value());
}

// etcd 3.4.23 answered otherwise than a file of before the compaction would have it.
TEST(HashKv, IsLeftOpenWhereNoKeyIsAliveAndTheMemberHasCompactedFurther) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["key"].values = {{RevisionKey(2), testing::KeyValue({"/a", 2, 2, 1, "v"})},
                           {testing::TombstoneKey(3), testing::KeyValue({"/a"})}};
  const MemoryFile file(BoltFile(buckets).bytes());
  const auto keys = KeySpace::Open(file, file.size());
  EXPECT_TRUE(HashKv(*keys, 3, -1, {}).ok());
  EXPECT_EQ(HashKv(*keys, 3, 2, {}).status().code(), Code::kFailedPrecondition);
}

TEST(HashKv, RefusesWhatTheFileCannotTell) {
  History history(1);
  history.Play(30);
  history.Compact(10, true);
  EXPECT_TRUE(HashOfFile(history, 10, 10).ok());
  struct Case {
    std::int64_t revision, compacted;
    const char* message;
  };
  const Case cases[] = {
      {20, -1, "the hash of a compaction at -1 cannot be computed from a file compacted at 10"},
      {20, 9, "the hash of a compaction at 9 cannot be computed from a file compacted at 10"},
      {20, 21, "the hash of a compaction at 21 cannot be computed from a file compacted at 10"},
      {9, 10, "the hash of a compaction at 10 cannot be computed from a file compacted at 10"},
  };
  for (const Case& each : cases) {
    const auto hash = HashOfFile(history, each.revision, each.compacted);
    EXPECT_EQ(hash.status().code(), Code::kFailedPrecondition);
    EXPECT_EQ(hash.status().message(), each.message);
  }
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(HashOfFile(history, 20, 10, stop.get_token()).status().code(), Code::kCancelled);
}

}  // namespace
}  // namespace warden::mvcc
