// The difference of two snapshots against that of two plain maps.
#include "exporter/mvcc/diff.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/mvcc/history.h"
#include "tests/support/memory_file.h"

namespace warden::mvcc {
namespace {

using testing::BoltBuckets;
using testing::BoltFile;
using testing::EtcdBuckets;
using testing::History;
using testing::KeyValue;
using testing::MemoryFile;
using testing::RevisionKey;
using testing::TombstoneKey;
namespace bolt = testing::bolt;

using Values = std::map<std::string, std::string>;
// By key: what happened to it, and its bytes.
using Changes = std::map<std::string, std::pair<Change, std::uint64_t>>;

// One put or, without a value, one deletion after the other, from revision 2 on.
struct Write {
  std::string key;
  std::optional<std::string> value;
};

BoltBuckets BucketsOf(const std::vector<Write>& writes) {
  BoltBuckets buckets = EtcdBuckets();
  auto& records = buckets["key"].values;
  records.clear();
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> lives;  // creation and version
  std::int64_t revision = 1;
  for (const Write& write : writes) {
    ++revision;
    if (!write.value) {
      lives.erase(write.key);
      records[TombstoneKey(revision)] = KeyValue({.key = write.key});
      continue;
    }
    auto& [created, version] = lives.try_emplace(write.key, revision, 0).first->second;
    records[RevisionKey(revision)] = KeyValue({.key = write.key,
                                               .create_revision = created,
                                               .mod_revision = revision,
                                               .version = ++version,
                                               .value = *write.value});
  }
  return buckets;
}

Status DiffOf(const BoltBuckets& before, const BoltBuckets& after, Changes& changes,
              std::size_t keys_at_once = kKeysAtOnce, const std::stop_token& stop = {}) {
  const MemoryFile old_file(BoltFile(before, {.page_size = 1024}).bytes());
  const MemoryFile new_file(BoltFile(after, {.page_size = 1024}).bytes());
  const auto old_keys = KeySpace::Open(old_file, old_file.size());
  const auto new_keys = KeySpace::Open(new_file, new_file.size());
  EXPECT_TRUE(old_keys.ok() && new_keys.ok());
  return Diff(
      *old_keys, *new_keys,
      [&](Change change, std::string_view key, std::uint64_t bytes) {
        const bool is_new = changes.try_emplace(std::string(key), change, bytes).second;
        EXPECT_TRUE(is_new) << key << " is told of twice";
      },
      stop, keys_at_once);
}

TEST(Diff, TellsWhatWasAddedChangedAndRemoved) {
  Changes changes;
  const Status status = DiffOf(BucketsOf({{"same", "v"},
                                          {"changed", "old"},
                                          {"removed", "gone"},
                                          {"dead", "v"},
                                          {"dead", std::nullopt}}),
                               BucketsOf({{"changed", "old"},
                                          {"same", "w"},
                                          {"changed", "newer"},
                                          {"added", "first"},
                                          {"same", "v"},
                                          {"added", "second"},
                                          {"removed", "gone"},
                                          {"removed", std::nullopt},
                                          {"briefly", "v"},
                                          {"briefly", std::nullopt}}),
                               changes);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(changes, (Changes{{"added", {Change::kAdded, 5 + 6}},
                              {"changed", {Change::kChanged, 7 + 5}},
                              {"removed", {Change::kRemoved, 7 + 4}}}));
}

TEST(Diff, FindsNoChangeInAKeyThatCameBackWithItsValue) {
  Changes changes;
  ASSERT_TRUE(
      DiffOf(
          BucketsOf({{"a", "v"}, {"b", ""}}),
          BucketsOf(
              {{"a", "v"}, {"b", ""}, {"a", std::nullopt}, {"b", "other"}, {"a", "v"}, {"b", ""}}),
          changes)
          .ok());
  EXPECT_EQ(changes, Changes());
}

TEST(Diff, TellsAnEmptyValueFromNoKey) {
  Changes changes;
  ASSERT_TRUE(DiffOf(BucketsOf({{"a", ""}, {"b", "v"}, {"c", ""}}),
                     BucketsOf({{"b", ""}, {"c", ""}, {"d", ""}}), changes)
                  .ok());
  EXPECT_EQ(changes, (Changes{{"a", {Change::kRemoved, 1}},
                              {"b", {Change::kChanged, 1}},
                              {"d", {Change::kAdded, 1}}}));
}

TEST(Diff, OfEmptySnapshotsIsWhatTheOtherHolds) {
  const BoltBuckets one = BucketsOf({{"a", "v"}});
  const BoltBuckets none = BucketsOf({});
  const Changes nothing;
  for (const auto& [before, after, wanted] :
       {std::tuple{&none, &none, nothing}, std::tuple{&one, &one, nothing},
        std::tuple{&none, &one, Changes{{"a", {Change::kAdded, 2}}}},
        std::tuple{&one, &none, Changes{{"a", {Change::kRemoved, 2}}}}}) {
    Changes changes;
    ASSERT_TRUE(DiffOf(*before, *after, changes).ok());
    EXPECT_EQ(changes, wanted);
  }
}

Values LiveOf(const History& history) {
  Values values;
  for (const std::size_t i : history.Visible(history.last())) {
    const testing::Written& record = history.records()[i];
    values[record.fields.key] = record.fields.value;
  }
  return values;
}

Changes PlainDiff(const Values& before, const Values& after) {
  Changes changes;
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) changes[key] = {Change::kRemoved, key.size() + value.size()};
  }
  for (const auto& [key, value] : after) {
    const std::uint64_t bytes = key.size() + value.size();
    const auto old = before.find(key);
    if (old == before.end()) changes[key] = {Change::kAdded, bytes};
    if (old != before.end() && old->second != value) changes[key] = {Change::kChanged, bytes};
  }
  return changes;
}

// Two keys at once take many passes, and no pass may tell of a key twice.
TEST(Diff, IsTheSameInHoweverManyPasses) {
  std::size_t found = 0;
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    History before(seed);
    before.Play(30);
    History after = before;
    after.Play(25);
    if (seed % 2 == 0) after.Compact(20 + seed, seed % 4 == 0);
    const Changes wanted = PlainDiff(LiveOf(before), LiveOf(after));
    found += wanted.size();
    for (const std::size_t keys_at_once : {kKeysAtOnce, std::size_t{2}, std::size_t{5}}) {
      Changes changes;
      const Status status = DiffOf(before.Buckets(), after.Buckets(), changes, keys_at_once);
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(changes, wanted) << seed << " with " << keys_at_once << " keys at once";
      Changes back;
      ASSERT_TRUE(DiffOf(after.Buckets(), before.Buckets(), back, keys_at_once).ok());
      EXPECT_EQ(back, PlainDiff(LiveOf(after), LiveOf(before))) << seed;
    }
  }
  EXPECT_GT(found, 100U);
}

TEST(Diff, NamesTheSideThatIsDamaged) {
  const MemoryFile whole(BoltFile(EtcdBuckets()).bytes());
  BoltFile broken(EtcdBuckets());
  broken.Set(broken.RootOf("key"), bolt::kFlags, 0);
  const MemoryFile damaged(broken.bytes());
  const auto good = KeySpace::Open(whole, whole.size());
  const auto bad = KeySpace::Open(damaged, damaged.size());
  ASSERT_TRUE(good.ok() && bad.ok());
  const auto nobody = [](Change, std::string_view, std::uint64_t) {};
  const std::string what = ": page 2: neither a branch nor a leaf, its flags are 0";
  for (const auto& [before, after, name] : {std::tuple{&*bad, &*good, "the first snapshot"},
                                            std::tuple{&*good, &*bad, "the second snapshot"},
                                            std::tuple{&*bad, &*bad, "the first snapshot"}}) {
    const Status status = Diff(*before, *after, nobody, {});
    EXPECT_EQ(status.code(), Code::kDataLoss);
    EXPECT_EQ(status.message(), name + what);
  }
}

TEST(Diff, EndsWhenItIsStopped) {
  std::stop_source before;
  before.request_stop();
  Changes changes;
  EXPECT_EQ(DiffOf(EtcdBuckets(), EtcdBuckets(), changes, kKeysAtOnce, before.get_token()).code(),
            Code::kCancelled);
}

}  // namespace
}  // namespace warden::mvcc
