#include "exporter/mvcc/census.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/mvcc/history.h"

namespace warden::mvcc {
namespace {

using testing::History;
using testing::Written;

TEST(PrefixOf, EndsBehindTheKindOfThing) {
  const std::pair<std::string, std::string> keys[] = {
      {"", ""},
      {"/", ""},
      {"//", "//"},
      {"key", ""},
      {"/key", ""},
      {"a/", "a/"},
      {"a/b", "a/"},
      {"a/b/c/d", "a/b/"},
      {"/registry/ranges", "/registry/"},
      {"/registry/", "/registry/"},
      {"/registry/pods/kube-system/a", "/registry/pods/"},
      {"/registry/minions/node.example.com", "/registry/minions/"},
      {"/registry/apps.example.com/things/n/a", "/registry/apps.example.com/things/"},
      {"/registry/apps.example.com/things", "/registry/apps.example.com/"},
      {"/registry.example.com/pods/n/a", "/registry.example.com/pods/"},
      {"/a//b/c", "/a//"},
      {"/" + std::string(254, 'x') + "/a", "/" + std::string(254, 'x') + "/"},
      {"/" + std::string(255, 'x') + "/a", ""},
      {"/a/" + std::string(300, 'x') + "/b", "/a/"},
  };
  for (const auto& [key, prefix] : keys) EXPECT_EQ(PrefixOf(key), prefix) << key;
}

std::string Line(const PrefixCount& count) {
  return std::to_string(count.records) + " records, " + std::to_string(count.live_keys) +
         " alive, " + std::to_string(count.bytes) + " bytes";
}

using Lines = std::map<std::string, std::string>;

Lines ByPrefix(const Census& census) {
  Lines lines;
  for (const NamedPrefix& each : census.Prefixes(Census::kPrefixesMax)) {
    lines[each.prefix] = Line(each.count);
  }
  return lines;
}

// The same by looking at the whole history at once.
Lines Model(const History& history) {
  std::map<std::string, PrefixCount> counts;
  for (const Written& each : history.records()) {
    PrefixCount& count = counts[each.prefix];
    ++count.records;
    count.bytes += each.fields.key.size() + each.fields.value.size();
  }
  for (const std::size_t place : history.Visible(history.last())) {
    ++counts[history.records()[place].prefix].live_keys;
  }
  Lines lines;
  for (const auto& [prefix, count] : counts) lines[prefix] = Line(count);
  return lines;
}

struct Compacted {
  History history;
  Compaction compaction;
};

// Some history, compacted up to four times at any revisions, the last time perhaps not to the end.
Compacted Some(std::uint32_t seed) {
  Compacted some{History(seed), {}};
  History& history = some.history;
  history.keeps_tombstones = seed % 2 == 0;
  history.Play(static_cast<int>(history.Random(60)));
  for (std::uint32_t times = history.Random(5); times > 0; --times) {
    const std::int64_t room = history.last() - some.compaction.revision;
    const auto further = history.Random(static_cast<std::uint32_t>(room) + 1);
    const std::int64_t revision = some.compaction.revision + static_cast<std::int64_t>(further);
    if (revision == some.compaction.revision) continue;
    some.compaction = {.revision = revision, .is_finished = times > 1 || history.Random(2) == 0};
    history.Compact(revision, some.compaction.is_finished);
    history.Play(static_cast<int>(history.Random(30)));
  }
  return some;
}

TEST(Census, CountsWhatIsAliveLikeAPlainMap) {
  int unfinished = 0;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    auto [history, compaction] = Some(seed);
    Census census(compaction);
    std::uint64_t tombstones = 0;
    std::uint64_t leased = 0;
    for (const Written& each : history.records()) {
      census.Add(each.Parsed());
      tombstones += each.is_tombstone ? 1 : 0;
      leased += each.fields.lease != 0 ? 1 : 0;
    }
    if (!compaction.is_finished) {
      ++unfinished;
      for (const std::size_t place : history.Visible(compaction.revision)) {
        census.AddVisible(history.records()[place].Parsed());
      }
    }
    EXPECT_EQ(ByPrefix(census), Model(history));
    EXPECT_EQ(census.records(), history.records().size());
    EXPECT_EQ(census.tombstones(), tombstones);
    EXPECT_EQ(census.leased_records(), leased);
    EXPECT_EQ(census.live_keys(), history.Visible(history.last()).size());
    const auto& records = history.records();
    EXPECT_EQ(census.last(), records.empty() ? Revision{} : records.back().revision);
  }
  EXPECT_GT(unfinished, 50);
}

TEST(Census, IsTheSameInAnyOrderAndInParts) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    auto [history, compaction] = Some(seed);
    Census whole(compaction);
    for (const Written& each : history.records()) whole.Add(each.Parsed());
    std::vector<Written> shuffled = history.records();
    std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(seed));
    std::vector<Census> parts(3, Census(compaction));
    for (const Written& each : shuffled) parts[history.Random(3)].Add(each.Parsed());
    Census merged(compaction);
    for (const Census& part : parts) merged.Merge(part);
    EXPECT_EQ(ByPrefix(merged), ByPrefix(whole));
    EXPECT_EQ(merged.records(), whole.records());
    EXPECT_EQ(merged.tombstones(), whole.tombstones());
    EXPECT_EQ(merged.live_keys(), whole.live_keys());
    EXPECT_EQ(merged.bytes(), whole.bytes());
    EXPECT_EQ(merged.leased_records(), whole.leased_records());
    EXPECT_EQ(merged.last(), whole.last());
  }
}

Record PutOf(std::string_view key, std::string_view value) {
  return {.revision = {2, 0}, .key = key, .value = value, .create_revision = 2, .version = 1};
}

TEST(Census, NamesTheLargestPrefixesAndSumsUpTheRest) {
  Census census(Compaction{});
  const std::pair<const char*, const char*> puts[] = {
      {"/a/b/1", "12"}, {"/a/c/1", "123456"}, {"/a/d/1", "1"}, {"/a/c/2", ""}};
  for (const auto& [key, value] : puts) census.Add(PutOf(key, value));
  std::vector<std::string> lines;
  for (const NamedPrefix& each : census.Prefixes(1))
    lines.push_back(each.prefix + Line(each.count));
  EXPECT_EQ(lines, (std::vector<std::string>{"/a/c/2 records, 2 alive, 18 bytes",
                                             "2 records, 2 alive, 15 bytes"}));
  EXPECT_EQ(census.Prefixes(3).size(), 3U);
  EXPECT_EQ(census.Prefixes(0).size(), 1U);
}

TEST(Census, CountsPrefixesBeyondTheMostTogether) {
  Census census(Compaction{});
  Census other(Compaction{});
  constexpr std::size_t kMore = Census::kPrefixesMax + 50;
  for (std::size_t i = 0; i < kMore; ++i) {
    const std::string name = std::to_string(100'000 + i);
    census.Add(PutOf("/a/" + name + "/x", "1"));
    other.Add(PutOf("/b/" + name + "/x", "1"));
  }
  EXPECT_EQ(census.Prefixes(kMore).size(), Census::kPrefixesMax + 1);
  EXPECT_EQ(census.Prefixes(kMore).back().count.records, 50U);
  EXPECT_EQ(census.live_keys(), kMore);
  census.Merge(other);
  EXPECT_EQ(census.Prefixes(kMore).size(), Census::kPrefixesMax + 1);
  EXPECT_EQ(census.Prefixes(kMore).back().count.records, 50U + kMore);
  EXPECT_EQ(census.records(), 2 * kMore);
}

TEST(Census, IsEmptyWithoutRecords) {
  const Census census(Compaction{});
  EXPECT_EQ(census.last(), Revision{});
  EXPECT_TRUE(census.Prefixes(10).empty());
}

}  // namespace
}  // namespace warden::mvcc
