// Jobs that the command line leaves in the directory of a daemon that runs.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/backup/worker_fixture.h"

namespace warden::backup {
namespace {

const Files::Path kRequests = kDirectory / kRequestsName;

class RequestsTest : public WorkerTest {
 protected:
  std::string Drop(int n, const Order& order = {}) {
    const Job job{.id = IdOfBackup(n), .cluster = "prod", .order = order, .created = kNow};
    EXPECT_TRUE(JobStore::Open(disk_, kRequests)->Save(job).ok());
    return job.id;
  }
  Job AwaitRequest(const std::string& id) {
    while (!worker_->Find(id)) std::this_thread::yield();
    return Await(id);
  }
  // Returns when the worker has looked for requests so many more times.
  void AwaitLooks(int looks) {
    std::atomic<int> count = 0;
    files_.FailWhere([&](FileOperation operation, const Files::Path& path) {
      if (operation == FileOperation::kList && path == kRequests) ++count;
      return false;
    });
    while (count < looks) std::this_thread::yield();
    files_.FailNever();
  }
  std::size_t Lines(const std::string& text) const {
    const std::vector<std::string> lines = log_.lines();
    return static_cast<std::size_t>(std::ranges::count_if(
        lines, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }
};

TEST_F(RequestsTest, AreCarriedOutOnce) {
  Start();
  const std::string id = Drop(1, {.backup_class = "audit", .hold = Seconds(60)});
  const Job job = AwaitRequest(id);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(job.trigger.kind, metrics::Trigger::kManual);
  const Manifest manifest = worker_->List()->backups.at(0);
  EXPECT_EQ(manifest.backup_class, "audit");
  EXPECT_EQ(manifest.holds.at(0).by, "manual");
  EXPECT_TRUE(disk_.List(kRequests)->empty());
  // Left there by a crash between the two files.
  worker_.reset();
  Drop(1);
  Start();
  AwaitLooks(3);
  EXPECT_TRUE(disk_.List(kRequests)->empty());
  EXPECT_EQ(worker_->History().size(), 1U);
  EXPECT_EQ(cluster_.asked().size(), 1U);
}

TEST_F(RequestsTest, WaitForTheNextStart) {
  ASSERT_TRUE(disk_.MakeDirectories(kDirectory).ok());
  const std::string id = Drop(1);
  Start();
  EXPECT_EQ(AwaitRequest(id).state, JobState::kSucceeded);
}

TEST_F(RequestsTest, ThatCannotBeReadAreToldOnceAndHoldNothingUp) {
  Start();
  ASSERT_TRUE(WriteAtomically(disk_, kRequests / (IdOfBackup(1) + ".json"), "{").ok());
  AwaitLooks(20);
  EXPECT_EQ(Lines("cannot read a job"), 1U);
  EXPECT_EQ(AwaitRequest(Drop(2)).state, JobState::kSucceeded);
  AwaitLooks(20);
  EXPECT_LE(Lines("cannot read a job"), 3U) << "with the coming and the going of the other";
  EXPECT_TRUE(disk_.Stat(kRequests / (IdOfBackup(1) + ".json")).ok()) << "left alone";
}

TEST_F(RequestsTest, WaitWhileTheQueueIsFull) {
  Start();
  std::vector<std::string> reserved;
  for (std::size_t i = 0; i < kQueueMax; ++i) reserved.push_back(Reserve());
  const std::string id = Drop(1);
  AwaitLooks(20);
  EXPECT_FALSE(worker_->Find(id));
  EXPECT_EQ(Lines("cannot queue a request"), 1U);
  EXPECT_TRUE(worker_->Confirm(reserved[0]).ok());
  EXPECT_EQ(AwaitRequest(id).state, JobState::kSucceeded);
}

TEST_F(RequestsTest, ThatCannotBeRemovedAreCarriedOutOnceAllTheSame) {
  Start();
  FailWhere(FileOperation::kRemove, kRequests.string());
  const std::string id = Drop(1);
  EXPECT_EQ(AwaitRequest(id).state, JobState::kSucceeded);
  while (Lines("cannot remove a request that is queued") == 0) std::this_thread::yield();
  EXPECT_TRUE(disk_.Stat(kRequests / (id + ".json")).ok());
  files_.FailNever();
  AwaitLooks(3);
  EXPECT_TRUE(disk_.List(kRequests)->empty());
  EXPECT_EQ(worker_->History().size(), 1U);
  EXPECT_EQ(Lines("cannot remove a request that is queued"), 1U);
}

TEST_F(RequestsTest, ADirectoryThatCannotBeReadIsToldOnce) {
  Start();
  std::atomic<int> looks = 0;
  files_.FailWhere([&](FileOperation operation, const Files::Path& path) {
    const bool look = operation == FileOperation::kList && path == kRequests;
    if (look) ++looks;
    return look;
  });
  while (looks < 10) std::this_thread::yield();
  EXPECT_EQ(Lines("cannot look for requests"), 1U);
  files_.FailNever();
  EXPECT_EQ(AwaitRequest(Drop(1)).state, JobState::kSucceeded);
}

}  // namespace
}  // namespace warden::backup
