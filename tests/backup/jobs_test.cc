#include "exporter/backup/jobs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/backup/backups.h"
#include "tests/support/recording_logger.h"
#include "tests/support/temp_dir.h"

namespace warden::backup {
namespace {

Job FinishedJob(int n) {
  return {.id = IdOfBackup(n),
          .cluster = "prod",
          .state = JobState::kFailed,
          .trigger = {.kind = metrics::Trigger::kWebhook,
                      .alertname = "EtcdDown",
                      .fingerprint = "f1",
                      .starts_at = "0001-01-01T00:00:00Z",
                      .rule = "alertname=EtcdDown"},
          .created = kNow,
          .started = kNow + Seconds(1),
          .finished = kNow + Milliseconds(2500),
          .backup_ids = {IdOfBackup(n + 1)},
          .stage = "stream",
          .error = "reset \"by\" peer"};
}

TEST(Job, SurvivesTheWayToJsonAndBack) {
  const Job job = FinishedJob(1);
  const Result<Job> parsed = ParseJob(DumpJson(ToJson(job)));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(DumpJson(ToJson(*parsed)), DumpJson(ToJson(job)));
  EXPECT_EQ(parsed->trigger, job.trigger);
  EXPECT_EQ(parsed->created, job.created);
  EXPECT_EQ(parsed->started, job.started);
  EXPECT_EQ(parsed->finished, job.finished);
}

TEST(Job, SaysNullForWhatIsNotKnownYet) {
  const Job job{.id = IdOfBackup(1), .cluster = "prod", .created = kNow};
  EXPECT_EQ(DumpJson(ToJson(job)),
            R"({"id":")" + IdOfBackup(1) +
                R"(","cluster":"prod","state":"queued","trigger":{"kind":"manual"},)"
                R"("order":{"action":"snapshot","class":"manual","hold_seconds":0,)"
                R"("skip_if_unchanged":false},)"
                R"("created":"2026-11-23T10:15:00.000Z","started":null,"finished":null,)"
                R"("backup_id":null,"backup_ids":[],"stage":null,"error":null,"notes":[]})");
}

TEST(Job, KeepsEveryState) {
  for (const JobState state : {JobState::kQueued, JobState::kRunning, JobState::kSucceeded,
                               JobState::kFailed, JobState::kSkipped}) {
    const Job job{.id = IdOfBackup(1), .state = state};
    const Result<Job> parsed = ParseJob(DumpJson(ToJson(job)));
    ASSERT_TRUE(parsed.ok()) << JobStateName(state);
    EXPECT_EQ(parsed->state, state);
  }
}

TEST(Job, RefusesWhatIsNone) {
  const std::string id = IdOfBackup(1);
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("null"), std::string("{}"),
        R"({"id":"../x","state":"queued"})" + std::string(), R"({"id":")" + id + R"("})",
        R"({"id":")" + id + R"(","state":"asleep"})", R"({"id":")" + id + R"(","state":1})",
        R"({"id":")" + id + R"(","state":"queued","created":"now"})",
        R"({"id":")" + id + R"(","state":"queued","started":"now"})",
        R"({"id":")" + id + R"(","state":"queued","finished":"now"})"}) {
    EXPECT_FALSE(ParseJob(text).ok()) << text;
  }
}

class JobStoreTest : public ::testing::Test {
 protected:
  JobStore OpenIt() {
    Result<JobStore> store = JobStore::Open(files_, dir_ / "jobs");
    EXPECT_TRUE(store.ok()) << store.status().message();
    return *std::move(store);
  }
  std::vector<std::string> LoadedIds() {
    std::vector<std::string> ids;
    const auto jobs = OpenIt().Load(log_);
    EXPECT_TRUE(jobs.ok());
    for (const Job& job : *jobs) ids.push_back(job.id);
    return ids;
  }

  testing::TempDir dir_;
  PosixFiles files_;
  testing::RecordingLogger log_;
};

using Ids = std::vector<std::string>;

TEST_F(JobStoreTest, KeepsJobsOldestFirst) {
  const JobStore store = OpenIt();
  for (const int n : {2, 3, 1}) ASSERT_TRUE(store.Save(FinishedJob(n)).ok());
  ASSERT_TRUE(store.Save(FinishedJob(2)).ok()) << "again replaces";
  EXPECT_EQ(LoadedIds(), (Ids{IdOfBackup(1), IdOfBackup(2), IdOfBackup(3)}));
  ASSERT_TRUE(store.Remove(IdOfBackup(2)).ok());
  EXPECT_EQ(LoadedIds(), (Ids{IdOfBackup(1), IdOfBackup(3)}));
  EXPECT_EQ(store.Remove(IdOfBackup(2)).code(), Code::kNotFound);
}

TEST_F(JobStoreTest, LeavesAloneWhatItCannotRead) {
  ASSERT_TRUE(OpenIt().Save(FinishedJob(1)).ok());
  dir_.Write("jobs/broken.json", "{");
  dir_.Write("jobs/notes.txt", "mine");
  dir_.Write("jobs/" + IdOfBackup(2) + ".json", std::string(64 * 1024 + 1, ' '));
  std::filesystem::copy_file(dir_ / "jobs" / (IdOfBackup(1) + ".json"), dir_ / "jobs/copy.json");
  EXPECT_EQ(LoadedIds(), Ids{IdOfBackup(1)});
  for (const char* name : {"broken.json", "notes.txt", "copy.json"}) {
    EXPECT_TRUE(std::filesystem::exists(dir_ / "jobs" / name)) << name;
  }
  EXPECT_TRUE(log_.Contains("broken.json"));
  EXPECT_TRUE(log_.Contains("copy of job " + IdOfBackup(1)));
  EXPECT_TRUE(log_.Contains(IdOfBackup(2)));
  EXPECT_FALSE(log_.Contains("notes.txt"));
}

TEST_F(JobStoreTest, ReapsWhatWasHalfWritten) {
  OpenIt();
  dir_.Write("jobs/" + IdOfBackup(1) + ".json.partial", "{");
  dir_.Write("jobs/notes.partial", "mine");
  EXPECT_TRUE(LoadedIds().empty());
  EXPECT_FALSE(std::filesystem::exists(dir_ / "jobs" / (IdOfBackup(1) + ".json.partial")));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "jobs/notes.partial"));
}

}  // namespace
}  // namespace warden::backup
