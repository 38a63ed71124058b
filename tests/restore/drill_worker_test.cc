// When a cluster's drills run, what stands in their way, and what a restart remembers.
#include "exporter/restore/drill_worker.h"

#include "tests/restore/drill_worker_fixture.h"

namespace warden::restore {
namespace {

TEST_F(DrillWorkerTest, DrillsAtOnceAndThenAtEveryTime) {
  StoreBackup();
  backup_.drill->probe = {"check"};
  Start();
  AwaitLine("drill succeeded");
  LetItLook();
  ASSERT_EQ(drills_.count(), 1U) << "10:15 belongs to the hour of 10:00";
  const DrillRequest request = drills_.requests().front();
  EXPECT_EQ(request.cluster, "prod");
  EXPECT_EQ(request.backup, backup_);
  EXPECT_EQ(request.drill, *backup_.drill);
  EXPECT_EQ(request.trigger, metrics::Trigger::kSchedule);
  EXPECT_EQ(request.backup_id, "");
  EXPECT_EQ(worker_->NextRun(), backup::kNow + std::chrono::minutes(45));
  clock_.Advance(std::chrono::minutes(45));
  AwaitDrills(2);
}

TEST_F(DrillWorkerTest, AnExpressionWaitsForItsTime) {
  StoreBackup();
  Cron("30 * * * *");
  Start();
  LetItLook();
  EXPECT_EQ(drills_.count(), 0U);
  EXPECT_EQ(worker_->NextRun(), backup::kNow + std::chrono::minutes(15));
  clock_.Advance(std::chrono::minutes(15));
  AwaitDrills(1);
}

TEST_F(DrillWorkerTest, WithoutAScheduleItDoesNothing) {
  StoreBackup();
  backup_.drill->schedule.reset();
  Start();
  LetItLook();
  EXPECT_EQ(drills_.count(), 0U);
  EXPECT_EQ(worker_->NextRun(), std::nullopt);
  EXPECT_EQ(worker_->Interval(), std::nullopt);
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(DrillWorkerTest, TellsTheTimeBetweenTwoDrills) {
  EXPECT_EQ(Make()->Interval(), Seconds(3600));
  Cron("0 4 * * 0");
  EXPECT_EQ(Make()->Interval(), Seconds(7L * 24 * 3600));
  Cron("0 0 29 2 *");
  EXPECT_EQ(Make()->Interval(), Seconds((4L * 365 + 1) * 24 * 3600));
}

TEST_F(DrillWorkerTest, WaitsForAVerifiedBackup) {
  StoreBackup(1, "drill: damaged");
  Start();
  AwaitLine("a drill is due and waits for a verified backup");
  LetItLook();
  EXPECT_EQ(drills_.count(), 0U);
  EXPECT_LE(*worker_->NextRun(), clock_.Now());
  EXPECT_EQ(log_.lines().size(), 2U) << "said once, after the greeting";
  StoreBackup(2);
  AwaitDrills(1);
}

TEST_F(DrillWorkerTest, OneDrillAtATimeOverAllClusters) {
  StoreBackup();
  DrillTurn::Permit other = turn_.TryTake();
  ASSERT_TRUE(other);
  Start();
  LetItLook();
  EXPECT_EQ(drills_.count(), 0U);
  EXPECT_FALSE(turn_.TryTake()) << "still the other one's";
  other.reset();
  AwaitLine("drill succeeded");
  while (!turn_.TryTake()) std::this_thread::yield();
}

TEST_F(DrillWorkerTest, WaitsWhileTheCommandLineDrills) {
  StoreBackup();
  const DrillStore store(disk_, kDirectory);
  auto lock = store.Lock();
  ASSERT_TRUE(lock.ok());
  Start();
  LetItLook();
  EXPECT_EQ(drills_.count(), 0U);
  EXPECT_FALSE(log_.Contains("cannot drill")) << log_.lines().back();
  lock->reset();
  AwaitDrills(1);
}

TEST_F(DrillWorkerTest, IsStillDueIfTheCommandLineWasFaster) {
  StoreBackup();
  drills_.Answer(Status(Code::kFailedPrecondition, "another drill of this cluster is running"));
  Start();
  AwaitDrills(3);
  EXPECT_FALSE(log_.Contains("cannot drill"));
  drills_.Answer(DrillReceipt{.succeeded = true});
  AwaitLine("drill succeeded");
}

TEST_F(DrillWorkerTest, ADrillThatCannotBeginIsTriedAgainAfterAPause) {
  StoreBackup();
  drills_.Answer(Status(Code::kResourceExhausted, "no space for receipts"));
  Start();
  AwaitDrills(2);
  AwaitLine("cannot drill");
  EXPECT_TRUE(log_.Contains("no space for receipts"));
}

TEST_F(DrillWorkerTest, RunsNoneThatItCouldNotRemember) {
  StoreBackup();
  files_.FailWhere([](testing::FileOperation operation, const Files::Path& path) {
    return operation == testing::FileOperation::kRename && path.filename() == "schedule.json";
  });
  Start();
  AwaitLine("cannot drill");
  EXPECT_EQ(drills_.count(), 0U);
  files_.FailNever();
  AwaitDrills(1);
}

TEST_F(DrillWorkerTest, SaysHowADrillFailed) {
  StoreBackup();
  drills_.Answer(DrillReceipt{.id = "D",
                              .backup_id = "B",
                              .destination = "s3",
                              .failed_step = "hash",
                              .error = "1 is not 2",
                              .damaged = true});
  Start();
  AwaitLine(
      "level=error msg=\"drill failed\" etcd_cluster=prod drill=D backup=B source=\"copy s3\" "
      "step=hash damaged=true error=\"1 is not 2\"");
  LetItLook();
  EXPECT_EQ(drills_.count(), 1U) << "a failure is a result";
}

TEST_F(DrillWorkerTest, ARestartDrillsNotAgain) {
  StoreBackup();
  Start();
  AwaitLine("drill succeeded");
  Restart();
  LetItLook();
  EXPECT_EQ(drills_.count(), 1U);
  clock_.Advance(std::chrono::hours(5));
  AwaitDrills(2);
  LetItLook();
  EXPECT_EQ(drills_.count(), 2U) << "one catches up for all that were missed";
}

TEST_F(DrillWorkerTest, ADrillThatKilledTheProcessIsNotTriedAgain) {
  StoreBackup();
  drills_.Hang();
  Start();
  AwaitDrills(1);
  // What is on disk now is what the next process finds.
  const auto state = disk_.ReadAll(kDirectory / "drills/schedule.json", 1 << 16);
  ASSERT_TRUE(state.ok());
  EXPECT_NE(state->find("2026-11-23T10:00:00.000Z"), std::string::npos) << *state;
}

TEST_F(DrillWorkerTest, ADrillThatIsStoppedIsStillToCome) {
  StoreBackup();
  drills_.Hang();
  Start();
  AwaitDrills(1);
  while (!worker_->running()) std::this_thread::yield();
  stop_.request_stop();
  worker_->Stop();
  EXPECT_FALSE(worker_->running());
  EXPECT_FALSE(log_.Contains("drill failed"));
  EXPECT_FALSE(log_.Contains("cannot drill"));
  EXPECT_TRUE(turn_.TryTake());
  stop_ = {};
  Restart();
  AwaitDrills(2);
}

TEST_F(DrillWorkerTest, EndsWithItsDrillInFlight) {
  StoreBackup();
  drills_.Hang();
  Start();
  AwaitDrills(1);
  worker_.reset();
  EXPECT_EQ(drills_.count(), 1U);
}

TEST_F(DrillWorkerTest, ABadStateFileIsNoReasonNotToDrill) {
  StoreBackup();
  ASSERT_TRUE(disk_.MakeDirectories(kDirectory / "drills").ok());
  ASSERT_TRUE(backup::WriteSynced(disk_, kDirectory / "drills/schedule.json", "{").ok());
  Start();
  AwaitDrills(1);
  EXPECT_TRUE(log_.Contains("cannot read when the schedules last ran"));
}

TEST_F(DrillWorkerTest, SaysWhichEtcdsThereAre) {
  programs_.complaints = {"/opt/etcd: not installed"};
  Start();
  AwaitLine("level=info msg=\"drills are scheduled\" etcd_cluster=prod");
  EXPECT_TRUE(log_.Contains("etcd_versions=3.5.16"));
  AwaitLine("level=warn msg=\"not every etcd for drills can be used\" etcd_cluster=prod");
  EXPECT_TRUE(log_.Contains("/opt/etcd: not installed"));
}

TEST_F(DrillWorkerTest, SaysThatThereIsNoEtcdAndDrillsAllTheSame) {
  StoreBackup();
  programs_ = {.found = {}, .complaints = {"etcd: not installed"}};
  Start();
  AwaitLine("level=info msg=\"there is no etcd to start in drills");
  EXPECT_TRUE(log_.Contains("etcd: not installed"));
  AwaitDrills(1);
}

TEST_F(DrillWorkerTest, ServesWhatItWasMadeFor) {
  const auto worker = Make();
  EXPECT_TRUE(worker->Serves("prod", backup_));
  EXPECT_FALSE(worker->Serves("test", backup_));
  backup_.drill->timeout = Seconds(1);
  EXPECT_FALSE(worker->Serves("prod", backup_));
}

}  // namespace
}  // namespace warden::restore
