// What a worker does with a job, from the request to its end.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/backup/worker_fixture.h"

namespace warden::backup {
namespace {

TEST_F(WorkerTest, TakesTheBackupThatWasAskedFor) {
  Start();
  const std::string id = Request();
  const Job job = Await(id);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(job.cluster, "prod");
  EXPECT_EQ(job.trigger, AlertTrigger());
  EXPECT_EQ(job.started, clock_.Now());
  EXPECT_EQ(job.finished, clock_.Now());
  const Result<Listing> listing = worker_->List();
  ASSERT_TRUE(listing.ok());
  ASSERT_EQ(Backups(), 1U);
  const Manifest& manifest = listing->backups[0];
  EXPECT_EQ(std::vector{manifest.id}, job.backup_ids);
  EXPECT_EQ(manifest.job_id, id);
  EXPECT_EQ(manifest.cluster_name, "prod");
  EXPECT_EQ(manifest.member_name, "m2");
  EXPECT_EQ(manifest.trigger, AlertTrigger());
  EXPECT_EQ(manifest.created, clock_.Now());
}

TEST_F(WorkerTest, DoesNothingBeforeItIsConfirmed) {
  Start();
  const std::string reserved = Reserve();
  EXPECT_EQ(worker_->QueueDepth(), 1U);
  ASSERT_TRUE(worker_->Find(reserved));
  EXPECT_EQ(worker_->Find(reserved)->state, JobState::kQueued);
  // A later one that is confirmed overtakes it.
  EXPECT_EQ(Await(Request(AlertTrigger("f2"))).state, JobState::kSucceeded);
  EXPECT_EQ(worker_->Find(reserved)->state, JobState::kQueued);
  EXPECT_EQ(cluster_.asked().size(), 1U);
  Restart();
  EXPECT_FALSE(worker_->Find(reserved)) << "what was not confirmed is not durable";
}

TEST_F(WorkerTest, ConfirmMakesTheJobDurable) {
  HangStreams();
  Start();
  Request();
  cluster_.WaitUntilHanging();
  const std::string second = Request(AlertTrigger("f2"));
  disk_.CutPower([](std::size_t) { return false; });
  const auto text = disk_.ReadAll(kJobs / (second + ".json"), 1 << 16);
  ASSERT_TRUE(text.ok()) << text.error().message();
  EXPECT_EQ(ParseJob(*text)->trigger, AlertTrigger("f2"));
}

TEST_F(WorkerTest, CountsWhatItDoes) {
  Start();
  Await(Request());
  EXPECT_TRUE(PageHas(R"(backup_attempts_total{etcd_cluster="prod",trigger="webhook"} 1)"));
  EXPECT_TRUE(PageHas(R"(backup_successes_total{etcd_cluster="prod"} 1)"));
  EXPECT_TRUE(
      PageHas(R"(backup_stage_duration_seconds_count{etcd_cluster="prod",stage="stream"} 1)"));
  cluster_.SetScript({{}, Status(Code::kUnavailable, "reset"), false});
  Await(Request(AlertTrigger("f2")));
  EXPECT_TRUE(PageHas(R"(backup_attempts_total{etcd_cluster="prod",trigger="webhook"} 2)"));
  EXPECT_TRUE(PageHas(R"(backup_failures_total{etcd_cluster="prod",stage="connect"} 1)"));
  EXPECT_TRUE(PageHas(R"(backup_successes_total{etcd_cluster="prod"} 1)"));
}

TEST_F(WorkerTest, AFailedJobSaysWhereAndWhy) {
  cluster_.SetScript({{}, Status(Code::kUnavailable, "reset\nby peer"), false});
  Start();
  const Job job = Await(Request());
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.stage, "connect");
  EXPECT_EQ(job.error, "back up cluster prod: snapshot from https://10.0.0.11:2379: reset by peer");
  EXPECT_TRUE(job.backup_ids.empty());
  EXPECT_TRUE(job.finished);
  EXPECT_TRUE(log_.Contains("backup failed"));
  EXPECT_EQ(Backups(), 0U);
  EXPECT_EQ(Await(Request(AlertTrigger("f2"))).state, JobState::kFailed) << "and goes on";
  Restart();
  EXPECT_EQ(worker_->History().size(), 2U);
  EXPECT_EQ(worker_->QueueDepth(), 0U) << "a failed job is not run again";
}

TEST_F(WorkerTest, TriesAgainWhileNoMemberCanBeReached) {
  etcd::ClusterView outage = testing::MakeView();
  for (etcd::EndpointView& endpoint : outage.endpoints) testing::FailStatus(endpoint);
  cluster_.SetView(outage);
  Start();
  const Job job = Await(Request());
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.stage, "connect");
  const std::vector<std::string> lines = log_.lines();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& line) {
                            return line.find("trying again") != std::string::npos;
                          }),
            kTriesMax - 1);
  EXPECT_TRUE(PageHas("backup_failures_total{etcd_cluster=\"prod\",stage=\"connect\"} 1"))
      << "a job fails once";
}

TEST_F(WorkerTest, NeverMixesTwoClustersInOneDirectory) {
  Start();
  EXPECT_EQ(Await(Request()).state, JobState::kSucceeded);
  etcd::ClusterView foreign = testing::MakeView();
  for (etcd::EndpointView& endpoint : foreign.endpoints) {
    endpoint.status.value->cluster_id = testing::kForeignClusterId;
  }
  cluster_.SetView(foreign);
  const Job job = Await(Request(AlertTrigger("f2")));
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.stage, "verify");
  EXPECT_EQ(Backups(), 1U);
}

TEST_F(WorkerTest, ABackupThatTheVotersAttestIsOfLevelThree) {
  SayHash(testing::HashOfEtcdDatabase());
  Start();
  EXPECT_EQ(Await(Request()).state, JobState::kSucceeded);
  const Manifest manifest = worker_->List()->backups.at(0);
  EXPECT_EQ(manifest.verification_level, 3);
  EXPECT_EQ(snapshot::Describe(manifest.attestation),
            "attested (2 of 3): the leader was not asked (attest: followers)");
  EXPECT_EQ(manifest.revision, testing::kDatabaseRevision);
  EXPECT_EQ(manifest.quarantined, "");
  EXPECT_EQ(manifest.contents["keys"]["live"], 2);
  EXPECT_TRUE(
      PageHas(R"(backup_stage_duration_seconds_count{etcd_cluster="prod",stage="verify"} 1)"));
}

TEST_F(WorkerTest, AsksWhomTheSourceSays) {
  SayHash(testing::HashOfEtcdDatabase());
  Start();
  Await(Request());
  EXPECT_EQ(cluster_.hashed().size(), 2U);
  settings_.config.attest = config::AttestPolicy::kOff;
  worker_->Use(settings_);
  Await(Request(AlertTrigger("f2")));
  EXPECT_EQ(cluster_.hashed().size(), 2U);
  settings_.config.attest = config::AttestPolicy::kAll;
  worker_->Use(settings_);
  Await(Request(AlertTrigger("f3")));
  EXPECT_EQ(cluster_.hashed().size(), 5U);
}

TEST_F(WorkerTest, QuarantinesABackupThatTheVotersContradict) {
  SayHash(testing::HashOfEtcdDatabase() + 1);
  Start();
  const Job job = Await(Request());
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.stage, "verify");
  ASSERT_EQ(Backups(), 1U) << "it is kept: it may be all there is of that member one day";
  const Manifest manifest = worker_->List()->backups[0];
  EXPECT_EQ(job.backup_ids, std::vector{manifest.id});
  const std::string why =
      "mismatch: other data on m3 (a5c40fe21b7d396), m2 (91bc3c398fb3c146), m1 (8211f1d0f64f3269)";
  EXPECT_EQ(manifest.quarantined, why);
  EXPECT_EQ(manifest.verification_level, 2);
  EXPECT_EQ(job.error, "back up cluster prod: backup " + manifest.id + " is quarantined: " + why);
  EXPECT_TRUE(PageHas(R"(backup_failures_total{etcd_cluster="prod",stage="verify"} 1)"));
  EXPECT_TRUE(PageHas(R"(backup_successes_total{etcd_cluster="prod"} 0)"));
  EXPECT_TRUE(log_.Contains("backup failed"));
  EXPECT_TRUE(log_.Contains(manifest.id));
  EXPECT_EQ(cluster_.asked().size(), 3U) << "each member once";
}

// Puts a backup into the catalogue that says so of itself.
Manifest Store(Files& files, int n, std::int64_t revision, const std::string& quarantined = "") {
  Manifest manifest = MakeManifest(IdOfBackup(n), SnapshotFile());
  manifest.created = kNow + Seconds(n);
  manifest.revision = revision;
  manifest.quarantined = quarantined;
  if (!quarantined.empty()) manifest.cluster_id = testing::kForeignClusterId;
  EXPECT_TRUE(files.MakeDirectories(kDirectory).ok());
  EXPECT_TRUE(WriteSynced(files, kDirectory / manifest.file, SnapshotFile()).ok());
  EXPECT_TRUE(
      WriteSynced(files, kDirectory / ManifestName(manifest.id), DumpJson(ToJson(manifest))).ok());
  return manifest;
}

TEST_F(WorkerTest, ComparesWithTheNewestGoodBackup) {
  // Older than the clock's time, or the new one would not be the newest.
  Store(disk_, -20, 4242);
  Store(disk_, -10, 9999, "mismatch");
  Start();
  const Job job = Await(Request());
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error << ": the other is of another cluster";
  const std::vector<Manifest> backups = worker_->List()->backups;
  ASSERT_EQ(backups.size(), 3U);
  EXPECT_EQ(std::vector{backups[0].id}, job.backup_ids);
  for (const std::string& note : backups[0].notes) {
    EXPECT_EQ(note.find("behind"), std::string::npos) << note;
  }
}

TEST_F(WorkerTest, NotesThatItsBackupIsOlderThanTheNewestGoodOne) {
  Store(disk_, -10, 5000);
  Start();
  const Job job = Await(Request());
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  const Manifest manifest = worker_->List()->backups.at(0);
  ASSERT_EQ(std::vector{manifest.id}, job.backup_ids);
  ASSERT_FALSE(manifest.notes.empty());
  EXPECT_EQ(manifest.notes[0], "the member is at revision 4242, behind the newest backup's 5000");
}

TEST_F(WorkerTest, EndsWithTheStopOfTheWholeProgram) {
  HangStreams();
  auto worker = Worker::Open("prod", kDirectory, {.cluster = Borrow(cluster_)},
                             {files_, clock_, log_, instruments_, Milliseconds(0)});
  ASSERT_TRUE(worker.ok());
  std::stop_source stop;
  (*worker)->Start(stop.get_token());
  const Result<std::string> id = (*worker)->Reserve({.trigger = AlertTrigger()});
  ASSERT_TRUE((*worker)->Confirm(*id).ok());
  cluster_.WaitUntilHanging();
  stop.request_stop();
  worker->reset();
  const auto text = disk_.ReadAll(kJobs / (*id + ".json"), 1 << 16);
  EXPECT_EQ(ParseJob(*text)->state, JobState::kRunning) << "the next start takes it up";
}

TEST_F(WorkerTest, AFailedCommitIsAFailureToWrite) {
  Start();
  FailWhere(FileOperation::kRename, ".db");
  const Job job = Await(Request());
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.stage, "write");
  EXPECT_NE(job.error.find("No space left on device"), std::string::npos) << job.error;
  EXPECT_EQ(disk_.List(kDirectory)->size(), 4U) << ".changes, .lock, jobs and requests";
}

TEST_F(WorkerTest, RefusesMoreThanTheQueueHolds) {
  HangStreams();
  Start();
  Request();
  cluster_.WaitUntilHanging();
  EXPECT_TRUE(worker_->InProgress());
  for (std::size_t i = 0; i < kQueueMax; ++i) Reserve(AlertTrigger(std::to_string(i)));
  EXPECT_EQ(worker_->QueueDepth(), kQueueMax);
  const Result<std::string> more = worker_->Reserve({.trigger = AlertTrigger("more")});
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(more.error().message(), "the queue of cluster prod is full: 16 jobs are waiting");
  EXPECT_EQ(worker_->History().size(), kQueueMax + 1);
}

TEST_F(WorkerTest, AFailedStoreGivesTheReservationBack) {
  Start();
  for (const FileOperation operation :
       {FileOperation::kCreate, FileOperation::kAppend, FileOperation::kSync,
        FileOperation::kRename, FileOperation::kSyncDirectory}) {
    FailWhere(operation, "jobs");
    const std::string id = Reserve();
    const Status status = worker_->Confirm(id);
    EXPECT_EQ(status.code(), Code::kResourceExhausted);
    EXPECT_TRUE(status.message().starts_with("store the request for a backup of cluster prod: "))
        << status.message();
    EXPECT_FALSE(worker_->Find(id));
    EXPECT_TRUE(disk_.List(kJobs)->empty()) << "operation " << static_cast<int>(operation);
  }
  files_.FailNever();
  Restart();
  EXPECT_TRUE(worker_->History().empty());
  EXPECT_TRUE(cluster_.asked().empty());
  EXPECT_EQ(Await(Request()).state, JobState::kSucceeded);
}

TEST_F(WorkerTest, ConfirmsNothingThatWasNotReserved) {
  Start();
  EXPECT_EQ(worker_->Confirm(IdOfBackup(1)).code(), Code::kNotFound);
}

TEST_F(WorkerTest, TheNextBackupComesOverTheNewConnections) {
  HangStreams();
  Start();
  const std::string running = Request();
  const std::string next = Request(AlertTrigger("f2"));
  cluster_.WaitUntilHanging();
  FakeCluster other;
  worker_->Use({.cluster = Borrow(other)});
  EXPECT_EQ(worker_->Find(running)->state, JobState::kRunning);
  cluster_.Resume();
  EXPECT_EQ(Await(running).state, JobState::kSucceeded);
  EXPECT_EQ(Await(next).state, JobState::kSucceeded);
  EXPECT_EQ(cluster_.asked().size(), 1U);
  EXPECT_EQ(other.asked().size(), 1U);
  worker_.reset();
}

TEST_F(WorkerTest, ANewTryComesOverTheNewConnections) {
  etcd::ClusterView outage = testing::MakeView();
  for (etcd::EndpointView& endpoint : outage.endpoints) testing::FailStatus(endpoint);
  cluster_.SetView(outage);
  FakeCluster other;
  auto worker = Worker::Open("prod", kDirectory, {.cluster = Borrow(cluster_)},
                             {files_, clock_, log_, instruments_, Milliseconds(1)});
  ASSERT_TRUE(worker.ok());
  worker_ = *std::move(worker);
  worker_->Start({});
  const std::string job = Request();
  while (!log_.Contains("trying again")) std::this_thread::yield();
  worker_->Use({.cluster = Borrow(other)});
  while (!worker_->Find(job)->ended()) {
    clock_.Advance(Milliseconds(1));
    std::this_thread::yield();
  }
  EXPECT_EQ(Await(job).state, JobState::kSucceeded);
  worker_.reset();
}

TEST_F(WorkerTest, ARetiredWorkerLeavesItsJobsToTheNext) {
  HangStreams();
  Start();
  const std::string running = Request();
  const std::string queued = Request(AlertTrigger("f2"));
  const std::string reserved = Reserve(AlertTrigger("f3"));
  cluster_.WaitUntilHanging();
  worker_->Retire();
  EXPECT_EQ(worker_->Reserve({.trigger = AlertTrigger("f4")}).status().code(), Code::kUnavailable);
  EXPECT_EQ(worker_->Confirm(reserved).code(), Code::kUnavailable);
  EXPECT_EQ(worker_->Find(reserved), std::nullopt);
  EXPECT_EQ(Backups(), 0U);
  cluster_.Resume();
  Restart();
  EXPECT_EQ(Await(running).state, JobState::kSucceeded);
  EXPECT_EQ(Await(queued).state, JobState::kSucceeded);
  EXPECT_EQ(worker_->History().size(), 2U);
}

TEST_F(WorkerTest, AJobThatIsStoredWhileTheWorkerRetiresIsRefused) {
  Start();
  const std::string id = Reserve();
  files_.FailWhere([&](FileOperation operation, const Files::Path&) {
    // The last step of storing it; the worker's thread, which waits for work, ends here.
    if (operation == FileOperation::kSyncDirectory) worker_->Retire();
    return false;
  });
  EXPECT_EQ(worker_->Confirm(id).code(), Code::kUnavailable);
  files_.FailNever();
  EXPECT_EQ(worker_->Find(id), std::nullopt);
  EXPECT_TRUE(disk_.List(kJobs)->empty()) << "the next worker must not run it";
}

}  // namespace
}  // namespace warden::backup
