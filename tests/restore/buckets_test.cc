#include "exporter/restore/buckets.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "exporter/mvcc/contents.h"
#include "tests/restore/three_members.h"
#include "tests/support/bolt_builder.h"

namespace warden::restore {

void PrintTo(const BucketEntry& entry, std::ostream* out) {
  *out << entry.bucket << " " << entry.key << " = " << entry.value;
}

namespace {

using testing::BigEndian;
using testing::RevisionKey;

constexpr Target kTargets[] = {Target::k34, Target::k35, Target::k36, Target::k37};

BucketEdits Edits(const BucketOptions& options) {
  return *EditBuckets(ThreeMembers(), options);
}

// What a 3.7 tool leaves of a bucket's entries, as it dumped them, but for `confState`.
const std::vector<BucketEntry> kMembers = {
    {"members", "5ec5b52f1306ad9e", std::string(kFirstJson)},
    {"members", "907d1d4b1f75a362", std::string(kSecondJson)},
    {"members", "cc68606c20556276", std::string(kThirdJson)},
};
const BucketEntry kIndex = {"meta", "consistent_index", BigEndian(3)};
const BucketEntry kTerm = {"meta", "term", BigEndian(1)};
const BucketEntry kConfState = {"meta", "confState", ConfStateJson(ThreeMembers())};

TEST(BucketEdits, PutTheNewClusterInPlace) {
  for (const Target target : kTargets) {
    SCOPED_TRACE(TargetName(target));
    std::vector<BucketEntry> expected = kMembers;
    if (target >= Target::k35) expected.push_back(kConfState);
    expected.push_back(kIndex);
    if (target >= Target::k35) expected.push_back(kTerm);
    EXPECT_EQ(Edits({.target = target}).puts, expected);
  }
}

TEST(BucketEdits, SayWhatBecomesOfEveryOldEntry) {
  struct Case {
    std::string bucket, key;
    std::map<Target, Fate> fates;  // by target, where it is not that of `otherwise`
    Fate otherwise;
  };
  const std::string old_alarm("\x08\x1a\x10\x01");
  const Case cases[] = {
      {"key", RevisionKey(5), {}, Fate::kKeep},
      {"lease", BigEndian(7), {}, Fate::kKeep},
      {"auth", "authEnabled", {}, Fate::kKeep},
      {"authUsers", "root", {}, Fate::kKeep},
      {"authRoles", "root", {}, Fate::kKeep},
      {"cluster", "clusterVersion", {}, Fate::kKeep},
      {"cluster", "downgrade", {}, Fate::kKeep},
      {"members", "1a", {}, Fate::kDrop},
      {"members", "5ec5b52f1306ad9e", {}, Fate::kReplace},
      {"members_removed", "3f", {}, Fate::kDrop},
      // It was removed before, and is a member again.
      {"members_removed", "5ec5b52f1306ad9e", {}, Fate::kDrop},
      {"alarm", old_alarm, {}, Fate::kDrop},
      {"meta", "consistent_index", {}, Fate::kReplace},
      {"meta", "term", {{Target::k34, Fate::kDrop}}, Fate::kReplace},
      {"meta", "confState", {{Target::k34, Fate::kDrop}}, Fate::kReplace},
      {"meta",
       "storageVersion",
       {{Target::k34, Fate::kDrop}, {Target::k35, Fate::kDrop}},
       Fate::kKeep},
      {"meta", "scheduledCompactRev", {}, Fate::kKeep},
      {"meta", "finishedCompactRev", {}, Fate::kKeep},
      {"meta", "of the future", {}, Fate::kKeep},
      {"another", "term", {}, Fate::kKeep},
      {"another", "1a", {}, Fate::kKeep},
  };
  for (const Target target : kTargets) {
    const BucketEdits edits = Edits({.target = target});
    for (const Case& each : cases) {
      const auto own = each.fates.find(target);
      EXPECT_EQ(edits.FateOf(each.bucket, each.key),
                own == each.fates.end() ? each.otherwise : own->second)
          << TargetName(target) << " " << each.bucket << " " << each.key;
    }
  }
}

TEST(BucketEdits, KeepAlarmsOnlyIfToldSo) {
  const BucketEdits edits = Edits({.keep_alarms = true});
  EXPECT_EQ(edits.FateOf("alarm", "\x10\x01"), Fate::kKeep);
  EXPECT_EQ(edits.FateOf("members", "1a"), Fate::kDrop);
}

TEST(BucketEdits, TurnAuthenticationOffOnlyIfToldSo) {
  for (const Target target : kTargets) {
    const BucketEdits edits = Edits({.target = target, .disable_auth = true});
    std::vector<BucketEntry> expected = Edits({.target = target}).puts;
    expected.insert(expected.begin(), {"auth", "authEnabled", std::string(1, '\0')});
    EXPECT_EQ(edits.puts, expected);
    EXPECT_EQ(edits.FateOf("auth", "authEnabled"), Fate::kReplace);
    EXPECT_EQ(edits.FateOf("auth", "authRevision"), Fate::kKeep);
    EXPECT_EQ(edits.FateOf("authUsers", "root"), Fate::kKeep);
    EXPECT_EQ(edits.FateOf("authRoles", "root"), Fate::kKeep);
  }
}

TEST(BucketEdits, RaiseTheRevisionAsTheToolDoes) {
  for (const Target target : kTargets) {
    const std::string raised = RevisionKey(1005);
    const BucketEdits edits =
        Edits({.target = target, .bump = RevisionBump{.from = 5, .by = 1000}});
    const BucketEdits without = Edits({.target = target});
    EXPECT_EQ(edits.puts.front(), (BucketEntry{"key", raised, ""}));
    std::vector<BucketEntry> rest(edits.puts.begin() + 1, edits.puts.end());
    EXPECT_EQ(std::erase(rest, BucketEntry{"meta", "scheduledCompactRev", raised}), 1U);
    EXPECT_EQ(rest, without.puts);
    EXPECT_EQ(edits.FateOf("meta", "scheduledCompactRev"), Fate::kReplace);
    EXPECT_EQ(edits.FateOf("meta", "finishedCompactRev"), Fate::kKeep);
    EXPECT_EQ(edits.FateOf("key", RevisionKey(5)), Fate::kKeep);
  }
}

TEST(BucketEdits, AreInTheOrderOfTheDatabase) {
  const BucketEdits edits = Edits({.bump = RevisionBump{.from = 5, .by = 1}});
  std::vector<std::string> order;
  for (const BucketEntry& put : edits.puts) order.push_back(put.bucket + " " + put.key);
  EXPECT_EQ(order, (std::vector<std::string>{"key " + RevisionKey(6), "members 5ec5b52f1306ad9e",
                                             "members 907d1d4b1f75a362", "members cc68606c20556276",
                                             "meta confState", "meta consistent_index",
                                             "meta scheduledCompactRev", "meta term"}));
}

TEST(BucketEdits, RefuseARevisionThatCannotBe) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  struct Case {
    RevisionBump bump;
    std::string message;
  };
  const Case cases[] = {
      {{5, 0}, "a revision is raised by 1 at least"},
      {{5, -1}, "a revision is raised by 1 at least"},
      {{0, 1}, "revision 0 cannot be raised by 1"},
      {{5, kMost - 4}, "revision 5 cannot be raised by 9223372036854775803"},
  };
  for (const Case& each : cases) {
    const auto edits = EditBuckets(ThreeMembers(), {.bump = each.bump});
    ASSERT_FALSE(edits.ok());
    EXPECT_EQ(edits.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(edits.error().message(), each.message);
  }
  const BucketEdits most = Edits({.bump = RevisionBump{5, kMost - 5}});
  EXPECT_EQ(most.puts.front().key, RevisionKey(kMost));
}

TEST(BucketEdits, LeaveADatabaseThatEtcdUnderstands) {
  // An old database of every bucket, put through the edits and read again.
  testing::BoltBuckets buckets = testing::EtcdBuckets();
  const BucketEdits edits = Edits({.bump = RevisionBump{.from = 6, .by = 10}});
  for (auto& [name, bucket] : buckets) {
    std::erase_if(bucket.values, [&, &name = name](const auto& entry) {
      return edits.FateOf(name, entry.first) != Fate::kKeep;
    });
  }
  for (const BucketEntry& put : edits.puts) buckets[put.bucket].values[put.key] = put.value;
  mvcc::Contents contents;
  for (auto& [name, bucket] : buckets) {
    bucket.is_inline = false;
    const testing::BoltFile file({{name, bucket}});
    const auto page = std::as_bytes(std::span(file.bytes())).subspan(file.At(file.RootOf(name)));
    const auto leaf = bbolt::Node::Parse(page, file.RootOf(name));
    ASSERT_TRUE(leaf.ok()) << leaf.error().message();
    const Status read = mvcc::ReadLeaf(name, *leaf, contents);
    EXPECT_TRUE(read.ok()) << read.message();
  }
  EXPECT_EQ(contents.members.size(), 3U);
  EXPECT_EQ(contents.members[0].name, "m1");
  EXPECT_EQ(contents.removed_members, 0U);
  EXPECT_TRUE(contents.alarms.empty());
  EXPECT_EQ(contents.consistent_index, 3U);
  EXPECT_EQ(contents.term, 1U);
  EXPECT_EQ(contents.compaction().revision, 16);
  EXPECT_FALSE(contents.compaction().is_finished);
  EXPECT_EQ(contents.leases, 1U);
  EXPECT_EQ(contents.user_count, 1U);
}

}  // namespace
}  // namespace warden::restore
