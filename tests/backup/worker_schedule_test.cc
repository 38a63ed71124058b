// What the worker does by its schedules, on a clock that moves when told to.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exporter/backup/render.h"
#include "tests/backup/worker_fixture.h"

namespace warden::backup {
namespace {

constexpr std::chrono::hours kHour{1};

config::ScheduleConfig Hourly(const std::string& name = "hourly") {
  return {.name = name, .every = kHour};
}

config::ScheduleConfig AtCron(const std::string& expression) {
  return {.name = expression, .cron = *config::Cron::Parse(expression)};
}

// The clock starts at 10:15:00.
class ScheduleTest : public WorkerTest {
 protected:
  // The jobs once there are so many and all have ended, oldest first.
  std::vector<Job> AwaitJobs(std::size_t count) {
    while (worker_->History().size() < count) std::this_thread::yield();
    for (const Job& job : worker_->History()) Await(job.id);
    return worker_->History();
  }
  // "10:00 11:00", as far as the jobs are of schedules.
  std::string Ticks() const {
    std::vector<std::string> ticks;
    for (const Job& job : worker_->History()) {
      if (!job.trigger.tick.empty()) ticks.push_back(job.trigger.tick.substr(11, 5));
    }
    return Join(ticks, " ");
  }
  std::string NextRun() const {
    const std::optional<WallTime> next = worker_->NextRun();
    return next ? FormatTime(*next).substr(11, 8) : "never";
  }
  bool Skipped(int runs) const {
    return PageHas("backup_runs_skipped_total{etcd_cluster=\"prod\"} " + std::to_string(runs));
  }
  void Schedule(const config::ScheduleConfig& schedule) {
    settings_.config.schedules.push_back(schedule);
  }
};

TEST_F(ScheduleTest, EveryRunsAtOnceAndThenOnItsTicks) {
  Schedule(Hourly());
  Start();
  const Job job = AwaitJobs(1).at(0);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(job.trigger.kind, metrics::Trigger::kSchedule);
  EXPECT_EQ(job.trigger.schedule, "hourly");
  EXPECT_EQ(job.trigger.tick, "2026-11-23T10:00:00.000Z");
  EXPECT_EQ(job.order.backup_class, "scheduled");
  EXPECT_EQ(worker_->List()->backups.at(0).backup_class, "scheduled");
  EXPECT_EQ(worker_->List()->backups.at(0).trigger, job.trigger);
  EXPECT_EQ(NextRun(), "11:00:00");
  clock_.Advance(std::chrono::minutes(45));
  AwaitJobs(2);
  clock_.Advance(kHour);
  AwaitJobs(3);
  EXPECT_EQ(Ticks(), "10:00 11:00 12:00");
  EXPECT_TRUE(PageHas(R"(backup_attempts_total{etcd_cluster="prod",trigger="schedule"} 3)"));
  EXPECT_TRUE(Skipped(0));
}

TEST_F(ScheduleTest, CronWaitsForItsFirstTick) {
  Schedule(AtCron("30 10 * * *"));
  Start();
  while (!disk_.Stat(kDirectory / kSchedulesName).ok()) std::this_thread::yield();
  EXPECT_EQ(NextRun(), "10:30:00");
  EXPECT_TRUE(worker_->History().empty());
  clock_.Advance(std::chrono::minutes(15));
  AwaitJobs(1);
  EXPECT_EQ(Ticks(), "10:30");
}

TEST_F(ScheduleTest, EachScheduleHasItsOwnClassAndName) {
  config::ScheduleConfig other = Hourly("other");
  other.backup_class = "gold";
  Schedule(Hourly());
  Schedule(other);
  Start();
  const std::vector<Job> jobs = AwaitJobs(2);
  std::vector<std::string> classes;
  const Listing listing = *worker_->List();
  for (const Manifest& backup : listing.backups) classes.push_back(backup.backup_class);
  std::ranges::sort(classes);
  EXPECT_EQ(classes, (std::vector<std::string>{"gold", "scheduled"}));
  EXPECT_NE(jobs[0].trigger.schedule, jobs[1].trigger.schedule);
}

TEST_F(ScheduleTest, CatchesUpOnceAfterADowntimeAndCountsTheRest) {
  Schedule(Hourly());
  Start();
  AwaitJobs(1);
  worker_.reset();
  clock_.Advance(5 * kHour);
  Start();
  AwaitJobs(2);
  EXPECT_EQ(Ticks(), "10:00 15:00");
  EXPECT_TRUE(Skipped(4));
  Restart();
  EXPECT_EQ(NextRun(), "16:00:00") << "and that is remembered";
}

TEST_F(ScheduleTest, NeverQueuesTwoRunsOfOneSchedule) {
  Schedule(Hourly());
  HangStreams();
  Start();
  cluster_.WaitUntilHanging();
  for (int hours = 1; hours <= 2; ++hours) {
    clock_.Advance(kHour);
    while (!Skipped(hours)) std::this_thread::yield();
  }
  EXPECT_EQ(Ticks(), "10:00") << "that one still runs";
  cluster_.Resume();
  AwaitJobs(1);
  EXPECT_EQ(NextRun(), "13:00:00");
  clock_.Advance(kHour);
  AwaitJobs(2);
  EXPECT_EQ(Ticks(), "10:00 13:00");
}

TEST_F(ScheduleTest, RemembersItsTicksWhicheverFileIsLost) {
  Schedule(Hourly());
  Start();
  const std::string first = AwaitJobs(1).at(0).id;
  worker_.reset();
  const Files::Path file = kDirectory / kSchedulesName;
  const std::string kept = *disk_.ReadAll(file, 1 << 16);
  const auto start_without = [&](const std::string& what) {
    SCOPED_TRACE(what);
    Start();
    EXPECT_EQ(NextRun(), "11:00:00");
    worker_.reset();
  };
  start_without("anything lost");
  ASSERT_TRUE(disk_.Remove(file).ok());
  start_without("schedules.json");
  EXPECT_FALSE(log_.Contains("cannot read when the schedules last ran"));
  ASSERT_TRUE(WriteAtomically(disk_, file, "{\"schedules\": 7}").ok());
  start_without("a readable schedules.json");
  EXPECT_TRUE(log_.Contains("cannot read when the schedules last ran"));
  ASSERT_TRUE(WriteAtomically(disk_, file, kept).ok());
  ASSERT_TRUE(disk_.Remove(kJobs / (first + ".json")).ok());
  start_without("the job");
  clock_.Advance(kHour);
  Start();
  AwaitJobs(1);
  EXPECT_EQ(Ticks(), "11:00");
  EXPECT_EQ(cluster_.asked().size(), 2U);
}

TEST_F(ScheduleTest, SkipsWhatHasNotChangedSinceTheNewestBackup) {
  config::ScheduleConfig schedule = Hourly();
  schedule.skip_if_unchanged = true;
  Schedule(schedule);
  Start();
  const Job taken = AwaitJobs(1).at(0);
  ASSERT_EQ(taken.state, JobState::kSucceeded) << taken.error;
  clock_.Advance(kHour);
  const Job skipped = AwaitJobs(2).at(1);
  EXPECT_EQ(skipped.state, JobState::kSkipped);
  EXPECT_EQ(skipped.backup_ids, taken.backup_ids);
  EXPECT_EQ(skipped.error, "nothing has changed since backup " + taken.backup_ids.at(0));
  EXPECT_EQ(cluster_.asked().size(), 1U);
  // Proven to be as good as new: its age counts from now.
  metrics::Page page;
  Render(page, {.cluster = "prod",
                .listing = *worker_->List(),
                .jobs = worker_->History(),
                .now = clock_.Now() + Seconds(5)});
  EXPECT_NE(page.Text().find("backup_age_seconds{etcd_cluster=\"prod\"} 5\n"), std::string::npos)
      << page.Text();
  Restart();
  EXPECT_EQ(worker_->History().at(1).state, JobState::kSkipped) << "stored as well";

  etcd::ClusterView view = testing::MakeView();
  view.endpoints[0].status.value->raft_index += 1;
  cluster_.SetView(view);
  clock_.Advance(kHour);
  EXPECT_EQ(AwaitJobs(3).at(2).state, JobState::kSucceeded) << "users have no revision";
  view.endpoints[0].status.value->revision += 1;
  cluster_.SetView(view);
  clock_.Advance(kHour);
  EXPECT_EQ(AwaitJobs(4).at(3).state, JobState::kSucceeded);
}

TEST_F(ScheduleTest, TakesABackupWhereNobodySaysThatNothingChanged) {
  config::ScheduleConfig schedule = Hourly();
  schedule.skip_if_unchanged = true;
  Schedule(schedule);
  Start();
  AwaitJobs(1);
  etcd::ClusterView outage = testing::MakeView();
  for (etcd::EndpointView& endpoint : outage.endpoints) testing::FailStatus(endpoint);
  cluster_.SetView(outage);
  clock_.Advance(kHour);
  EXPECT_EQ(AwaitJobs(2).at(1).state, JobState::kFailed);
}

TEST_F(ScheduleTest, GoesOnFromNowWhereTheClockWasSetBack) {
  Schedule(Hourly());
  Start();
  AwaitJobs(1);
  clock_.StepWall(-2 * kHour);
  EXPECT_EQ(NextRun(), "09:00:00");
  // Once the worker itself has seen it.
  const auto stored = [this] { return *disk_.ReadAll(kDirectory / kSchedulesName, 1 << 16); };
  while (stored().find("T08:15:00") == std::string::npos) std::this_thread::yield();
  clock_.Advance(std::chrono::minutes(45));
  AwaitJobs(2);
  clock_.Advance(kHour);
  AwaitJobs(3);
  EXPECT_EQ(worker_->History().size(), 3U);
  Restart();
  EXPECT_EQ(NextRun(), "11:00:00");
}

TEST_F(ScheduleTest, RunsOnceWhereTheClockWasSetForward) {
  Schedule(Hourly());
  Start();
  AwaitJobs(1);
  clock_.StepWall(100 * kHour);
  AwaitJobs(2);
  EXPECT_TRUE(Skipped(99));
  Restart();
  EXPECT_EQ(worker_->History().size(), 2U);
  EXPECT_EQ(NextRun(), "15:00:00") << "four days later";
}

TEST_F(ScheduleTest, AReloadBringsSchedulesAndTakesThem) {
  Start();
  EXPECT_EQ(NextRun(), "never");
  Schedule(Hourly());
  worker_->Use(settings_);
  AwaitJobs(1);
  EXPECT_EQ(NextRun(), "11:00:00");
  settings_.config.schedules.clear();
  worker_->Use(settings_);
  EXPECT_EQ(NextRun(), "never");
}

TEST_F(ScheduleTest, WhatCannotBeStoredIsTriedAgainAndToldOnce) {
  Schedule(Hourly());
  FailWhere(FileOperation::kCreate, "/jobs/");
  Start();
  while (!log_.Contains("cannot queue the run of a schedule")) std::this_thread::yield();
  files_.FailNever();
  AwaitJobs(1);
  EXPECT_EQ(Ticks(), "10:00");
}

}  // namespace
}  // namespace warden::backup
