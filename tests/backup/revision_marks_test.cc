#include "exporter/backup/revision_marks.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"

namespace warden::backup {
namespace {

using testing::MemoryFiles;

const Files::Path kDirectory = "/backups";

WallTime At(std::int64_t seconds) {
  return WallTime(Seconds(seconds));
}

class RevisionMarks : public ::testing::Test {
 protected:
  RevisionMarks() { EXPECT_TRUE(files_.MakeDirectories(kDirectory).ok()); }
  std::int64_t Load(std::uint64_t cluster_id) {
    const auto marks = LoadRevisionMarks(files_, kDirectory);
    EXPECT_TRUE(marks.ok()) << marks.status().message();
    if (!marks.ok()) return -1;
    const auto found = std::ranges::find(*marks, cluster_id, &RevisionMark::cluster_id);
    return found == marks->end() ? -1 : found->revision;
  }
  MemoryFiles files_;
};

TEST_F(RevisionMarks, OnlyRise) {
  EXPECT_EQ(Load(1), -1);
  ASSERT_TRUE(SaveRevisionMark(files_, kDirectory, {1, 100, At(1)}).ok());
  ASSERT_TRUE(SaveRevisionMark(files_, kDirectory, {1, 90, At(2)}).ok());
  EXPECT_EQ(Load(1), 100);
  ASSERT_TRUE(SaveRevisionMark(files_, kDirectory, {1, 110, At(3)}).ok());
  EXPECT_EQ(*LoadRevisionMarks(files_, kDirectory), (std::vector<RevisionMark>{{1, 110, At(3)}}));
}

TEST_F(RevisionMarks, AreOfEachClusterForItself) {
  ASSERT_TRUE(SaveRevisionMark(files_, kDirectory, {1, 100, At(1)}).ok());
  ASSERT_TRUE(SaveRevisionMark(files_, kDirectory, {2, 10, At(2)}).ok());
  EXPECT_EQ(Load(1), 100);
  EXPECT_EQ(Load(2), 10);
  for (std::uint64_t id = 3; id < 3 + kRevisionMarks; ++id) {
    ASSERT_TRUE(
        SaveRevisionMark(files_, kDirectory, {id, 1, At(static_cast<std::int64_t>(id))}).ok());
  }
  EXPECT_EQ(Load(1), -1) << "those that were seen last";
  EXPECT_EQ(Load(3), 1);
}

TEST_F(RevisionMarks, AreWrittenAnewWhereTheFileIsDamaged) {
  ASSERT_TRUE(WriteAtomically(files_, kDirectory / kRevisionsName, "no JSON").ok());
  EXPECT_EQ(LoadRevisionMarks(files_, kDirectory).status().code(), Code::kDataLoss);
  ASSERT_TRUE(SaveRevisionMark(files_, kDirectory, {1, 100, At(1)}).ok());
  EXPECT_EQ(Load(1), 100);
}

// A file that cannot be read now is not lost.
TEST_F(RevisionMarks, StayWhereTheDiskFails) {
  ASSERT_TRUE(SaveRevisionMark(files_, kDirectory, {1, 100, At(1)}).ok());
  testing::FaultyFiles faulty(files_, Code::kUnknown);
  faulty.FailNth(1);
  EXPECT_FALSE(SaveRevisionMark(faulty, kDirectory, {2, 100, At(1)}).ok());
  EXPECT_EQ(Load(1), 100);
}

}  // namespace
}  // namespace warden::backup
