// What becomes of jobs when the process ends, and of those that it finds at its start.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/backup/worker_fixture.h"

namespace warden::backup {
namespace {

TEST_F(WorkerTest, EndsPromptlyInTheMiddleOfASnapshotAndRunsItOnceAfterwards) {
  HangStreams();
  Start();
  const std::string id = Request();
  cluster_.WaitUntilHanging();
  worker_.reset();
  EXPECT_EQ(Backups(), 0U);
  EXPECT_EQ(disk_.List(kDirectory)->size(), 4U) << "no partial stays";
  EXPECT_TRUE(PageHas(R"(backup_failures_total{etcd_cluster="prod",stage="stream"} 0)"))
      << "a shutdown is no failure";
  cluster_.Resume();
  Start();
  EXPECT_EQ(Await(id).state, JobState::kSucceeded);
  EXPECT_EQ(Backups(), 1U);
  Restart();
  EXPECT_EQ(worker_->QueueDepth(), 0U);
  EXPECT_EQ(worker_->History().size(), 1U);
  EXPECT_EQ(cluster_.asked().size(), 2U) << "once before and once after";
}

TEST_F(WorkerTest, TakesUpWhatWasQueuedInOrder) {
  HangStreams();
  Start();
  const std::string first = Request();
  cluster_.WaitUntilHanging();
  clock_.Advance(Seconds(1));
  const std::string second = Request(AlertTrigger("f2"));
  cluster_.Resume();
  Restart();
  EXPECT_EQ(Await(second).state, JobState::kSucceeded);
  EXPECT_EQ(Await(first).state, JobState::kSucceeded);
  ASSERT_EQ(worker_->History().size(), 2U);
  EXPECT_EQ(worker_->History()[0].id, first);
}

// The backup is in the catalogue, but the job's end could not be stored.
TEST_F(WorkerTest, DoesNotRunAJobWhoseBackupIsThere) {
  Start();
  const std::string id = Request();
  const Job done = Await(id);
  worker_.reset();
  for (const JobState state : {JobState::kRunning, JobState::kQueued}) {
    Job undone = done;
    undone.state = state;
    undone.backup_ids.clear();
    undone.finished.reset();
    ASSERT_TRUE(JobStore::Open(disk_, kJobs)->Save(undone).ok());
    Start();
    const std::optional<Job> job = worker_->Find(id);
    ASSERT_TRUE(job);
    EXPECT_EQ(job->state, JobState::kSucceeded) << JobStateName(state);
    EXPECT_EQ(job->backup_ids, done.backup_ids);
    EXPECT_TRUE(job->finished);
    EXPECT_EQ(Await(id).state, JobState::kSucceeded) << "stored as well";
    worker_.reset();
  }
  EXPECT_EQ(cluster_.asked().size(), 1U);
  EXPECT_EQ(Backups(), 1U);
}

// The same of a backup that the voters contradicted: its job has failed.
TEST_F(WorkerTest, AJobWhoseBackupIsInQuarantineHasFailed) {
  SayHash(testing::HashOfEtcdDatabase() + 1);
  Start();
  const Job done = Await(Request());
  ASSERT_EQ(done.state, JobState::kFailed);
  Restart();
  EXPECT_EQ(worker_->Find(done.id)->backup_ids, done.backup_ids) << "stored with the job";
  worker_.reset();
  Job undone = done;
  undone.state = JobState::kRunning;
  undone.backup_ids.clear();
  undone.stage = undone.error = "";
  undone.finished.reset();
  ASSERT_TRUE(JobStore::Open(disk_, kJobs)->Save(undone).ok());
  Start();
  const Job job = Await(done.id);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.stage, "verify");
  EXPECT_EQ(job.backup_ids, done.backup_ids);
  EXPECT_NE(job.error.find("is quarantined"), std::string::npos) << job.error;
  EXPECT_EQ(cluster_.asked().size(), 3U) << "the first time";
}

TEST_F(WorkerTest, TheBackupDoesNotDependOnStoringTheJob) {
  Start();
  const std::string id = Reserve();
  std::size_t saves = 0;
  files_.FailWhere([&](FileOperation o, const Files::Path& path) {
    return o == FileOperation::kCreate && path.parent_path() == kJobs && ++saves > 1;
  });
  ASSERT_TRUE(worker_->Confirm(id).ok());
  while (!worker_->Find(id)->ended()) std::this_thread::yield();
  EXPECT_EQ(worker_->Find(id)->state, JobState::kSucceeded);
  while (!log_.Contains("cannot store the state of a job")) std::this_thread::yield();
  EXPECT_EQ(Backups(), 1U);
  worker_.reset();
  files_.FailNever();
  Start();
  EXPECT_EQ(Await(id).state, JobState::kSucceeded);
  EXPECT_EQ(cluster_.asked().size(), 1U);
}

TEST_F(WorkerTest, KeepsABoundedHistory) {
  ASSERT_TRUE(disk_.MakeDirectories(kDirectory).ok());
  const Result<JobStore> store = JobStore::Open(disk_, kJobs);
  for (int n = 0; n < static_cast<int>(kJobsKept); ++n) {
    // Older than the clock.
    const Job job{.id = MakeId(kNow - Seconds(5000 - n), 0),
                  .cluster = "prod",
                  .state = JobState::kFailed,
                  .trigger = AlertTrigger("old")};
    ASSERT_TRUE(store->Save(job).ok());
  }
  Start();
  ASSERT_EQ(worker_->History().size(), kJobsKept);
  const std::string oldest = worker_->History()[0].id;
  const std::string id = Request();
  EXPECT_EQ(Await(id).state, JobState::kSucceeded);
  while (worker_->Find(oldest)) std::this_thread::yield();
  worker_.reset();
  EXPECT_EQ(disk_.List(kJobs)->size(), kJobsKept);
  Start();
  EXPECT_EQ(worker_->History().size(), kJobsKept);
  EXPECT_EQ(worker_->History().back().id, id);
}

TEST_F(WorkerTest, StartFailsWhereAnotherWriterIs) {
  Start();
  const auto second = Worker::Open("prod", kDirectory, {.cluster = Borrow(cluster_)},
                                   {files_, clock_, log_, instruments_});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kFailedPrecondition);
}

TEST_F(WorkerTest, StartFailsWhereItCannotWrite) {
  for (const FileOperation operation :
       {FileOperation::kMakeDirectories, FileOperation::kLock, FileOperation::kList,
        FileOperation::kCreate, FileOperation::kSyncDirectory}) {
    FailWhere(operation, "/backups");
    const auto worker = Worker::Open("prod", kDirectory, {.cluster = Borrow(cluster_)},
                                     {files_, clock_, log_, instruments_});
    EXPECT_FALSE(worker.ok()) << static_cast<int>(operation);
  }
}

// As crash_test.cc, but through the worker, whose jobs must come out right as well.
TEST_F(WorkerTest, NoFailingOperationLosesOrRepeatsAJob) {
  for (int n = 1;; ++n) {
    const std::string when = "operation " + std::to_string(n);
    Start();
    const std::string id = Reserve();
    files_.FailNth(n);
    const bool confirmed = worker_->Confirm(id).ok();
    while (confirmed && !worker_->Find(id)->ended()) std::this_thread::yield();
    const bool succeeded = confirmed && worker_->Find(id)->state == JobState::kSucceeded;
    worker_.reset();
    const bool failed = files_.failed();
    files_.FailNever();
    EXPECT_EQ(Backups(), succeeded ? 1U : 0U) << when;
    // A failure that could not be stored is a job to run; a success never is.
    Start();
    ASSERT_EQ(worker_->Find(id).has_value(), confirmed) << when;
    if (confirmed) {
      EXPECT_EQ(Backups(), Await(id).state == JobState::kSucceeded ? 1U : 0U) << when;
    }
    if (!failed) {
      EXPECT_GT(n, 20) << "a job takes more operations than this";
      return;
    }
    worker_.reset();
    RemoveEverything();
  }
}

}  // namespace
}  // namespace warden::backup
