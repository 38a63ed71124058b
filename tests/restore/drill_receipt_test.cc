// What is kept of drills: read back as it was written, by versions older and newer than ours.
#include "exporter/restore/drill_receipt.h"

#include <gtest/gtest.h>

#include "tests/backup/backups.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"

namespace warden::restore {
namespace {

DrillReceipt MakeReceipt(int n) {
  return {.id = backup::IdOfBackup(n),
          .cluster = "prod",
          .backup_id = backup::IdOfBackup(7),
          .destination = "s3",
          .choice = DrillChoice::kCopy,
          .trigger = metrics::Trigger::kSchedule,
          .turn = 1,
          .started = backup::kNow,
          .finished = backup::kNow + Seconds(90),
          .succeeded = false,
          .offline = true,
          .failed_step = "start",
          .error = "no etcd",
          .damaged = true,
          .etcd_version = "3.6.4",
          .etcd_program = "/usr/bin/etcd",
          .restore_duration = Milliseconds(4250),
          .fetch_duration = Milliseconds(1500),
          .steps = {{.name = "choose", .duration = Milliseconds(2), .found = "it", .passed = true},
                    {.name = "start", .duration = Milliseconds(3), .found = "no etcd"}},
          .revision = 4242,
          .hash = 0xfedcba98,
          .keys = 10,
          .leases = 0,
          .samples = 5,
          .notes = {"auth was turned off"}};
}

TEST(DrillReceipt, IsReadAsItWasWritten) {
  for (DrillReceipt receipt : {MakeReceipt(1), DrillReceipt{.id = backup::IdOfBackup(2)}}) {
    const std::string text = DumpJson(ToJson(receipt));
    const auto parsed = ParseDrillReceipt(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    EXPECT_EQ(DumpJson(ToJson(*parsed)), text);
    EXPECT_EQ(parsed->steps, receipt.steps);
    EXPECT_EQ(parsed->restore_duration, receipt.restore_duration);
    EXPECT_EQ(parsed->destination, receipt.destination);
    EXPECT_EQ(parsed->trigger, receipt.trigger);
    EXPECT_EQ(parsed->choice, receipt.choice);
  }
}

TEST(DrillReceipt, PassesOverWhatItDoesNotKnow) {
  Json json = ToJson(MakeReceipt(1));
  json["of the future"] = {1, 2};
  json["choice"] = "dice";
  const auto parsed = ParseDrillReceipt(DumpJson(json));
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->choice, DrillChoice::kNamed);
}

TEST(DrillReceipt, RefusesWhatIsNone) {
  struct Case {
    std::string field;
    Json value;
  };
  const Case cases[] = {{"id", "7"},           {"cluster", 7},   {"started", "yesterday"},
                        {"finished", nullptr}, {"succeeded", 1}, {"restore_seconds", -1},
                        {"steps", {7}}};
  for (const Case& each : cases) {
    Json json = ToJson(MakeReceipt(1));
    json[each.field] = each.value;
    const auto parsed = ParseDrillReceipt(DumpJson(json));
    ASSERT_FALSE(parsed.ok()) << each.field;
    EXPECT_NE(parsed.error().message().find(each.field), std::string::npos)
        << parsed.error().message();
  }
  EXPECT_FALSE(ParseDrillReceipt("[]").ok());
  EXPECT_FALSE(ParseDrillReceipt("").ok());
}

class DrillStoreTest : public ::testing::Test {
 protected:
  std::vector<std::string> Load() {
    std::vector<std::string> ids;
    const auto receipts = store_.Load(log_);
    EXPECT_TRUE(receipts.ok()) << receipts.status().message();
    for (const DrillReceipt& receipt : *receipts) ids.push_back(receipt.id);
    return ids;
  }

  testing::MemoryFiles files_;
  testing::RecordingLogger log_;
  const DrillStore store_{files_, "/backups"};
};

TEST_F(DrillStoreTest, HasNothingBeforeTheFirst) {
  EXPECT_TRUE(Load().empty());
  EXPECT_EQ(files_.Stat("/backups").status().code(), Code::kNotFound);
}

TEST_F(DrillStoreTest, KeepsTheNewestWithTheirLogs) {
  const auto lock = store_.Lock();
  ASSERT_TRUE(lock.ok()) << lock.status().message();
  const int count = static_cast<int>(kDrillReceiptsKept) + 2;
  for (int n = 1; n <= count; ++n) {
    ASSERT_TRUE(store_.Save(MakeReceipt(n), n % 2 == 0 ? "log" : "").ok());
  }
  const std::vector<std::string> ids = Load();
  ASSERT_EQ(ids.size(), kDrillReceiptsKept);
  EXPECT_EQ(ids.front(), backup::IdOfBackup(count));
  EXPECT_EQ(ids.back(), backup::IdOfBackup(3));
  EXPECT_EQ(*files_.ReadAll(store_.LogPath(backup::IdOfBackup(4)), 10), "log");
  EXPECT_FALSE(files_.Stat(store_.LogPath(backup::IdOfBackup(3))).ok());
  EXPECT_FALSE(files_.Stat(store_.LogPath(backup::IdOfBackup(2))).ok());
}

TEST_F(DrillStoreTest, LetsOneDrillRunAtATime) {
  auto lock = store_.Lock();
  ASSERT_TRUE(lock.ok());
  const auto second = store_.Lock();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kFailedPrecondition);
  *lock = nullptr;
  EXPECT_TRUE(store_.Lock().ok());
}

TEST_F(DrillStoreTest, ClearsUpAfterACrashAndLeavesTheRestAlone) {
  const auto write = [&](const std::string& name, const std::string& content) {
    const auto file = files_.Create(store_.directory() / name);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Append(std::as_bytes(std::span(content))).ok());
  };
  ASSERT_TRUE(files_.MakeDirectories(store_.directory()).ok());
  const std::string id = backup::IdOfBackup(1);
  write(id + ".json.partial", "{");
  write(id + ".json", "{");
  write(backup::IdOfBackup(2) + ".json", DumpJson(ToJson(MakeReceipt(3))));
  write("schedule.json", "{}");
  EXPECT_TRUE(Load().empty());
  EXPECT_EQ(log_.lines().size(), 2U);
  EXPECT_TRUE(log_.Contains("it is that of drill " + backup::IdOfBackup(3)));
  ASSERT_TRUE(store_.Lock().ok());
  EXPECT_FALSE(files_.Stat(store_.directory() / (id + ".json.partial")).ok());
  EXPECT_TRUE(files_.Stat(store_.directory() / (id + ".json")).ok());
  EXPECT_TRUE(files_.Stat(store_.directory() / "schedule.json").ok());
}

}  // namespace
}  // namespace warden::restore
