// Receipts for those who ask often.
#include "exporter/restore/drill_history.h"

#include <gtest/gtest.h>

#include "exporter/backup/manifest.h"
#include "tests/backup/backups.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"

namespace warden::restore {
namespace {

class DrillHistoryTest : public ::testing::Test {
 protected:
  void Save(int n) {
    const auto lock = store_.Lock();
    ASSERT_TRUE(lock.ok()) << lock.error().message();
    const DrillReceipt receipt{.id = backup::IdOfBackup(n), .cluster = "prod"};
    ASSERT_TRUE(store_.Save(receipt, "").ok());
  }
  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    const DrillHistory::Receipts receipts = history_.Read();
    for (const DrillReceipt& receipt : *receipts) ids.push_back(receipt.id);
    return ids;
  }
  // How many receipts are read from now on is counted.
  void CountReads() {
    files_.FailWhere([this](testing::FileOperation operation, const Files::Path&) {
      if (operation == testing::FileOperation::kRead) ++reads_;
      return false;
    });
  }

  testing::MemoryFiles disk_;
  testing::FaultyFiles files_{disk_};
  testing::RecordingLogger log_;
  DrillStore store_{files_, "/backups"};
  DrillHistory history_{files_, "/backups", log_};
  int reads_ = 0;
};

TEST_F(DrillHistoryTest, IsEmptyBeforeTheFirstDrill) {
  EXPECT_TRUE(Ids().empty());
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(DrillHistoryTest, SeesWhatAnyProcessWrites) {
  Save(1);
  EXPECT_EQ(Ids(), std::vector{backup::IdOfBackup(1)});
  Save(2);
  EXPECT_EQ(Ids(), (std::vector{backup::IdOfBackup(2), backup::IdOfBackup(1)}));
  ASSERT_TRUE(disk_.Remove(store_.directory() / (backup::IdOfBackup(1) + ".json")).ok());
  EXPECT_EQ(Ids(), std::vector{backup::IdOfBackup(2)});
}

TEST_F(DrillHistoryTest, ReadsNothingTwice) {
  Save(1);
  CountReads();
  EXPECT_EQ(Ids().size(), 1U);
  EXPECT_EQ(reads_, 1);
  EXPECT_EQ(Ids().size(), 1U);
  EXPECT_EQ(reads_, 1);
  Save(2);
  reads_ = 0;
  EXPECT_EQ(Ids().size(), 2U);
  EXPECT_EQ(reads_, 2);
}

TEST_F(DrillHistoryTest, ComplainsOnceOfWhatCannotBeRead) {
  Save(1);
  const std::string name = backup::IdOfBackup(2) + ".json";
  ASSERT_TRUE(backup::WriteSynced(disk_, store_.directory() / name, "{").ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ids(), std::vector{backup::IdOfBackup(1)});
  EXPECT_EQ(log_.lines().size(), 1U);
  EXPECT_TRUE(log_.Contains(name));
}

}  // namespace
}  // namespace warden::restore
