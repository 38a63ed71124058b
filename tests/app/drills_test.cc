// The drills of a configuration: their page, their list, and what a reload does to them.
#include "exporter/app/drills.h"

#include <gtest/gtest.h>

#include "tests/app/reload_fixture.h"
#include "tests/backup/backups.h"

namespace warden::app {
namespace {

// Drills by hand, so that nothing starts by itself.
const std::string kDrill = ", backup: {directory: backups, drill: {objective: 1h}}";
// The next one is in a year, for all these tests can tell.
const std::string kYearly = ", backup: {directory: backups, drill: {cron: '0 0 1 1 *'}}";

class DrillsTest : public ReloadTest {
 protected:
  // As the command line leaves it.
  void SaveReceipt(int n, bool succeeded, const std::string& directory = "backups") {
    const restore::DrillStore store(posix_, dir_ / directory);
    const auto lock = store.Lock();
    ASSERT_TRUE(lock.ok()) << lock.error().message();
    const restore::DrillReceipt receipt{.id = backup::IdOfBackup(n),
                                        .cluster = "prod",
                                        .started = backup::kNow,
                                        .finished = backup::kNow + Seconds(n),
                                        .succeeded = succeeded,
                                        .restore_duration = Seconds(n)};
    ASSERT_TRUE(store.Save(receipt, "").ok());
  }
  bool DrillPageHas(const std::string& family, const std::string& value) {
    return PageHas("\netcdwarden_drill_" + family + "{etcd_cluster=\"prod\"} " + value + "\n");
  }
  std::vector<std::string> Listed(const std::string& query = "") {
    std::vector<std::string> ids;
    const HttpReply reply = Get(port_, std::string(kDrillsPath) + query);
    EXPECT_EQ(reply.code, 200) << reply.body;
    const Result<ParsedJson> json = ParseJson(reply.body);
    if (!json.ok()) return ids;
    for (const ParsedJson& drill : json->at("drills")) ids.push_back(drill.at("id"));
    return ids;
  }
  std::shared_ptr<restore::DrillWorker> Drills() {
    return host_->runtime()->FindCluster("prod")->drills;
  }
};

TEST_F(DrillsTest, TheirReceiptsAreOnThePageAndInTheList) {
  Write({{"prod", {kDead}, kDrill}, {"watched", {kDead}}});
  Serve();
  EXPECT_TRUE(DrillPageHas("last_success_timestamp_seconds", "0")) << Page();
  EXPECT_TRUE(DrillPageHas("objective_seconds", "3600"));
  EXPECT_TRUE(DrillPageHas("running", "0"));
  EXPECT_FALSE(PageHas("drill_next_run")) << "without a schedule";
  EXPECT_TRUE(Listed().empty());
  SaveReceipt(1, true);
  SaveReceipt(2, false);
  EXPECT_TRUE(DrillPageHas("last_result", "0"));
  EXPECT_TRUE(DrillPageHas("last_duration_seconds", "1"));
  const std::vector<std::string> ids = {backup::IdOfBackup(2), backup::IdOfBackup(1)};
  EXPECT_EQ(Listed(), ids);
  EXPECT_EQ(Listed("?cluster=prod"), ids);
  EXPECT_TRUE(Listed("?cluster=watched").empty());
  EXPECT_EQ(Get(port_, std::string(kDrillsPath) + "?cluster=moon").code, 404);
  std::filesystem::create_directories(dir_ / "backups/scratch");
  EXPECT_EQ(Get(port_, "/api/v1/backups").body, "{\"backups\":[],\"strangers\":[]}\n")
      << "what drills need is not foreign to the directory";
}

TEST_F(DrillsTest, WithoutASectionThereIsAPageOnlyOnceSomebodyHasDrilled) {
  Write({{"prod", {kDead}, kBackup}});
  Serve();
  EXPECT_EQ(Drills(), nullptr);
  EXPECT_FALSE(PageHas("drill_"));
  SaveReceipt(1, true);
  EXPECT_TRUE(DrillPageHas("last_result", "1"));
  EXPECT_FALSE(PageHas("drill_running"));
}

TEST_F(DrillsTest, AReloadKeepsAWorkerWhoseSectionIsAsItWas) {
  Write({{"prod", {kDead}, kYearly}});
  Serve();
  const auto before = Drills();
  ASSERT_NE(before, nullptr);
  EXPECT_TRUE(PageHas("etcdwarden_drill_next_run_timestamp_seconds{etcd_cluster=\"prod\"}"));
  Write({{"prod", {kDead, "http://127.0.0.2:1"}, kYearly}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_TRUE(log_.Contains("changed=prod"));
  EXPECT_EQ(Drills(), before) << "the endpoints have nothing to do with drills";
  Write({{"prod", {kDead}, kDrill}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_NE(Drills(), before);
  EXPECT_TRUE(DrillPageHas("objective_seconds", "3600"));
  Write({{"prod", {kDead}, kBackup}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_EQ(Drills(), nullptr);
}

TEST_F(DrillsTest, StartsWithoutAnEtcd) {
  Write({{"prod",
          {kDead},
          ", backup: {directory: backups, drill: {etcd: [" + (dir_ / "none").string() +
              "], cron: '0 0 1 1 *'}}"}});
  Serve();
  while (!log_.Contains("there is no etcd to start in drills")) std::this_thread::yield();
  EXPECT_TRUE(log_.Contains((dir_ / "none").string()));
  EXPECT_EQ(Get(port_, "/-/ready").code, 200);
}

}  // namespace
}  // namespace warden::app
