#include "exporter/mvcc/contents.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "exporter/bbolt/tree.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/memory_file.h"

namespace warden::mvcc {
namespace {

using testing::BigEndian;
using testing::BoltBucket;
using testing::BoltFile;
using testing::MemoryFile;
using testing::RevisionKey;
using testing::WireBytes;
using testing::WireVarint;
using Entries = std::map<std::string, std::string>;

// Gives the only leaf of a bucket to ReadLeaf.
Status Read(std::string_view name, const BoltBucket& bucket, Contents& contents) {
  const std::uint32_t page_size = bucket.values.size() < 20 ? 4096 : 1U << 20;
  const MemoryFile file(BoltFile({{"x", bucket}}, {.page_size = page_size}).bytes());
  bbolt::Findings findings;
  const auto database = bbolt::Database::Open(file, file.size(), findings);
  bbolt::PageSet seen(database->meta().page_count);
  bbolt::TreeWalker walker({.database = *database, .findings = findings, .seen = seen, .stop = {}});
  Status status;
  int leaves = 0;
  walker.Walk(walker.ReadBuckets().front(), [&](const bbolt::Node& leaf, bbolt::PageId /*page*/) {
    status = ReadLeaf(name, leaf, contents);
    ++leaves;
    return true;
  });
  EXPECT_EQ(leaves, 1);
  EXPECT_EQ(findings.count(), 0U);
  return status;
}

Status Read(std::string_view name, const Entries& entries, Contents& contents) {
  return Read(name, BoltBucket{.values = entries, .buckets = {}}, contents);
}

// What is read of one entry of any bucket that has to be good.
Contents Good(std::string_view name, const Entries& entries) {
  Contents contents;
  const Status read = Read(name, entries, contents);
  EXPECT_TRUE(read.ok()) << read.message();
  return contents;
}

TEST(Contents, HoldTheIndexesAndTheCompactions) {
  const Contents contents = Good("meta", {{"confState", R"({"voters":[1]})"},
                                          {"consistent_index", BigEndian(0x0102030405060708)},
                                          {"finishedCompactRev", RevisionKey(7)},
                                          {"scheduledCompactRev", RevisionKey(9)},
                                          {"storageVersion", "3.6.0"},
                                          {"term", BigEndian(5)},
                                          {"what is not known", "passes"}});
  EXPECT_EQ(contents.consistent_index, 0x0102030405060708U);
  EXPECT_EQ(contents.term, 5U);
  EXPECT_EQ(contents.storage_version, "3.6.0");
  EXPECT_EQ(contents.finished_compaction, (Revision{7, 0}));
  EXPECT_EQ(contents.scheduled_compaction, (Revision{9, 0}));
}

TEST(Contents, HoldTheMembers) {
  const Contents contents =
      Good("members",
           {{"1a", R"({"id":26,"peerURLs":["p1","p2"],"name":"a","clientURLs":["c"]})"},
            {"8e9e05c52164694d",
             R"({"id":10276657743932975437,"peerURLs":["p"],"isLearner":true,"other":null})"}});
  ASSERT_EQ(contents.members.size(), 2U);
  EXPECT_EQ(contents.members[0], (etcd::Member{.id = 26,
                                               .name = "a",
                                               .peer_urls = {"p1", "p2"},
                                               .client_urls = {"c"},
                                               .is_learner = false}));
  EXPECT_EQ(contents.members[1], (etcd::Member{.id = 0x8e9e05c52164694d,
                                               .name = "",
                                               .peer_urls = {"p"},
                                               .client_urls = {},
                                               .is_learner = true}));
  EXPECT_EQ(Good("members_removed", {{"2", "removed"}, {"3f", "removed"}}).removed_members, 2U);
}

TEST(Contents, HoldTheClustersVersionAndDowngrade) {
  EXPECT_EQ(Good("cluster", {{"clusterVersion", "3.5.0"}}).cluster_version, "3.5.0");
  EXPECT_FALSE(Good("cluster", {{"clusterVersion", "3.5.0"}}).downgrade.has_value());
  const Contents contents =
      Good("cluster", {{"downgrade", R"({"target-version":"3.5.0","enabled":true})"}});
  ASSERT_TRUE(contents.downgrade.has_value());
  EXPECT_TRUE(contents.downgrade->enabled);
  EXPECT_EQ(contents.downgrade->target_version, "3.5.0");
  EXPECT_FALSE(Good("cluster", {{"downgrade", "{}"}}).downgrade->enabled);
}

TEST(Contents, HoldAlarmsLeasesAndUsers) {
  const Contents alarms = Good("alarm", {{WireVarint(1, 26) + WireVarint(2, 1), ""},
                                         {WireVarint(1, 27) + WireVarint(2, 2), ""},
                                         {WireVarint(2, 9), ""}});
  const std::vector<etcd::Alarm> expected = {{26, etcd::AlarmType::kNoSpace},
                                             {27, etcd::AlarmType::kCorrupt},
                                             {0, etcd::AlarmType::kUnknown}};
  EXPECT_EQ(alarms.alarms, expected);
  const std::uint64_t negative = static_cast<std::uint64_t>(-9);
  EXPECT_EQ(Good("lease", {{BigEndian(7), WireVarint(1, 7) + WireVarint(2, 60) + WireVarint(3, 5)},
                           {BigEndian(negative), WireVarint(1, negative)}})
                .leases,
            2U);
  const Contents auth =
      Good("auth", {{"authEnabled", "\x01"}, {"authRevision", BigEndian(12)}, {"other", "x"}});
  EXPECT_TRUE(auth.auth_enabled);
  EXPECT_EQ(auth.auth_revision, 12U);
  EXPECT_FALSE(Good("auth", {{"authEnabled", std::string(1, '\0')}}).auth_enabled);
  EXPECT_EQ(Good("authUsers", {{"ann", WireBytes(1, "ann") + WireBytes(2, "hash") +
                                           WireBytes(3, "r") + WireBytes(4, "")},
                               {"b\nb", WireBytes(1, "b\nb")}})
                .users,
            (std::vector<std::string>{"ann", R"("b\x0ab")"}));
  EXPECT_EQ(
      Good("authRoles", {{"r", WireBytes(1, "r") + WireBytes(2, "x") + WireBytes(2, "y")}}).roles,
      std::vector<std::string>{"r"});
}

TEST(Contents, PassOverRecordsAndUnknownBuckets) {
  Good("key", {{"junk", "junk"}});
  Good("a bucket of the future", {{"junk", "junk"}});
}

struct Bad {
  std::string bucket;
  std::string key;
  std::string value;
  std::string message;
};

TEST(Contents, NameTheEntryThatMakesNoSense) {
  const std::string lease = WireVarint(1, 7);
  const Bad bad[] = {
      {"meta", "scheduledCompactRev", "7", "meta entry scheduledCompactRev: not a revision"},
      {"meta", "finishedCompactRev", RevisionKey(-1),
       "meta entry finishedCompactRev: a revision out of range"},
      {"meta", "finishedCompactRev", RevisionKey(5, 1),
       "meta entry finishedCompactRev: a compaction inside of a transaction"},
      {"meta", "consistent_index", "1234567",
       "meta entry consistent_index: not a number of 8 bytes"},
      {"meta", "term", "", "meta entry term: not a number of 8 bytes"},
      {"meta", "storageVersion", "six", "meta entry storageVersion: not a version"},
      {"meta", "confState", "[]", "meta entry confState: not a JSON object"},
      {"meta", "confState", "{", "meta entry confState: not a JSON object"},
      {"members", "xyz", "{}", "members entry xyz: \"xyz\" is not a hex id"},
      {"members", "1a", "{", "members entry 1a: not a JSON object"},
      {"members", "1a", "26", "members entry 1a: not a JSON object"},
      {"members", "1a", "{}", "members entry 1a: the member's id is another than the entry's"},
      {"members", "1a", R"({"id":27})",
       "members entry 1a: the member's id is another than the entry's"},
      {"members", "1a", R"({"id":"26"})",
       "members entry 1a: the member's id is another than the entry's"},
      {"members", "1a", R"({"id":-26})",
       "members entry 1a: the member's id is another than the entry's"},
      {"members_removed", "1a", "gone", "members_removed entry 1a: not a removed member"},
      {"members_removed", "x", "removed", "members_removed entry x: not a removed member"},
      {"cluster", "clusterVersion", "", "cluster entry clusterVersion: not a version"},
      {"cluster", "downgrade", "no", "cluster entry downgrade: not a JSON object"},
      {"alarm", "x", "", "alarm entry x: not an alarm"},
      {"alarm", WireVarint(1, 26), "", "alarm entry \"\\x08\\x1a\": not an alarm"},
      {"alarm", WireVarint(2, 1), "x", "alarm entry \"\\x10\\x01\": not an alarm"},
      {"alarm", WireVarint(3, 1), "", "alarm entry \"\\x18\\x01\": not an alarm"},
      {"alarm", WireBytes(2, ""), "", "alarm entry \"\\x12\\x00\": not an alarm"},
      {"lease", "seven", lease, "lease entry seven: not a number of 8 bytes"},
      {"lease", "\nleases!", lease,
       "lease entry \"\\x0aleases!\": not a lease, or that of another id"},
      {"lease", "8 bytes.", "", "lease entry 8 bytes.: not a lease, or that of another id"},
      {"lease", "8 bytes.", "\x08", "lease entry 8 bytes.: not a lease, or that of another id"},
      {"lease", "8 bytes.", WireVarint(4, 1), "lease entry 8 bytes.: not a lease"},
      {"lease", "8 bytes.", WireBytes(1, ""), "lease entry 8 bytes.: not a lease"},
      {"auth", "authEnabled", "", "auth entry authEnabled: neither on nor off"},
      {"auth", "authEnabled", "\x02", "auth entry authEnabled: neither on nor off"},
      {"auth", "authEnabled", "\x01\x01", "auth entry authEnabled: neither on nor off"},
      {"auth", "authRevision", "3", "auth entry authRevision: not a number of 8 bytes"},
      {"authUsers", "ann", "", "authUsers entry ann: it does not bear its own name"},
      {"authUsers", "ann", WireBytes(1, "bob"),
       "authUsers entry ann: it does not bear its own name"},
      {"authUsers", "ann", WireBytes(1, "ann") + "\x12",
       "authUsers entry ann: it does not bear its own name"},
      {"authUsers", "ann", WireBytes(5, ""), "authUsers entry ann: a field that is not known"},
      {"authUsers", "ann", WireVarint(2, 1), "authUsers entry ann: a field that is not known"},
      {"authRoles", "r", WireBytes(3, ""), "authRoles entry r: a field that is not known"},
      {"authRoles", "\x1b", "", "authRoles entry \"\\x1b\": it does not bear its own name"},
  };
  for (const Bad& each : bad) {
    SCOPED_TRACE(each.message);
    Contents contents;
    const Status read = Read(each.bucket, Entries{{each.key, each.value}}, contents);
    EXPECT_FALSE(read.ok());
    EXPECT_EQ(read.message(), each.message);
  }
}

TEST(Contents, RefuseBucketsInsideOfTheirs) {
  BoltBucket bucket;
  bucket.buckets = {{"n", {}}};
  for (const std::string_view name : RequiredBuckets()) {
    Contents contents;
    const Status read = Read(name, bucket, contents);
    EXPECT_EQ(read.message(),
              name == "key" ? "" : "a bucket inside of bucket " + std::string(name));
  }
}

TEST(Contents, CountEveryNameAndKeepTheFirst) {
  BoltBucket bucket;
  for (std::size_t i = 0; i < kNamesMax + 1; ++i) {
    const std::string name = std::to_string(100'000 + i);
    bucket.values[name] = WireBytes(1, name);
  }
  Contents contents;
  EXPECT_TRUE(Read("authUsers", bucket, contents).ok());
  EXPECT_TRUE(Read("authRoles", bucket, contents).ok());
  EXPECT_EQ(contents.users.size(), kNamesMax);
  EXPECT_EQ(contents.user_count, kNamesMax + 1);
  EXPECT_EQ(contents.roles.size(), kNamesMax);
  EXPECT_EQ(contents.role_count, kNamesMax + 1);
}

TEST(Contents, EndWhereNoListOfEtcdGoesOn) {
  BoltBucket bucket;
  for (std::size_t i = 0; i < kMembersMax + 1; ++i) {
    bucket.values[WireVarint(1, 1000 + i) + WireVarint(2, 1)] = "";
  }
  Contents contents;
  EXPECT_EQ(Read("alarm", bucket, contents).message(), "bucket alarm has no end");
}

TEST(Contents, GoOnWithTheNewerOfTheTwoCompactions) {
  struct Case {
    std::optional<Revision> scheduled, finished;
    std::int64_t revision;
    bool is_finished;
  };
  const Case cases[] = {
      {std::nullopt, std::nullopt, 0, true},      {Revision{5, 0}, std::nullopt, 5, false},
      {std::nullopt, Revision{5, 0}, 5, true},    {Revision{5, 0}, Revision{5, 0}, 5, true},
      {Revision{9, 0}, Revision{5, 0}, 9, false}, {Revision{5, 0}, Revision{9, 0}, 9, true},
  };
  for (const Case& each : cases) {
    Contents contents;
    contents.scheduled_compaction = each.scheduled;
    contents.finished_compaction = each.finished;
    EXPECT_EQ(contents.compaction().revision, each.revision);
    EXPECT_EQ(contents.compaction().is_finished, each.is_finished);
  }
}

TEST(RequiredBuckets, AreTheTenThatEtcdCreates) {
  EXPECT_EQ(RequiredBuckets(),
            (std::vector<std::string_view>{"alarm", "auth", "authRoles", "authUsers", "cluster",
                                           "key", "lease", "members", "members_removed", "meta"}));
}

}  // namespace
}  // namespace warden::mvcc
