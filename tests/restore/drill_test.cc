// A drill from its beginning to its end: what is compared, what becomes of a backup that fails, and
// that nothing is left behind.
#include "exporter/restore/drill.h"

#include <algorithm>
#include <functional>

#include "tests/restore/drilled.h"

namespace warden::restore {
namespace {

using Steps = std::vector<std::string>;

TEST_F(DrillTest, ComparesAllThatThereIsToCompare) {
  const backup::Manifest backup = StoreBackup(1);
  const DrillReceipt receipt = Run();
  EXPECT_TRUE(receipt.succeeded) << receipt.error;
  EXPECT_EQ(steps_, (Steps{"choose", "space", "verify", "write", "verify-directory", "start",
                           "hash", "keys", "samples", "stop", "remove"}));
  EXPECT_EQ(events_, (std::vector<std::string>{"started 3.6.4 as drill", "stopped"}));
  EXPECT_EQ(receipt.cluster, "prod");
  EXPECT_EQ(receipt.backup_id, backup.id);
  EXPECT_EQ(receipt.Source(), "catalogue");
  EXPECT_EQ(receipt.choice, DrillChoice::kNewest);
  EXPECT_EQ(receipt.etcd_version, "3.6.4");
  EXPECT_EQ(receipt.revision, testing::kDatabaseRevision);
  EXPECT_EQ(receipt.hash, testing::HashOfEtcdDatabase());
  EXPECT_EQ(receipt.keys, 2U);
  EXPECT_EQ(receipt.leases, 1U);
  EXPECT_EQ(receipt.samples, 2U);
  EXPECT_TRUE(receipt.restore_duration);
  EXPECT_EQ(receipt.notes, (std::vector<std::string>{"etcd asks for users in this backup; in the "
                                                     "drill's data directory that is turned off"}));
  EXPECT_EQ(QuarantineOf(backup), "");
  EXPECT_EQ(LeftInScratch(), 0U);
  ASSERT_EQ(Receipts().size(), 1U);
  EXPECT_EQ(ToJson(Receipts()[0]), ToJson(receipt));
  EXPECT_FALSE(std::filesystem::exists(DrillStore(files_, backup_.directory).LogPath(receipt.id)));
}

TEST_F(DrillTest, SaysWhatEtcdAnswersOtherwise) {
  struct Case {
    std::string step, error;
    std::function<void(Lies&)> lie;
  };
  const Case cases[] = {
      {"hash", "etcd hashes revision 4242 to 1",
       [](Lies& lies) { lies.hash = [](etcd::KvHash& hash) { hash.hash = 1; }; }},
      {"keys", "it has 3 keys, the backup 2",
       [](Lies& lies) { lies.keys = [](std::uint64_t& keys) { ++keys; }; }},
      {"keys", "it has 0 leases, the backup has 1",
       [](Lies& lies) { lies.leases = [](std::uint64_t& leases) { leases = 0; }; }},
      {"samples", "the key /a/x has another value",
       [](Lies& lies) { lies.samples = [](auto& found) { found[0]->value = "five"; }; }},
      {"samples", "the key /b/last is missing",
       [](Lies& lies) { lies.samples = [](auto& found) { found[1].reset(); }; }},
  };
  int n = 0;
  for (const Case& each : cases) {
    SCOPED_TRACE(each.error);
    const backup::Manifest backup = StoreBackup(++n);
    lies_ = {};
    each.lie(lies_);
    const DrillReceipt receipt = Run();
    EXPECT_FALSE(receipt.succeeded);
    // The file was proven before: what differs is etcd's doing.
    EXPECT_FALSE(receipt.damaged);
    EXPECT_EQ(receipt.failed_step, each.step);
    EXPECT_TRUE(receipt.error.starts_with(each.error)) << receipt.error;
    EXPECT_EQ(QuarantineOf(backup), "");
    EXPECT_EQ(events_.back(), "stopped");
    EXPECT_EQ(LeftInScratch(), 0U);
    const auto log =
        files_.ReadAll(DrillStore(files_, backup_.directory).LogPath(receipt.id), 1 << 20);
    ASSERT_TRUE(log.ok()) << log.status().message();
    EXPECT_NE(log->find(receipt.error), std::string::npos);
    EXPECT_NE(log->find("the log of etcd"), std::string::npos);
  }
}

TEST_F(DrillTest, SeesADamagedFile) {
  struct Case {
    std::string error;
    std::function<void(std::string& content)> damage;
  };
  const Case cases[] = {
      // Behind the trees, where only the digest tells.
      {"level 0", [](std::string& content) { content[content.size() - 40] ^= 1; }},
      {"level 0",
       [](std::string& content) {
         content.replace(0, content.size() - 32, content.size() - 32, '\0');
       }},
      // Whole, but another one.
      {"its SHA-256 is not the manifest's",
       [](std::string& content) {
         const std::string database = testing::MakeEtcdDatabase(kDatabaseBytes, 99);
         content = database + testing::Sha256(database);
       }},
  };
  int n = 0;
  for (const Case& each : cases) {
    SCOPED_TRACE(each.error);
    const backup::Manifest backup = StoreBackup(++n);
    std::string content = *files_.ReadAll(backup_.directory / backup.file, 1 << 20);
    each.damage(content);
    dir_.Write("backups/" + backup.file, content);
    const DrillReceipt receipt = Run();
    EXPECT_EQ(receipt.failed_step, "verify");
    EXPECT_NE(receipt.error.find(each.error), std::string::npos) << receipt.error;
    EXPECT_NE(QuarantineOf(backup), "");
    EXPECT_TRUE(events_.empty()) << "nobody needs to start etcd on that";
    EXPECT_EQ(LeftInScratch(), 0U);
  }
}

TEST_F(DrillTest, BlamesNoBackupForWhatIsNotItsFault) {
  struct Case {
    std::string step, error;
    std::function<void(DrillTest&, Lies&, config::DrillConfig&)> trouble;
  };
  const backup::Manifest backup = StoreBackup(1);
  std::filesystem::create_directories(dir_ / "etcd/member/snap");
  const Case cases[] = {
      {"start", "etcd exited with 1",
       [](DrillTest&, Lies& lies, config::DrillConfig&) {
         lies.ready = [] { return Status(Code::kUnavailable, "etcd exited with 1"); };
       }},
      {"space", "is in the data directory of an etcd",
       [&](DrillTest&, Lies&, config::DrillConfig& drill) {
         drill.scratch = dir_ / "etcd/member";
       }},
      {"probe", "exited with 3: all is lost",
       [&](DrillTest&, Lies&, config::DrillConfig& drill) {
         drill.probe = {Script("probe", "echo all is lost >&2; exit 3")};
       }},
      {"probe", "not in PATH",
       [](DrillTest&, Lies&, config::DrillConfig& drill) { drill.probe = {"no-such-program"}; }},
      {"probe", "not finished within 2s",
       [&](DrillTest&, Lies&, config::DrillConfig& drill) {
         drill.timeout = Seconds(2);
         drill.probe = {Script("slow", "exec sleep 60")};
       }},
  };
  const config::DrillConfig before = drill_;
  for (const Case& each : cases) {
    SCOPED_TRACE(each.error);
    lies_ = {};
    drill_ = before;
    each.trouble(*this, lies_, drill_);
    const DrillReceipt receipt = Run();
    EXPECT_FALSE(receipt.succeeded);
    EXPECT_FALSE(receipt.damaged);
    EXPECT_EQ(receipt.failed_step, each.step);
    EXPECT_NE(receipt.error.find(each.error), std::string::npos) << receipt.error;
    EXPECT_EQ(QuarantineOf(backup), "");
    EXPECT_EQ(LeftInScratch(), 0U);
  }
}

TEST_F(DrillTest, WithoutAnEtcdProvesTheFilesAndDoesNotSucceed) {
  const backup::Manifest backup = StoreBackup(1);
  drill_.etcd.clear();
  AddProgram("too-old", "3.5.30");
  drill_.etcd.push_back(dir_ / "nowhere");
  const DrillReceipt receipt = Run();
  EXPECT_FALSE(receipt.succeeded);
  EXPECT_TRUE(receipt.offline);
  EXPECT_EQ(receipt.failed_step, "start");
  EXPECT_TRUE(receipt.error.starts_with("no etcd 3.6 or newer is here to start")) << receipt.error;
  EXPECT_NE(receipt.error.find("too-old is 3.5.30"), std::string::npos) << receipt.error;
  EXPECT_EQ(steps_, (Steps{"choose", "space", "verify", "write", "verify-directory", "start"}));
  EXPECT_TRUE(receipt.steps[4].passed);
  EXPECT_FALSE(receipt.restore_duration);
  EXPECT_EQ(QuarantineOf(backup), "");
  EXPECT_EQ(LeftInScratch(), 0U);
}

TEST_F(DrillTest, TellsTheProbeWhereEtcdIs) {
  const backup::Manifest backup = StoreBackup(1);
  const std::string said = (dir_ / "said").string();
  drill_.probe = {Script("probe",
                         "echo $1 $ETCDCTL_ENDPOINTS $WARDEN_DRILL_ENDPOINT "
                         "$WARDEN_DRILL_BACKUP $WARDEN_DRILL_REVISION > " +
                             said),
                  "with an argument"};
  const DrillReceipt receipt = Run();
  EXPECT_TRUE(receipt.succeeded) << receipt.error;
  EXPECT_NE(std::ranges::find(steps_, "probe"), steps_.end());
  const std::string endpoint =
      "unix://" + (backup_.directory / "scratch" / ("drill-" + receipt.id) / "client:1").string();
  EXPECT_EQ(*files_.ReadAll(said, 4096),
            "with an argument " + endpoint + " " + endpoint + " " + backup.id + " 4242\n");
}

TEST_F(DrillTest, IsNoDrillIfItIsStoppedOrAnotherOneRuns) {
  const backup::Manifest backup = StoreBackup(1);
  std::stop_source source;
  lies_.ready = [&] {
    source.request_stop();
    return Status(Code::kCancelled, "cancelled");
  };
  EXPECT_EQ(TryToRun(Request("latest"), source.get_token()).status().code(), Code::kCancelled);
  EXPECT_EQ(events_.back(), "stopped");
  EXPECT_EQ(LeftInScratch(), 0U);
  const auto lock = DrillStore(files_, backup_.directory).Lock();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(TryToRun(Request("latest")).status().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(steps_.empty());
  EXPECT_TRUE(Receipts().empty());
  EXPECT_EQ(QuarantineOf(backup), "");
}

TEST_F(DrillTest, SaysWhatItWasNotGiven) {
  EXPECT_EQ(Run().error, "there is no verified backup in the catalogue");
  EXPECT_EQ(Run("").error, "there is no verified backup in the catalogue");
  StoreBackup(1);
  const std::string other = backup::IdOfBackup(2);
  EXPECT_EQ(Run(other).error, "there is no backup " + other + " in the catalogue");
  DrillRequest request = Request("latest");
  request.destination = "s3";
  EXPECT_EQ(TryToRun(request)->error, "destination s3 is unknown");
  ASSERT_EQ(Receipts().size(), 4U);
  for (const DrillReceipt& receipt : Receipts()) EXPECT_EQ(receipt.failed_step, "choose");
}

TEST_F(DrillTest, GoesRoundByItself) {
  std::vector<std::string> ids;
  for (int n = 1; n <= 3; ++n) ids.push_back(StoreBackup(n).id);
  std::vector<std::string> drilled;
  for (int i = 0; i < 8; ++i) drilled.push_back(Run("").backup_id);
  EXPECT_EQ(drilled, (std::vector<std::string>{ids[2], ids[2], ids[2], ids[0], ids[2], ids[2],
                                               ids[2], ids[1]}));
}

TEST_F(DrillTest, SaysThatItTookTooLong) {
  StoreBackup(1);
  drill_.objective = Seconds(0);
  const DrillReceipt receipt = Run();
  EXPECT_TRUE(receipt.succeeded) << "that is for an alert to tell";
  EXPECT_EQ(receipt.notes.back(), "the restore took longer than the objective of 0s");
}

}  // namespace
}  // namespace warden::restore
