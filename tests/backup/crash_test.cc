// Whole backups with the n-th file operation failing, for n = 1, 2, 3, ... until none fails:
// whatever happens, the catalogue lists only whole backups, and those from before are still there.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/jobs.h"
#include "exporter/snapshot/take.h"
#include "tests/backup/backups.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"

namespace warden::backup {
namespace {

using Ids = std::vector<std::string>;
using testing::FaultyFiles;
using testing::MemoryFiles;
using testing::RecordingLogger;

const Files::Path kDirectory = "/backups";

// What a disk keeps of the changes to its directories that were not synced.
struct Survival {
  std::string name;
  std::function<bool(std::size_t)> survives;
};

std::vector<Survival> Survivals() {
  std::vector<Survival> survivals = {{"nothing", [](std::size_t) { return false; }},
                                     {"everything", [](std::size_t) { return true; }},
                                     {"every other", [](std::size_t i) { return i % 2 == 0; }},
                                     {"the others", [](std::size_t i) { return i % 2 == 1; }}};
  for (std::size_t count = 1; count <= 4; ++count) {
    survivals.push_back(
        {"the first " + std::to_string(count), [count](std::size_t i) { return i < count; }});
  }
  return survivals;
}

// Opens the catalogue, takes a backup and commits it, as the worker does.
Status BackUp(Files& files, int n) {
  RecordingLogger log;
  testing::FakeClock clock;
  testing::FakeCluster cluster;
  WARDEN_ASSIGN_OR_RETURN(Catalogue catalogue, Catalogue::Open(files, kDirectory, log));
  const std::string id = IdOfBackup(n);
  const snapshot::TakeOutcome outcome =
      snapshot::Take({cluster, files, clock, log}, catalogue.PartialPath(id),
                     {.at = clock.Steady() + Seconds(60), .stop = {}});
  if (!outcome.taken) return outcome.error.status;
  Manifest manifest = DescribeTaken(*outcome.taken);
  manifest.id = id;
  manifest.cluster_name = "prod";
  manifest.file = SnapshotName(id);
  return catalogue.Commit(manifest);
}

TEST(FileFailure, OfAnyOneOperationDoesNotHurtTheCatalogue) {
  for (int n = 1;; ++n) {
    MemoryFiles disk;
    ASSERT_TRUE(BackUp(disk, 1).ok());
    FaultyFiles faulty(disk);
    faulty.FailNth(n);
    const Status status = BackUp(faulty, 2);
    const std::string when = "operation " + std::to_string(n) + ": " + status.message();
    Ids expected = {IdOfBackup(1)};
    if (status.ok()) expected.insert(expected.begin(), IdOfBackup(2));
    EXPECT_EQ(WholeBackups(disk, kDirectory), expected) << when;
    ASSERT_TRUE(BackUp(disk, 3).ok()) << when;
    expected.insert(expected.begin(), IdOfBackup(3));
    EXPECT_EQ(WholeBackups(disk, kDirectory), expected) << when;
    EXPECT_TRUE(ListBackups(disk, kDirectory)->strangers.empty()) << when;
    const std::vector<DirectoryEntry> entries = *disk.List(kDirectory);
    for (const DirectoryEntry& entry : entries) {
      EXPECT_FALSE(entry.name.ends_with(kPartialSuffix)) << when << ", left: " << entry.name;
    }
    if (faulty.failed()) continue;
    EXPECT_GT(n, 20) << "a backup takes more operations than this";
    return;
  }
}

// The process ends at the n-th operation; then the disk keeps what it keeps.
void EndAtEveryOperation(const Survival& survival) {
  for (int n = 1;; ++n) {
    MemoryFiles disk;
    ASSERT_TRUE(BackUp(disk, 1).ok());
    ASSERT_TRUE(BackUp(disk, 2).ok());
    FaultyFiles faulty(disk);
    faulty.FailFrom(n);
    const Status status = BackUp(faulty, 3);
    const std::string when = survival.name + ", operation " + std::to_string(n);
    ASSERT_EQ(status.ok(), !faulty.failed()) << when << ": " << status.message();
    if (survival.survives) disk.CutPower(survival.survives);
    RecordingLogger log;
    ASSERT_TRUE(Catalogue::Open(disk, kDirectory, log).ok()) << when;
    const Ids whole = WholeBackups(disk, kDirectory);
    Ids expected = {IdOfBackup(2), IdOfBackup(1)};
    // What was reported is there; what was cut short may be, if it is whole.
    if (status.ok() || whole.size() == 3) expected.insert(expected.begin(), IdOfBackup(3));
    EXPECT_EQ(whole, expected) << when;
    ASSERT_TRUE(BackUp(disk, 4).ok()) << when;
    expected.insert(expected.begin(), IdOfBackup(4));
    EXPECT_EQ(WholeBackups(disk, kDirectory), expected) << when;
    if (status.ok()) return;
  }
}

TEST(KilledProcess, AtAnyOperationLeavesWholeBackupsOnly) {
  EndAtEveryOperation({.name = "killed", .survives = nullptr});
}

TEST(PowerCut, AtAnyOperationLeavesWholeBackupsOnly) {
  for (const Survival& survival : Survivals()) EndAtEveryOperation(survival);
}

Job MakeJob(JobState state) {
  return {.id = IdOfBackup(1), .cluster = "prod", .state = state, .created = kNow};
}

Status SaveJob(Files& files, JobState state) {
  WARDEN_ASSIGN_OR_RETURN(const JobStore store, JobStore::Open(files, kDirectory / "jobs"));
  return store.Save(MakeJob(state));
}

TEST(PowerCut, LeavesTheOldJobOrTheNew) {
  for (const Survival& survival : Survivals()) {
    for (int n = 1;; ++n) {
      MemoryFiles disk;
      ASSERT_TRUE(SaveJob(disk, JobState::kQueued).ok());
      FaultyFiles faulty(disk);
      faulty.FailFrom(n);
      const Status saved = SaveJob(faulty, JobState::kRunning);
      disk.CutPower(survival.survives);
      const std::string when = survival.name + ", operation " + std::to_string(n);
      RecordingLogger log;
      const Result<JobStore> store = JobStore::Open(disk, kDirectory / "jobs");
      ASSERT_TRUE(store.ok()) << when;
      const auto jobs = store->Load(log);
      ASSERT_TRUE(jobs.ok()) << when;
      ASSERT_EQ(jobs->size(), 1U) << when;
      EXPECT_TRUE(!saved.ok() || jobs->front().state == JobState::kRunning) << when;
      EXPECT_EQ(disk.List(kDirectory / "jobs")->size(), 1U) << when << ": something half written";
      if (saved.ok()) break;
    }
  }
}

}  // namespace
}  // namespace warden::backup
