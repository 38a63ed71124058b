#include "exporter/mvcc/inspect.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "tests/mvcc/history.h"
#include "tests/support/memory_file.h"

namespace warden::mvcc {
namespace {

using testing::BoltBuckets;
using testing::BoltFile;
using testing::BoltOptions;
using testing::EtcdBuckets;
using testing::History;
using testing::KeyValue;
using testing::MemoryFile;
using testing::RevisionKey;
namespace bolt = testing::bolt;
using Lines = std::vector<std::string>;

Result<Inspection> InspectFile(const BoltFile& file, const InspectOptions& options = {}) {
  const MemoryFile memory(file.bytes());
  return Inspect(memory, memory.size(), options);
}

Lines Describe(const FindingList& list) {
  Lines lines;
  for (const bbolt::Finding& each : list.kept) lines.push_back(bbolt::Describe(each));
  EXPECT_EQ(list.count, lines.size());
  return lines;
}

TEST(Inspect, FindsNothingWrongWithAWholeDatabase) {
  for (const int threads : {1, 2, 4}) {
    for (const std::size_t fan_out : {2UL, 100UL}) {
      const auto inspection =
          InspectFile(BoltFile(EtcdBuckets(), {.fan_out = fan_out}), {.threads = threads});
      ASSERT_TRUE(inspection.ok()) << inspection.error().message();
      EXPECT_EQ(Describe(inspection->structure), Lines());
      EXPECT_EQ(Describe(inspection->meaning), Lines());
      EXPECT_EQ(Describe(inspection->warnings), Lines());
      EXPECT_EQ(inspection->meta.transaction, 7U);
      EXPECT_EQ(inspection->revision(), 6);
      EXPECT_EQ(inspection->census.records(), 5U);
      EXPECT_EQ(inspection->census.tombstones(), 1U);
      EXPECT_EQ(inspection->census.live_keys(), 1U);
      EXPECT_EQ(inspection->census.leased_records(), 1U);
      EXPECT_EQ(inspection->contents.users, Lines{"root"});
      EXPECT_EQ(inspection->contents.roles, Lines{"root"});
      EXPECT_EQ(inspection->contents.alarms.size(), 1U);
      EXPECT_EQ(inspection->contents.leases, 1U);
      EXPECT_EQ(inspection->contents.removed_members, 1U);
      EXPECT_EQ(inspection->contents.storage_version, "3.6.0");
      EXPECT_GT(inspection->tree_bytes, 0U);
      EXPECT_LE(inspection->tree_bytes, inspection->used_bytes);
    }
  }
}

TEST(Inspect, FindsNothingWrongWithOneThatIsAllInline) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["key"].is_inline = true;
  const auto inspection = InspectFile(BoltFile(buckets));
  EXPECT_EQ(Describe(inspection->structure), Lines());
  EXPECT_EQ(Describe(inspection->meaning), Lines());
  EXPECT_EQ(inspection->census.live_keys(), 1U);
}

TEST(Inspect, FailsWhereNothingCanBeRead) {
  BoltFile file(EtcdBuckets());
  file.SetMetas(bolt::kVersion, 1);
  EXPECT_EQ(InspectFile(file).status().code(), Code::kDataLoss);
  const MemoryFile text("no database");
  EXPECT_EQ(Inspect(text, text.size(), {}).status().code(), Code::kInvalidArgument);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(InspectFile(BoltFile(EtcdBuckets()), {.stop = stop.get_token()}).status().code(),
            Code::kCancelled);
}

TEST(Inspect, KeepsTheFirstFindingsAndCountsAll) {
  BoltBuckets buckets = EtcdBuckets();
  for (int i = 7; i < 800; ++i) buckets["key"].values[RevisionKey(i)] = "junk";
  const auto inspection = InspectFile(BoltFile(buckets));
  EXPECT_EQ(inspection->meaning.count, 793U);
  EXPECT_EQ(inspection->meaning.kept.size(), bbolt::Findings::kKept);
  EXPECT_EQ(inspection->census.records(), 5U);
}

TEST(Inspect, SaysAtWhichRevisionEtcdGoesOn) {
  const auto revision = [](const BoltBuckets& buckets) {
    return InspectFile(BoltFile(buckets))->revision();
  };
  BoltBuckets buckets = EtcdBuckets();
  EXPECT_EQ(revision(buckets), 6);
  buckets["meta"].values["scheduledCompactRev"] = RevisionKey(8);
  buckets["meta"].values["finishedCompactRev"] = RevisionKey(8);
  EXPECT_EQ(revision(buckets), 8);
  buckets["key"].values[RevisionKey(1'000)] = "";
  EXPECT_EQ(revision(buckets), 1'000);
  buckets["key"].values.clear();
  EXPECT_EQ(revision(buckets), 8);
  buckets["meta"].values.erase("scheduledCompactRev");
  buckets["meta"].values.erase("finishedCompactRev");
  EXPECT_EQ(revision(buckets), 1);
}

std::string Summary(const Census& census) {
  std::string text =
      std::to_string(census.records()) + " " + std::to_string(census.tombstones()) + " " +
      std::to_string(census.live_keys()) + " " + std::to_string(census.bytes()) + " " +
      std::to_string(census.leased_records()) + " " + std::to_string(census.last().main);
  for (const NamedPrefix& each : census.Prefixes(100)) {
    text += "\n" + each.prefix + " " + std::to_string(each.count.records) + " " +
            std::to_string(each.count.live_keys) + " " + std::to_string(each.count.bytes);
  }
  return text;
}

TEST(Inspect, CountsTheSameWithAnyNumberOfThreads) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    History history(seed);
    history.Play(150);
    if (seed % 3 != 0) history.Compact(1 + history.Random(150), seed % 3 == 1);
    history.Play(20);
    const BoltFile file(history.Buckets(), {.page_size = 1024, .fan_out = 2 + seed % 9});
    const auto alone = InspectFile(file, {.threads = 1});
    ASSERT_EQ(Describe(alone->structure), Lines());
    ASSERT_EQ(Describe(alone->meaning), Lines());
    EXPECT_EQ(alone->census.live_keys(), history.Visible(history.last()).size());
    EXPECT_EQ(alone->census.records(), history.records().size());
    for (const int threads : {0, 4}) {
      const auto together = InspectFile(file, {.threads = threads});
      EXPECT_EQ(Summary(together->census), Summary(alone->census));
      EXPECT_EQ(together->tree_bytes, alone->tree_bytes);
    }
  }
}

TEST(Inspect, TellsHowFarItHasCome) {
  BoltBuckets buckets = EtcdBuckets();
  for (int i = 7; i < 27; ++i) {
    buckets["key"].values[RevisionKey(i)] = KeyValue({"/k", i, i, 1, std::string(1U << 20, 'v')});
  }
  std::atomic<int> calls = 0;
  std::atomic<std::uint64_t> most = 0;
  const auto progress = [&](std::uint64_t done, std::uint64_t total) {
    ++calls;
    EXPECT_LE(done, total);
    most = std::max(most.load(), done);
  };
  const auto inspection = InspectFile(BoltFile(buckets), {.threads = 1, .progress = progress});
  EXPECT_EQ(calls, 5);
  EXPECT_GE(most, 20U << 20);
}

TEST(Inspect, EndsEarlyWhenItIsStopped) {
  BoltBuckets buckets = EtcdBuckets();
  for (int i = 7; i < 27; ++i) {
    buckets["key"].values[RevisionKey(i)] = KeyValue({"/k", i, i, 1, std::string(1U << 20, 'v')});
  }
  std::stop_source stop;
  std::atomic<int> calls = 0;
  const auto progress = [&](std::uint64_t /*done*/, std::uint64_t /*total*/) {
    ++calls;
    stop.request_stop();
  };
  const auto inspection = InspectFile(
      BoltFile(buckets), {.threads = 1, .stop = stop.get_token(), .progress = progress});
  EXPECT_EQ(inspection.status().code(), Code::kCancelled);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace warden::mvcc
