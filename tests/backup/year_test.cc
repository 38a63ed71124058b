// A year of hourly backups under retention, and a catalogue that keeps them all. How long a list
// takes is printed, and not judged: machines differ.
#include <gtest/gtest.h>

#include <iostream>
#include <set>
#include <string>

#include "exporter/backup/prune.h"
#include "exporter/base/text.h"
#include "tests/backup/backups.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"
#include "tests/support/temp_dir.h"

namespace warden::backup {
namespace {

constexpr int kHours = 365 * 24;

class YearTest : public ::testing::Test {
 protected:
  // As the worker keeps a backup that is taken now.
  void Commit(Catalogue& catalogue, Files& files) {
    const std::string id = MakeId(clock_.Now(), 7);
    ASSERT_TRUE(WriteSynced(files, catalogue.PartialPath(id), file_).ok());
    manifest_.id = id;
    manifest_.file = SnapshotName(id);
    manifest_.created = clock_.Now();
    const Status committed = catalogue.Commit(manifest_);
    ASSERT_TRUE(committed.ok()) << committed.message();
  }

  testing::FakeClock clock_;
  testing::RecordingLogger log_;
  const std::string file_ = SnapshotFile(1, 64);
  Manifest manifest_ = [this] {
    Manifest manifest = MakeManifest(IdOfBackup(1), file_);
    manifest.verification_level = 2;
    manifest.revision = 4242;
    manifest.backup_class = config::kScheduledClass;
    return manifest;
  }();
};

TEST_F(YearTest, LeavesWhatTheRuleKeeps) {
  testing::MemoryFiles disk;
  Result<Catalogue> catalogue = Catalogue::Open(disk, "/backups", log_);
  ASSERT_TRUE(catalogue.ok());
  config::RetentionConfig retention;
  retention.rules = {{.hourly = 24, .daily = 7, .weekly = 4, .monthly = 12}};
  for (int hour = 0; hour < kHours; ++hour) {
    clock_.Advance(std::chrono::hours(1));
    Commit(*catalogue, disk);
    const auto pruned = Prune(disk, "/backups", retention, clock_.Now());
    ASSERT_TRUE(pruned.ok() && pruned->failure.ok());
    // The newest, and never more than the rule can name, with the oldest as long as it stays.
    ASSERT_TRUE(disk.Stat(catalogue->directory() / manifest_.file).ok());
  }
  const Result<Listing> listing = catalogue->List();
  ASSERT_TRUE(listing.ok());
  std::set<std::string> months;
  std::set<std::string> days;
  for (const Manifest& backup : listing->backups) {
    months.insert(FormatTime(backup.created).substr(0, 7));
    days.insert(FormatTime(backup.created).substr(0, 10));
  }
  EXPECT_GE(months.size(), 12U);
  EXPECT_GE(days.size(), 7U + 3 + 10);
  EXPECT_GE(listing->backups.size(), 24U + 5 + 3 + 10);
  EXPECT_LE(listing->backups.size(), 24U + 7 + 4 + 12 + 1);
  EXPECT_TRUE(listing->strangers.empty());
  const std::vector<DirectoryEntry> entries = *disk.List("/backups");
  EXPECT_EQ(entries.size(), 2 * listing->backups.size() + 2) << "and two locks: nothing is left";
}

TEST_F(YearTest, IsListedWhereAllIsKept) {
  const testing::TempDir dir;
  PosixFiles files;
  // Not committed one by one: tens of thousands of syncs would be most of the test.
  for (int hour = 0; hour < kHours; ++hour) {
    clock_.Advance(std::chrono::hours(1));
    manifest_.id = MakeId(clock_.Now(), 7);
    manifest_.file = SnapshotName(manifest_.id);
    manifest_.created = clock_.Now();
    dir.Write(manifest_.file, file_);
    dir.Write(ManifestName(manifest_.id), DumpJson(ToJson(manifest_), 2) + "\n");
  }
  const SteadyTime start = SystemClock().Steady();
  const Result<Listing> listing = ListBackups(files, dir.path());
  const Nanoseconds took = SystemClock().Steady() - start;
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->backups.size(), static_cast<std::size_t>(kHours));
  EXPECT_TRUE(listing->strangers.empty());
  EXPECT_EQ(listing->backups.front().id, manifest_.id);
  std::cout << "a year of " << kHours << " backups is listed in "
            << FormatDuration(std::chrono::duration_cast<Milliseconds>(took)) << "\n";
}

}  // namespace
}  // namespace warden::backup
