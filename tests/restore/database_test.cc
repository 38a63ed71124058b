// Databases are written anew with edits, read back, and compared with what a plain map makes of the
// same entries and edits.
#include "exporter/restore/database.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/restore/restored.h"
#include "tests/support/bolt_builder.h"

namespace warden::restore {
namespace {

using testing::BoltBuckets;
using testing::BoltFile;
using testing::BoltOptions;
using testing::EtcdBuckets;
using testing::KeyValue;
using testing::MemoryFile;
using testing::RevisionKey;
using testing::TombstoneKey;
namespace bolt = testing::bolt;

BucketEdits Edits(const BucketOptions& options = {}) {
  return *EditBuckets(ThreeMembers(), options);
}

// As EtcdBuckets(), and so many records more, each with a value of so many bytes.
BoltBuckets WithRecords(std::int64_t records, std::size_t value_bytes) {
  BoltBuckets buckets = EtcdBuckets();
  for (std::int64_t i = 1; i <= records; ++i) {
    const std::int64_t revision = kSnapshotRevision + i;
    buckets["key"].values[RevisionKey(revision)] =
        KeyValue({.key = "/n/" + std::to_string(i),
                  .create_revision = revision,
                  .mod_revision = revision,
                  .version = 1,
                  .value = std::string(value_bytes, static_cast<char>('a' + i % 26))});
  }
  return buckets;
}

TEST(Database, HoldsWhatIsKeptAndWhatIsNew) {
  const BucketOptions edits[] = {
      {.target = Target::k34},
      {.target = Target::k37},
      {.keep_alarms = true},
      {.bump = RevisionBump{.from = 306, .by = 1000}},
  };
  const BoltOptions layouts[] = {
      {},
      {.page_size = 1024},
      {.page_size = 65'536},
      {.fan_out = 2, .free_pages = 40, .has_freelist = true},
  };
  const BoltBuckets buckets = WithRecords(300, 400);
  for (const BucketOptions& options : edits) {
    for (const BoltOptions& layout : layouts) {
      const MemoryFile snapshot = SnapshotFrom(buckets, layout);
      const auto [written, bytes] = Rewrite(SnapshotOf(snapshot), Edits(options));
      ASSERT_TRUE(written.ok()) << written.error().message();
      const Buckets expected = Edited(buckets, Edits(options));
      EXPECT_EQ(EntriesOf(bytes), expected);
      EXPECT_EQ(written->page_size, layout.page_size);
      EXPECT_EQ(written->size_bytes, bytes.size());
      EXPECT_EQ(written->snapshot_revision, 306);
      std::map<std::string, std::uint64_t> counts;
      for (const auto& [name, values] : expected) counts[name] = values.size();
      EXPECT_EQ(written->entries, counts);
    }
  }
}

TEST(Database, HasNoFreePage) {
  const MemoryFile snapshot =
      SnapshotFrom(WithRecords(300, 400), {.fan_out = 3, .free_pages = 500, .has_freelist = true});
  const auto [written, bytes] = Rewrite(SnapshotOf(snapshot), Edits());
  ASSERT_TRUE(written.ok());
  const MemoryFile file(bytes);
  const auto inspection = mvcc::Inspect(file, file.size(), {});
  ASSERT_TRUE(inspection.ok());
  EXPECT_EQ(inspection->structure.count + inspection->meaning.count, 0U);
  EXPECT_EQ(inspection->used_bytes, bytes.size());
  EXPECT_LT(bytes.size(), inspection->tree_bytes * 5 / 4 + 12 * 4096);
  EXPECT_LT(bytes.size(), snapshot.size() / 5);
}

TEST(Database, IsTheSameFromEverySnapshotOfTheSameEntries) {
  BoltBuckets buckets = WithRecords(100, 50);
  const auto one = Rewrite(SnapshotOf(SnapshotFrom(buckets)), Edits());
  for (const char* name : {"alarm", "lease", "auth", "members"}) buckets[name].is_inline = true;
  const auto other =
      Rewrite(SnapshotOf(SnapshotFrom(buckets, {.fan_out = 7, .transaction = 9})), Edits());
  EXPECT_TRUE(one.bytes == other.bytes);
}

TEST(Database, MergesWhateverIsPutWhereverItBelongs) {
  std::mt19937 random(11);
  const std::string names[] = {"a", "auth", "b", "key", "members", "meta", "z", "zz"};
  const auto text = [&] {
    return std::string(1 + random() % 2, static_cast<char>('f' + random() % 4));
  };
  for (int round = 0; round < 500; ++round) {
    BoltBuckets buckets = {{"key", {}}};
    std::map<std::pair<std::string, std::string>, std::string> puts;
    BucketEdits edits;
    for (const std::string& name : names) {
      // Here are keys that KeySpace reads no meaning into.
      const bool is_free = name != "key" && name != "members" && name != "meta" && name != "auth";
      if (is_free && random() % 2 == 0) {
        for (std::size_t n = random() % 6; n > 0; --n) buckets[name].values[text()] = text();
      }
      if (random() % 4 == 0) edits.emptied.push_back(name);
      for (std::size_t n = random() % 3; n > 0; --n) puts[{name, text()}] = text();
    }
    for (const auto& [key, value] : puts) edits.puts.push_back({key.first, key.second, value});
    const auto [written, bytes] = Rewrite(SnapshotOf(SnapshotFrom(buckets)), edits);
    ASSERT_TRUE(written.ok()) << written.error().message();
    ASSERT_EQ(EntriesOf(bytes), Edited(buckets, edits)) << round;
  }
}

TEST(Database, KnowsTheRevisionOfTheSnapshot) {
  struct Case {
    std::string name;
    std::function<void(BoltBuckets&)> change;
    std::int64_t revision;
  };
  const Case cases[] = {
      {"as it is", [](BoltBuckets&) {}, 6},
      {"a new cluster", [](BoltBuckets& b) { b["key"].values.clear(); }, 1},
      {"all was compacted",
       [](BoltBuckets& b) {
         b["key"].values.clear();
         b["meta"].values["scheduledCompactRev"] = RevisionKey(5);
         b["meta"].values["finishedCompactRev"] = RevisionKey(5);
       },
       5},
      {"a compaction far ahead",
       [](BoltBuckets& b) { b["meta"].values["scheduledCompactRev"] = RevisionKey(77); }, 77},
      {"a tombstone last",
       [](BoltBuckets& b) { b["key"].values[TombstoneKey(9)] = KeyValue({.key = "/a/x"}); }, 9},
  };
  for (const Case& each : cases) {
    BoltBuckets buckets = EtcdBuckets();
    each.change(buckets);
    const MemoryFile snapshot = SnapshotFrom(buckets);
    const auto [written, bytes] = Rewrite(SnapshotOf(snapshot), Edits());
    ASSERT_TRUE(written.ok()) << each.name << ": " << written.error().message();
    EXPECT_EQ(written->snapshot_revision, each.revision) << each.name;
  }
}

TEST(Database, IsNotMadeOfADamagedSnapshot) {
  const BoltFile whole(WithRecords(60, 400), {.page_size = 1024, .fan_out = 5});
  int damaged = 0;
  for (bbolt::PageId page = 2; page < whole.page_count(); ++page) {
    // Page numbers of overflow pages are bytes of values.
    if (whole.Get(page, bolt::kId) != page) continue;
    BoltFile file = whole;
    file.Set(page, bolt::kFlags, 0);
    const MemoryFile snapshot(file.bytes());
    const auto [written, bytes] = Rewrite(SnapshotOf(snapshot), Edits());
    EXPECT_EQ(written.status().code(), Code::kDataLoss) << page;
    ++damaged;
  }
  EXPECT_GT(damaged, 20);
}

TEST(Database, IsNotMadeOfWhatNoEtcdHasWritten) {
  struct Case {
    std::string message;
    std::function<void(BoltBuckets&)> change;
  };
  const Case cases[] = {
      {"not an etcd database: no bucket \"key\"", [](BoltBuckets& b) { b.erase("key"); }},
      {"a bucket inside of bucket \"other\"",
       [](BoltBuckets& b) {
         b["other"].buckets.push_back({"inner", {{{"k", "v"}}, {}, false}});
       }},
      {"a bucket inside of bucket auth",
       [](BoltBuckets& b) {
         b["auth"].buckets.push_back({"inner", {{{"k", "v"}}, {}, true}});
       }},
      {"revision", [](BoltBuckets& b) { b["key"].values["short"] = ""; }},
      {"lease", [](BoltBuckets& b) { b["lease"].values["short"] = ""; }},
  };
  for (const Case& each : cases) {
    BoltBuckets buckets = EtcdBuckets();
    each.change(buckets);
    const MemoryFile snapshot = SnapshotFrom(buckets);
    const auto [written, bytes] = Rewrite(SnapshotOf(snapshot), Edits());
    ASSERT_EQ(written.status().code(), Code::kDataLoss) << each.message;
    EXPECT_NE(written.error().message().find(each.message), std::string::npos)
        << written.error().message();
  }
}

TEST(Database, IsNotMadeOfHalfASnapshot) {
  const MemoryFile snapshot = SnapshotFrom(WithRecords(300, 400));
  for (const std::uint64_t pages : {3, 10, 20}) {
    const auto [written, bytes] =
        Rewrite({.file = snapshot, .database_bytes = pages * 4096}, Edits());
    EXPECT_EQ(written.status().code(), Code::kDataLoss);
  }
  const MemoryFile text(std::string(10'000, 'x'));
  EXPECT_EQ(Rewrite(SnapshotOf(text), Edits()).written.status().code(), Code::kInvalidArgument);
}

TEST(Database, TellsHowFarItIsAndStopsWhenTold) {
  const MemoryFile snapshot = SnapshotFrom(WithRecords(3'000, 5'000));
  std::vector<std::uint64_t> steps;
  const auto [written, bytes] =
      Rewrite(SnapshotOf(snapshot), Edits(), {}, [&](std::uint64_t done, std::uint64_t total) {
        EXPECT_EQ(total, snapshot.size());
        steps.push_back(done);
      });
  ASSERT_TRUE(written.ok());
  EXPECT_GE(steps.size(), 4U);
  EXPECT_TRUE(std::ranges::is_sorted(steps));
  EXPECT_EQ(steps.back(), snapshot.size());

  std::stop_source stop;
  std::uint64_t reached = 0;
  const auto stopped = Rewrite(SnapshotOf(snapshot), Edits(), stop.get_token(),
                               [&](std::uint64_t done, std::uint64_t /*total*/) {
                                 reached = done;
                                 stop.request_stop();
                               });
  EXPECT_EQ(stopped.written.status().code(), Code::kCancelled);
  EXPECT_EQ(reached, steps.front());
  EXPECT_LT(stopped.bytes.size(), bytes.size() / 2);
}

}  // namespace
}  // namespace warden::restore
