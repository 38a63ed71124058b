#include "exporter/backup/render.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/backup/backups.h"
#include "tests/support/golden.h"

namespace warden::backup {
namespace {

std::string PageOf(const Subject& subject) {
  metrics::Page page;
  Render(page, subject);
  return page.Text();
}

bool Has(const std::string& page, const std::string& line) {
  return page.find("\netcdwarden_" + line + "\n") != std::string::npos;
}

Subject MakeSubject() {
  return {.cluster = "prod",
          .listing = Listing(),
          .objective = std::chrono::hours(24),
          .free_bytes = 123'456'789'012,
          .now = kNow + std::chrono::hours(1)};
}

Listing OneBackup() {
  return {.backups = {MakeManifest(IdOfBackup(1), SnapshotFile())},
          .stored_bytes = SnapshotFile().size()};
}

Job FinishedJob(JobState state, Seconds started) {
  return {.id = IdOfBackup(1), .cluster = "prod", .state = state, .started = kNow + started};
}

TEST(BackupPages, NeverBackedUp) {
  testing::ExpectGoldenPage("backup-never", PageOf(MakeSubject()));
}

TEST(BackupPages, OneBackup) {
  Subject subject = MakeSubject();
  subject.listing = OneBackup();
  subject.jobs = {FinishedJob(JobState::kSucceeded, Seconds(0))};
  testing::ExpectGoldenPage("backup-one", PageOf(subject));
}

TEST(BackupPages, UnreadableDirectory) {
  Subject subject = MakeSubject();
  subject.listing.reset();
  subject.objective.reset();
  subject.free_bytes.reset();
  subject.jobs = {FinishedJob(JobState::kFailed, Seconds(5)),
                  FinishedJob(JobState::kRunning, Seconds(65)),
                  {.id = IdOfBackup(2)}};
  testing::ExpectGoldenPage("backup-unreadable", PageOf(subject));
}

TEST(BackupPage, TellsNewestFromOldestByTheirTimes) {
  Subject subject = MakeSubject();
  subject.listing = Listing();
  for (int n = 3; n >= 1; --n) {
    Manifest manifest = MakeManifest(IdOfBackup(n), SnapshotFile());
    manifest.created = kNow + Seconds(100 * n);
    manifest.duration = Seconds(n);
    subject.listing->backups.push_back(manifest);
  }
  subject.listing->stored_bytes = 999;
  const std::string page = PageOf(subject);
  EXPECT_TRUE(Has(page, R"(backup_stored{etcd_cluster="prod"} 3)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_stored_bytes{etcd_cluster="prod"} 999)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_age_seconds{etcd_cluster="prod"} 3300)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_last_duration_seconds{etcd_cluster="prod"} 3)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_last_success_timestamp_seconds{etcd_cluster="prod"} 1795429200)"))
      << page;
  EXPECT_TRUE(Has(page, R"(backup_oldest_timestamp_seconds{etcd_cluster="prod"} 1795429000)"))
      << page;
}

TEST(BackupPage, AgesAreNeverNegative) {
  Subject subject = MakeSubject();
  subject.listing = OneBackup();
  subject.now = kNow - std::chrono::hours(1);
  EXPECT_TRUE(Has(PageOf(subject), R"(backup_age_seconds{etcd_cluster="prod"} 0)"));
}

TEST(BackupPage, ClustersShareFamilies) {
  metrics::Page page;
  for (const char* name : {"prod", "test"}) {
    Subject subject = MakeSubject();
    subject.cluster = name;
    subject.listing = OneBackup();
    Render(page, subject);
  }
  testing::ExpectPromtoolClean(page.Text());
  EXPECT_TRUE(Has(page.Text(), R"(backup_stored{etcd_cluster="prod"} 1)"));
  EXPECT_TRUE(Has(page.Text(), R"(backup_stored{etcd_cluster="test"} 1)"));
}

}  // namespace
}  // namespace warden::backup
