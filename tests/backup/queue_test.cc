// The queue by itself; worker_test.cc shows it at work.
#include "exporter/backup/queue.h"

#include <gtest/gtest.h>

#include "tests/backup/backups.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"

namespace warden::backup {
namespace {

const Files::Path kJobs = "/backups/jobs";

class QueueTest : public ::testing::Test {
 protected:
  std::unique_ptr<JobQueue> Open(const Listing& listing = {}) {
    Result<JobStore> store = JobStore::Open(files_, kJobs);
    EXPECT_TRUE(store.ok());
    auto queue = std::make_unique<JobQueue>("prod", *std::move(store), clock_, log_);
    EXPECT_TRUE(queue->TakeUp(listing).ok());
    return queue;
  }
  static JobRequest Ask(const std::string& backup_class) {
    return {.trigger = {}, .order = {.backup_class = backup_class}};
  }

  testing::MemoryFiles disk_;
  testing::FaultyFiles files_{disk_};
  testing::FakeClock clock_;
  testing::RecordingLogger log_;
};

TEST_F(QueueTest, EnqueuesAJobOfAnIdOnce) {
  const auto queue = Open();
  const std::string id = IdOfBackup(1);
  ASSERT_TRUE(queue->Enqueue(id, Ask("first")).ok());
  ASSERT_TRUE(queue->Enqueue(id, Ask("second")).ok());
  ASSERT_EQ(queue->History().size(), 1U);
  EXPECT_EQ(queue->Find(id)->order.backup_class, "first");
  Job job = *queue->Next();
  job.state = JobState::kSucceeded;
  queue->Update(job);
  ASSERT_TRUE(queue->Enqueue(id, Ask("third")).ok());
  EXPECT_EQ(queue->Depth(), 0U) << "nor when it has ended";
  EXPECT_EQ(Open()->Find(id)->state, JobState::kSucceeded) << "nor after a restart";
}

TEST_F(QueueTest, RefusesOneMoreThanItHolds) {
  const auto queue = Open();
  for (int n = 0; n < static_cast<int>(kQueueMax); ++n) {
    ASSERT_TRUE(queue->Enqueue(IdOfBackup(n), {}).ok());
  }
  const std::string more = IdOfBackup(100);
  EXPECT_EQ(queue->Enqueue(more, {}).code(), Code::kResourceExhausted);
  EXPECT_EQ(queue->Reserve({}).status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(queue->Enqueue(IdOfBackup(0), {}).ok()) << "one that is known takes no place";
  EXPECT_FALSE(disk_.Stat(kJobs / (more + ".json")).ok());
  Job job = *queue->Next();
  EXPECT_EQ(job.id, IdOfBackup(0)) << "the first first";
  job.state = JobState::kRunning;
  queue->Update(job);
  EXPECT_TRUE(queue->Enqueue(more, {}).ok()) << "the one that runs does not wait";
}

TEST_F(QueueTest, RefusesEverythingOnceItIsClosed) {
  const auto queue = Open();
  ASSERT_TRUE(queue->Enqueue(IdOfBackup(1), {}).ok());
  const Result<std::string> reserved = queue->Reserve({});
  ASSERT_TRUE(reserved.ok());
  queue->Close();
  EXPECT_EQ(queue->Enqueue(IdOfBackup(2), {}).code(), Code::kUnavailable);
  EXPECT_EQ(queue->Reserve({}).status().code(), Code::kUnavailable);
  EXPECT_EQ(queue->Confirm(*reserved).code(), Code::kUnavailable);
  EXPECT_EQ(Open()->History().size(), 1U) << "what was stored stays";
}

TEST_F(QueueTest, WhatCannotBeStoredIsNotQueued) {
  const auto queue = Open();
  files_.FailWhere([](testing::FileOperation operation, const Files::Path&) {
    return operation == testing::FileOperation::kSync;
  });
  const std::string id = IdOfBackup(1);
  EXPECT_FALSE(queue->Enqueue(id, {}).ok());
  EXPECT_EQ(queue->Depth(), 0U);
  files_.FailNever();
  EXPECT_TRUE(queue->Enqueue(id, {}).ok()) << "and may be asked for again";
  EXPECT_EQ(queue->Next()->id, id);
}

TEST_F(QueueTest, TakesUpAJobOfEveryMemberAgainWhateverIsThere) {
  const std::string one = IdOfBackup(1);
  const std::string all = IdOfBackup(2);
  {
    const auto queue = Open();
    ASSERT_TRUE(queue->Enqueue(one, {}).ok());
    ASSERT_TRUE(
        queue->Enqueue(all, {.order = {.action = config::RuleAction::kSnapshotAllMembers}}).ok());
  }
  Listing listing;
  for (const std::string& job : {one, all}) {
    listing.backups.push_back(MakeManifest(IdOfBackup(50), SnapshotFile()));
    listing.backups.back().job_id = job;
  }
  const auto queue = Open(listing);
  EXPECT_EQ(queue->Find(one)->state, JobState::kSucceeded);
  EXPECT_EQ(queue->Find(one)->backup_ids, std::vector{IdOfBackup(50)});
  EXPECT_EQ(queue->Find(all)->state, JobState::kQueued);
}

}  // namespace
}  // namespace warden::backup
