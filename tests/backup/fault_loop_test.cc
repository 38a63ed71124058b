// Everything that changes a catalogue, with each of its file operations failing in turn and in
// every way: what is listed is whole, what was there is there unless its deletion was decided, and
// what was promised holds.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exporter/backup/engine.h"
#include "exporter/backup/queue.h"
#include "exporter/backup/schedule_store.h"
#include "tests/backup/fault_worlds.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_cluster.h"

namespace warden::backup {
namespace {

using testing::RecordingLogger;

const Files::Path kDirectory = "/backups";

std::string OldId(int n) {
  return MakeId(kNow - std::chrono::hours(100 - n), 7);
}

void StoreThree(Files& files) {
  for (int n = 1; n <= 3; ++n) StoreVerified(files, kDirectory, n);
}

const std::string kJobId = MakeId(kNow, 0x10b);

// One start of a worker without its thread: takes up what is there, asks for the job unless it is
// known, and carries out one after the other.
class Life {
 public:
  explicit Life(Files& files)
      : tools_{files, clock_, log_, instruments_, Milliseconds(0), Milliseconds(0)} {
    cluster_.SetDatabase(testing::MakeEtcdDatabase(16 * 1024));
    settings_.cluster = {std::shared_ptr<void>(), &cluster_};
    settings_.config.retention.emplace();
    settings_.config.retention->keep_verified_min = 1;
    settings_.config.retention->rules = {{.backup_class = "manual", .keep_last = 2}};
  }

  // Fails if the request was not accepted, or its job did not succeed.
  Status Run(const std::string& job_id) {
    WARDEN_ASSIGN_OR_RETURN(Catalogue catalogue, Catalogue::Open(tools_.files, kDirectory, log_));
    WARDEN_ASSIGN_OR_RETURN(JobStore store, JobStore::Open(tools_.files, kDirectory / kJobsName));
    queue_.emplace("prod", std::move(store), clock_, log_);
    WARDEN_ASSIGN_OR_RETURN(const Listing listing, catalogue.List());
    WARDEN_RETURN_IF_ERROR(queue_->TakeUp(listing));
    WARDEN_RETURN_IF_ERROR(queue_->Enqueue(job_id, {}));
    accepted_ = true;
    Engine engine("prod", catalogue, tools_);
    while (queue_->Depth() > 0) {
      std::optional<Job> job = queue_->Next();
      job->state = JobState::kRunning;
      job->started = clock_.Now();
      queue_->Update(*job);
      engine.CarryOut(*job, [this] { return settings_; }, {});
      queue_->Update(*job);
    }
    const std::optional<Job> job = queue_->Find(job_id);
    return job->state == JobState::kSucceeded ? Status() : Status(Code::kUnknown, job->error);
  }
  bool accepted() const { return accepted_; }
  std::vector<Job> jobs() const { return queue_->History(); }

 private:
  testing::FakeClock clock_;
  RecordingLogger log_;
  metrics::Instruments instruments_;
  testing::FakeCluster cluster_;
  Settings settings_;
  const WorkerTools tools_;
  std::optional<JobQueue> queue_;
  bool accepted_ = false;
};

// Keeps the newest two: the new one and OldId(3), so that OldId(2) and OldId(1) go.
TEST(EveryFault, LeavesABackupWithRetentionRight) {
  bool accepted = false;
  const FaultLoop loop{
      .prepare = StoreThree,
      .act =
          [&](Files& files) {
            Life life(files);
            Status status = life.Run(kJobId);
            accepted = life.accepted();
            return status;
          },
      .check =
          [&](Files& disk, bool ok, const std::string& when) {
            const Ids found = OpenAndLookAround(disk, kDirectory, when);
            EXPECT_TRUE(Has(found, OldId(3))) << when;
            // Nothing goes before there is a new backup.
            const bool has_new = !found.empty() && found.front() > OldId(3);
            EXPECT_TRUE(has_new || found.size() == 3) << when;
            EXPECT_TRUE(has_new || !ok) << when << ": a job that succeeded has no backup";
            Life next(disk);
            ASSERT_TRUE(next.Run(MakeId(kNow + Seconds(1), 0x10c)).ok()) << when;
            const std::vector<Job> jobs = next.jobs();
            EXPECT_TRUE(!accepted || Has({jobs.front().id}, kJobId)) << when << ": job is lost";
            const Ids after = OpenAndLookAround(disk, kDirectory, when);
            EXPECT_EQ(after.size(), 2U) << when;
            for (const Job& job : jobs) {
              // One that was cut short is done by now, and nothing is done twice.
              EXPECT_EQ(job.ended(), true) << when;
              if (job.state != JobState::kSucceeded) continue;
              EXPECT_EQ(job.backup_ids.size(), 1U) << when;
              EXPECT_TRUE(Has(after, job.backup_ids.at(0))) << when;
            }
          }};
  EXPECT_GT(loop.RunAll(), 30) << "a backup takes more operations than this";
}

// Pins the first, and takes the hold off the second.
TEST(EveryFault, LeavesTheOldHoldsOrTheNew) {
  const Hold hold{.by = "manual", .since = kNow, .until = {}, .reason = "a test"};
  for (const bool pin : {true, false}) {
    const FaultLoop loop{
        .prepare =
            [&](Files& files) {
              Manifest manifest = StoreVerified(files, kDirectory, 1);
              if (!pin) manifest.holds = {hold};
              ASSERT_TRUE(WriteManifest(files, kDirectory, manifest).ok());
            },
        .act =
            [&](Files& files) {
              return ChangeManifest(files, kDirectory, OldId(1),
                                    [&](Manifest& manifest) {
                                      manifest.holds.clear();
                                      if (pin) manifest.holds = {hold};
                                    })
                  .status();
            },
        .check =
            [&](Files& disk, bool ok, const std::string& when) {
              EXPECT_EQ(OpenAndLookAround(disk, kDirectory, when), Ids{OldId(1)}) << when;
              const Result<Manifest> manifest = ReadManifest(disk, kDirectory, OldId(1));
              ASSERT_TRUE(manifest.ok()) << when;
              EXPECT_TRUE(!ok || manifest->pinned(kNow) == pin) << when;
              // And the next change finds nothing in its way.
              EXPECT_TRUE(
                  ChangeManifest(disk, kDirectory, OldId(1), [](Manifest& m) { m.holds = {}; })
                      .ok())
                  << when;
            }};
    EXPECT_GT(loop.RunAll(), 3);
  }
}

TEST(EveryFault, DeletesWholeBackupsAndOnlyThose) {
  const FaultLoop loop{.prepare = StoreThree,
                       .act =
                           [](Files& files) {
                             return DeleteBackups(files, kDirectory, {OldId(1), OldId(2)},
                                                  [](const Manifest&) { return true; })
                                 .failure;
                           },
                       .check =
                           [](Files& disk, bool ok, const std::string& when) {
                             const Ids found = OpenAndLookAround(disk, kDirectory, when);
                             EXPECT_TRUE(Has(found, OldId(3))) << when;
                             EXPECT_TRUE(Has(found, OldId(2)) || !Has(found, OldId(1))) << when;
                             EXPECT_TRUE(!ok || found.size() == 1) << when;
                           }};
  EXPECT_GT(loop.RunAll(), 3);
}

// A start that ends deletions and removes leftovers may itself be cut short.
TEST(EveryFault, LetsAStartBeCutShort) {
  const FaultLoop loop{
      .prepare =
          [](Files& files) {
            StoreThree(files);
            const Files::Path manifest = kDirectory / ManifestName(OldId(1));
            const Files::Path deleted = kDirectory / DeletedManifestName(OldId(1));
            ASSERT_TRUE(files.Rename(manifest, deleted).ok());
            // A commit that lacks its last step, and a stream that was cut short.
            const Manifest whole = StoreVerified(files, kDirectory, 4);
            const Files::Path path = kDirectory / ManifestName(whole.id);
            ASSERT_TRUE(files.Rename(path, path.string() + std::string(kPartialSuffix)).ok());
            const Files::Path stream = kDirectory / (SnapshotName(OldId(5)) + ".partial");
            ASSERT_TRUE(WriteSynced(files, stream, "half").ok());
            ASSERT_TRUE(files.SyncDirectory(kDirectory).ok());
          },
      .act =
          [](Files& files) {
            RecordingLogger log;
            return Catalogue::Open(files, kDirectory, log).status();
          },
      .check =
          [](Files& disk, bool /*ok*/, const std::string& when) {
            const Ids found = OpenAndLookAround(disk, kDirectory, when);
            EXPECT_EQ(found, (Ids{OldId(4), OldId(3), OldId(2)})) << when;
          }};
  EXPECT_GT(loop.RunAll(), 3);
}

TEST(EveryFault, LeavesTheOldTicksOrTheNew) {
  const Files::Path file = kDirectory / kSchedulesName;
  const ScheduleStates before = {{"hourly", {kNow}}};
  const ScheduleStates after = {{"daily", {kNow}}, {"hourly", {kNow + Seconds(3600)}}};
  const FaultLoop loop{.prepare =
                           [&](Files& files) {
                             StoreThree(files);
                             ASSERT_TRUE(SaveSchedules(files, file, before).ok());
                           },
                       .act = [&](Files& files) { return SaveSchedules(files, file, after); },
                       .check =
                           [&](Files& disk, bool ok, const std::string& when) {
                             EXPECT_EQ(OpenAndLookAround(disk, kDirectory, when).size(), 3U)
                                 << when;
                             RecordingLogger log;
                             const ScheduleStates found = LoadSchedules(disk, file, log);
                             EXPECT_TRUE(found == after || (!ok && found == before)) << when;
                             EXPECT_TRUE(SaveSchedules(disk, file, after).ok()) << when;
                           }};
  EXPECT_GT(loop.RunAll(), 3);
}

// As `backup take` leaves it for the daemon.
TEST(EveryFault, StoresARequestOrNone) {
  const Files::Path requests = kDirectory / kRequestsName;
  const Job job{.id = kJobId, .cluster = "prod", .order = {.hold = Seconds(60)}, .created = kNow};
  const FaultLoop loop{
      .prepare = StoreThree,
      .act = [&](Files& files) -> Status {
        WARDEN_ASSIGN_OR_RETURN(const JobStore store, JobStore::Open(files, requests));
        return store.Save(job);
      },
      .check =
          [&](Files& disk, bool ok, const std::string& when) {
            RecordingLogger log;
            const Result<JobStore> store = JobStore::Open(disk, requests);
            ASSERT_TRUE(store.ok()) << when;
            const Result<std::vector<Job>> jobs = store->Load(log);
            ASSERT_TRUE(jobs.ok()) << when;
            EXPECT_TRUE(!ok || jobs->size() == 1) << when;
            for (const Job& found : *jobs) EXPECT_EQ(found.order, job.order) << when;
            EXPECT_TRUE(log.lines().empty()) << when;
            EXPECT_EQ(disk.List(requests)->size(), jobs->size()) << when << ": something is left";
          }};
  EXPECT_GT(loop.RunAll(), 3);
}

}  // namespace
}  // namespace warden::backup
