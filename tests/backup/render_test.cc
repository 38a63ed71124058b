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
  subject.next_run = subject.now + Seconds(90);
  testing::ExpectGoldenPage("backup-one", PageOf(subject));
}

Manifest AttestedManifest(int n) {
  Manifest manifest = MakeManifest(IdOfBackup(n), SnapshotFile());
  manifest.created = kNow + Seconds(100 * n);
  manifest.verification_level = 3;
  manifest.revision = 4242 + n;
  return manifest;
}

// A newer one and the oldest of four are in quarantine.
Listing ListingWithQuarantine() {
  Listing listing;
  for (int n = 4; n >= 1; --n) listing.backups.push_back(AttestedManifest(n));
  for (const std::size_t i : {0UL, 3UL}) {
    listing.backups[i].quarantined = "mismatch";
    listing.backups[i].verification_level = 2;
    listing.backups[i].size_bytes = 1;
  }
  listing.stored_bytes = 2 * SnapshotFile().size() + 2;
  return listing;
}

TEST(BackupPages, Quarantine) {
  Subject subject = MakeSubject();
  subject.listing = ListingWithQuarantine();
  subject.jobs = {FinishedJob(JobState::kFailed, Seconds(400))};
  metrics::Page page;
  Render(page, subject);
  RenderAtRisk(page, "prod", 4245, 4300);
  testing::ExpectGoldenPage("backup-quarantine", page.Text());
}

TEST(BackupPage, ABackupInQuarantineIsNeitherNewestNorOldestNorStored) {
  Subject subject = MakeSubject();
  subject.listing = ListingWithQuarantine();
  const std::string page = PageOf(subject);
  EXPECT_TRUE(Has(page, R"(backup_stored{etcd_cluster="prod"} 2)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_quarantined{etcd_cluster="prod"} 2)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_last_success_revision{etcd_cluster="prod"} 4245)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_last_success_size_bytes{etcd_cluster="prod"} 4128)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_verification_level{etcd_cluster="prod"} 3)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_last_success_timestamp_seconds{etcd_cluster="prod"} 1795429200)"))
      << page;
  EXPECT_TRUE(Has(page, R"(backup_oldest_timestamp_seconds{etcd_cluster="prod"} 1795429100)"))
      << page;
  EXPECT_TRUE(Has(page, R"(backup_age_seconds{etcd_cluster="prod"} 3300)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_stored_bytes{etcd_cluster="prod"} 8258)")) << page;
}

TEST(BackupPage, WithNothingButQuarantineThereIsNoBackup) {
  Subject subject = MakeSubject();
  subject.listing = OneBackup();
  subject.listing->backups[0].quarantined = "mismatch";
  const std::string page = PageOf(subject);
  EXPECT_TRUE(Has(page, R"(backup_stored{etcd_cluster="prod"} 0)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_quarantined{etcd_cluster="prod"} 1)")) << page;
  EXPECT_TRUE(Has(page, R"(backup_last_success_timestamp_seconds{etcd_cluster="prod"} 0)")) << page;
  for (const std::string family : {"backup_age_seconds", "backup_verification_level",
                                   "backup_last_success_revision", "backup_source_info"}) {
    EXPECT_EQ(page.find("\netcdwarden_" + family + "{"), std::string::npos) << page;
  }
}

TEST(BackupPage, AManifestOfAnOlderVersionHasNoRevision) {
  Subject subject = MakeSubject();
  subject.listing = OneBackup();
  EXPECT_EQ(PageOf(subject).find("backup_last_success_revision"), std::string::npos);
}

TEST(BackupPage, RevisionsAtRiskAreNeverNegative) {
  for (const auto& [live, at_risk] : {std::pair{4242, 0}, {4241, 0}, {0, 0}, {4243, 1}}) {
    metrics::Page page;
    RenderAtRisk(page, "prod", 4242, live);
    EXPECT_TRUE(Has(page.Text(),
                    R"(backup_revisions_at_risk{etcd_cluster="prod"} )" + std::to_string(at_risk)))
        << live << ": " << page.Text();
  }
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

// Another warden did it, or nothing had changed: whoever compares the two times finds no failure.
TEST(BackupPage, ASkippedRunIsNoAttempt) {
  Subject subject = MakeSubject();
  subject.jobs = {FinishedJob(JobState::kSkipped, Seconds(500)),
                  FinishedJob(JobState::kSucceeded, Seconds(100))};
  const std::string page = PageOf(subject);
  const std::string name = R"(backup_last_attempt_timestamp_seconds{etcd_cluster="prod"} )";
  const auto attempt = static_cast<std::int64_t>(ToUnixSeconds(*subject.jobs.back().started));
  EXPECT_TRUE(Has(page, name + std::to_string(attempt))) << page;
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
  subject.now = kNow - std::chrono::minutes(1);
  EXPECT_TRUE(Has(PageOf(subject), R"(backup_age_seconds{etcd_cluster="prod"} 0)"));
}

TEST(BackupPage, ABackupFromTheFutureDoesNotHideThatBackupsHaveStopped) {
  Subject subject = MakeSubject();
  subject.listing = OneBackup();
  subject.listing->backups.insert(subject.listing->backups.begin(),
                                  MakeManifest(IdOfBackup(2), SnapshotFile()));
  subject.listing->backups.front().created = subject.now + std::chrono::hours(24 * 365);
  EXPECT_TRUE(Has(PageOf(subject), R"(backup_age_seconds{etcd_cluster="prod"} 3597)"));
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
