// A drill's directory: its own, gone with it, and removed by the next one if it is not.
#include "exporter/restore/drill_scratch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/backup/backups.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"
#include "tests/support/temp_dir.h"

namespace warden::restore {
namespace {

TEST(DrillScratch, IsInTheBackupDirectoryUnlessItIsToldOtherwise) {
  config::BackupConfig backup;
  backup.directory = "/backups/./prod";
  config::DrillConfig drill;
  EXPECT_EQ(ScratchDirectory(backup, drill), "/backups/prod/scratch");
  drill.scratch = "/var/tmp/drills";
  EXPECT_EQ(ScratchDirectory(backup, drill), "/var/tmp/drills");
  drill.scratch = "drills";
  EXPECT_EQ(ScratchDirectory(backup, drill), std::filesystem::current_path() / "drills");
}

TEST(DrillScratch, IsGoneWithItsDrill) {
  const testing::TempDir dir;
  PosixFiles files;
  const std::string id = backup::IdOfBackup(1);
  {
    const auto scratch = DrillScratch::Make(files, dir / "a/b", id);
    ASSERT_TRUE(scratch.ok()) << scratch.status().message();
    EXPECT_EQ(scratch->path(), dir / "a/b" / ("drill-" + id));
    EXPECT_EQ(std::filesystem::status(scratch->path()).permissions(),
              std::filesystem::perms::owner_all);
    ASSERT_TRUE(files.MakeDirectories(scratch->data() / "member").ok());
    ASSERT_TRUE(files.Create(scratch->data() / "member" / "file").ok());
    EXPECT_EQ(DrillScratch::Make(files, dir / "a/b", id).status().code(), Code::kAlreadyExists);
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir / "a/b"));
}

TEST(DrillScratch, IsNeverMadeWhereAnEtcdKeepsItsData) {
  testing::MemoryFiles files;
  ASSERT_TRUE(files.MakeDirectories("/var/lib/etcd/member/snap").ok());
  for (const char* path : {"/var/lib/etcd", "/var/lib/etcd/member", "/var/lib/etcd/member/snap",
                           "/var/lib/etcd/scratch/of/ours"}) {
    EXPECT_EQ(DrillScratch::Make(files, path, backup::IdOfBackup(1)).status().code(),
              Code::kFailedPrecondition)
        << path;
  }
  EXPECT_TRUE(DrillScratch::Make(files, "/var/lib/scratch", backup::IdOfBackup(1)).ok());
}

class LeftOversTest : public ::testing::Test {
 protected:
  // As a process that died leaves it.
  std::filesystem::path Leave(const std::string& name) {
    const std::filesystem::path path = dir_.path() / name;
    std::filesystem::create_directories(path / "data/member/snap");
    dir_.Write(name + "/lock", "");
    dir_.Write(name + "/data/member/snap/db", "database");
    return path;
  }

  const testing::TempDir dir_;
  PosixFiles files_;
  testing::RecordingLogger log_;
};

TEST_F(LeftOversTest, GoIfTheyAreOursAndNobodyUsesThem) {
  const auto ours = Leave("drill-" + backup::IdOfBackup(1));
  std::filesystem::remove(Leave("drill-" + backup::IdOfBackup(2)) / "lock");
  const std::filesystem::path others[] = {Leave("drill-of-mine"), Leave(backup::IdOfBackup(3)),
                                          Leave("etcd"),
                                          dir_.Write("drill-" + backup::IdOfBackup(4), "a file")};
  RemoveLeftOvers(files_, dir_.path(), log_);
  EXPECT_FALSE(std::filesystem::exists(ours));
  EXPECT_FALSE(std::filesystem::exists(dir_ / ("drill-" + backup::IdOfBackup(2))));
  for (const auto& other : others) EXPECT_TRUE(std::filesystem::exists(other)) << other;
  EXPECT_EQ(log_.lines().size(), 2U);
}

TEST_F(LeftOversTest, StayWhileADrillOrAnEtcdUsesThem) {
  const auto running = DrillScratch::Make(files_, dir_.path(), backup::IdOfBackup(1));
  ASSERT_TRUE(running.ok());
  const auto orphan = Leave("drill-" + backup::IdOfBackup(2));
  auto etcd = files_.Lock(orphan / "data/member/snap/db");
  ASSERT_TRUE(etcd.ok());
  RemoveLeftOvers(files_, dir_.path(), log_);
  EXPECT_TRUE(std::filesystem::exists(running->path()));
  EXPECT_TRUE(std::filesystem::exists(orphan / "data/member/snap/db"));
  EXPECT_TRUE(log_.Contains("an etcd still runs on it"));
  *etcd = nullptr;
  RemoveLeftOvers(files_, dir_.path(), log_);
  EXPECT_FALSE(std::filesystem::exists(orphan));
}

TEST_F(LeftOversTest, AreNoneWhereThereIsNoDirectory) {
  RemoveLeftOvers(files_, dir_ / "nowhere", log_);
  EXPECT_TRUE(log_.lines().empty());
}

}  // namespace
}  // namespace warden::restore
