// The hash of a restored cluster, told from the snapshot: against the hash of the database that is
// written for it.
#include "exporter/restore/check_hash.h"

#include <gtest/gtest.h>

#include "exporter/mvcc/hashes.h"
#include "tests/restore/check_answers.h"
#include "tests/restore/restored.h"

namespace warden::restore {
namespace {

constexpr std::int64_t kBump = 1'000'000;
constexpr std::int64_t kRaised = kSnapshotRevision + kBump;

TEST(HashInFacts, IsOfOneCompactionOnly) {
  ExpectedCluster expected = MakeExpected();
  EXPECT_EQ(*HashInFacts(expected, 4000), kSnapshotHash);
  EXPECT_EQ(HashInFacts(expected, 4001).status().code(), Code::kFailedPrecondition);
  expected.snapshot.compact_revision = -1;
  EXPECT_EQ(*HashInFacts(expected, -1), kSnapshotHash);
  EXPECT_EQ(*HashInFacts(expected, 0), kSnapshotHash);
  expected.snapshot.hash.reset();
  EXPECT_FALSE(HashInFacts(expected, -1).ok());
}

TEST(HashInFacts, IsOfNoUseAfterABump) {
  ExpectedCluster expected = MakeExpected();
  expected.is_bumped = true;
  EXPECT_FALSE(HashInFacts(expected, 4000).ok());
}

class HashOfSnapshotTest : public ::testing::Test {
 protected:
  HashOfSnapshotTest() {
    expected_.snapshot.revision = kSnapshotRevision;
    expected_.revision = kSnapshotRevision;
  }

  Result<std::uint32_t> Hash(std::int64_t compact_revision) const {
    return HashOfSnapshot(keys_, expected_, compact_revision, {});
  }

  const testing::MemoryFile file_ = SnapshotFrom(testing::EtcdBuckets());
  const mvcc::KeySpace keys_ = *mvcc::KeySpace::Open(file_, file_.size());
  ExpectedCluster expected_ = MakeExpected();
};

TEST_F(HashOfSnapshotTest, IsThatOfAMemberThatHasCompactedMeanwhile) {
  for (const std::int64_t compacted : {kSnapshotRevision - 1, kSnapshotRevision}) {
    const auto hash = Hash(compacted);
    ASSERT_TRUE(hash.ok()) << hash.error().message();
    EXPECT_EQ(*hash, *mvcc::HashKv(keys_, kSnapshotRevision, compacted, {})) << compacted;
  }
}

TEST_F(HashOfSnapshotTest, IsThatOfARaisedClusterAfterABump) {
  expected_.is_bumped = true;
  expected_.revision = kRaised;
  testing::BoltBuckets raised = testing::EtcdBuckets();
  raised["key"].values[testing::RevisionKey(kRaised, 0)] = "";
  const testing::MemoryFile file = SnapshotFrom(raised);
  const auto keys = mvcc::KeySpace::Open(file, file.size());
  ASSERT_TRUE(keys.ok()) << keys.error().message();
  const auto wanted = mvcc::HashKv(*keys, kRaised, kRaised, {});
  ASSERT_TRUE(wanted.ok()) << wanted.error().message();
  const auto hash = Hash(kRaised);
  ASSERT_TRUE(hash.ok()) << hash.error().message();
  EXPECT_EQ(*hash, *wanted);
  EXPECT_EQ(Hash(kRaised + 1).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(Hash(kSnapshotRevision).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace warden::restore
