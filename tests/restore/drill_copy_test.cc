// Drills that begin with a copy from a destination, here a directory beside the catalogue.
#include "exporter/offsite/copier.h"
#include "tests/restore/drilled.h"

namespace warden::restore {
namespace {

class DrillCopyTest : public DrillTest {
 protected:
  DrillCopyTest() {
    instruments_.DeclareCluster("prod", true);
    backup_.destinations.resize(1);
    destination().name = "far";
    destination().remote = (dir_ / "far").string();
    destination().compress = true;
  }
  config::DestinationConfig& destination() { return backup_.destinations.front(); }

  void Copy() {
    const offsite::CopyTools tools{files_, clock_, log_, instruments_, Milliseconds(5)};
    offsite::DestinationCopier copier({.cluster = "prod", .directory = backup_.directory},
                                      destination(), tools);
    const Status copied = copier.CopyPending({.at = clock_.Steady() + Seconds(60), .stop = {}});
    ASSERT_TRUE(copied.ok()) << copied.message();
  }
  DrillReceipt RunFrom(const std::string& id) {
    DrillRequest request = Request(id);
    request.destination = "far";
    const auto receipt = TryToRun(request);
    EXPECT_TRUE(receipt.ok()) << receipt.status().message();
    return *receipt;
  }

  metrics::Instruments instruments_;
};

TEST_F(DrillCopyTest, FetchesAndComparesTheCopy) {
  const backup::Manifest backup = StoreBackup(1);
  Copy();
  for (const bool is_here : {true, false}) {
    if (!is_here)
      backup::DeleteBackups(files_, backup_.directory, {backup.id}, [](auto&) { return true; });
    const DrillReceipt receipt = RunFrom(is_here ? "latest" : backup.id);
    EXPECT_TRUE(receipt.succeeded) << receipt.error;
    EXPECT_EQ(receipt.backup_id, backup.id);
    EXPECT_EQ(receipt.Source(), "copy far");
    EXPECT_TRUE(receipt.fetch_duration);
    EXPECT_EQ(steps_[2], "fetch");
    EXPECT_EQ(LeftInScratch(), 0U);
  }
  EXPECT_TRUE(backup::ListBackups(files_, backup_.directory)->backups.empty())
      << "a drill brings nothing back";
}

TEST_F(DrillCopyTest, LeavesTheBackupAloneWhoseCopyIsDamaged) {
  const backup::Manifest backup = StoreBackup(1);
  Copy();
  const std::string copy = "far/" + backup.file + ".zst";
  const std::string content = *files_.ReadAll(dir_ / copy, 1 << 20);
  dir_.Write(copy, content.substr(0, content.size() / 2));
  const DrillReceipt receipt = RunFrom(backup.id);
  EXPECT_EQ(receipt.failed_step, "fetch");
  EXPECT_TRUE(receipt.damaged);
  EXPECT_EQ(QuarantineOf(backup), "");
  EXPECT_EQ(LeftInScratch(), 0U);
  std::filesystem::remove(dir_ / copy);
  const DrillReceipt missing = RunFrom(backup.id);
  EXPECT_EQ(missing.failed_step, "fetch");
  EXPECT_FALSE(missing.damaged);
}

TEST_F(DrillCopyTest, TakesItsTurn) {
  StoreBackup(1);
  Copy();
  std::vector<std::string> sources;
  for (int i = 0; i < 4; ++i) sources.push_back(Run("").Source());
  EXPECT_EQ(sources, (std::vector<std::string>{"catalogue", "copy far", "catalogue", "catalogue"}));
  const std::function<void()> obstacles[] = {[&] { drill_.copies = false; },
                                             [&] { destination().put_only = true; }};
  for (const auto& obstacle : obstacles) {
    obstacle();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(Run("").Source(), "catalogue");
    drill_.copies = true;
  }
}

}  // namespace
}  // namespace warden::restore
