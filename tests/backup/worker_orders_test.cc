// What a job is told to do besides taking one backup, and what becomes of those from before.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/backup/worker_fixture.h"

namespace warden::backup {
namespace {

class OrdersTest : public WorkerTest {
 protected:
  Job Carry(const Order& order, const std::string& fingerprint = "f1") {
    const auto id = worker_->Reserve({.trigger = AlertTrigger(fingerprint), .order = order});
    EXPECT_TRUE(id.ok() && worker_->Confirm(*id).ok());
    return Await(*id);
  }
  // A backup of so long ago.
  std::string Store(Seconds age, const std::string& quarantined = "", int level = 2) {
    Manifest manifest = MakeManifest(MakeId(kNow - age, 1), SnapshotFile());
    manifest.created = kNow - age;
    manifest.verification_level = level;
    manifest.revision = 4000;
    manifest.quarantined = quarantined;
    manifest.backup_class = config::kManualClass;
    EXPECT_TRUE(disk_.MakeDirectories(kDirectory).ok());
    EXPECT_TRUE(WriteSynced(disk_, kDirectory / manifest.file, SnapshotFile()).ok());
    EXPECT_TRUE(WriteManifest(disk_, kDirectory, manifest).ok());
    return manifest.id;
  }
  void KeepLast(int count) {
    settings_.config.retention.emplace();
    settings_.config.retention->keep_verified_min = 1;
    settings_.config.retention->rules = {
        {.backup_class = std::string(config::kManualClass), .keep_last = count}};
  }
  std::vector<std::string> Ids() { return WholeBackups(disk_, kDirectory); }
  std::vector<Hold> HoldsOf(const std::string& id) {
    return ReadManifest(disk_, kDirectory, id)->holds;
  }
  void FailStream(int member) {
    cluster_.SetScript(testing::HostOf(member) + ":2379",
                       {{}, Status(Code::kUnavailable, "reset"), false});
  }
};

const Order kAll{.action = config::RuleAction::kSnapshotAllMembers};
const Order kPin{.action = config::RuleAction::kPinBefore};

TEST_F(OrdersTest, TakesOneBackupOfEveryMember) {
  Start();
  const Job job = Carry(kAll);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  ASSERT_EQ(job.backup_ids.size(), 3U);
  std::set<std::string> members;
  const Listing listing = *worker_->List();
  for (const Manifest& backup : listing.backups) {
    members.insert(backup.member_name);
    EXPECT_EQ(backup.job_id, job.id);
  }
  EXPECT_EQ(members, (std::set<std::string>{"m1", "m2", "m3"}));
  EXPECT_TRUE(job.notes.empty());
}

TEST_F(OrdersTest, NotesTheMemberThatFailsAndKeepsTheOthers) {
  FailStream(3);
  Start();
  const Job job = Carry(kAll);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(job.backup_ids.size(), 2U);
  ASSERT_EQ(job.notes.size(), 1U);
  EXPECT_TRUE(job.notes[0].starts_with(testing::HostOf(3) + ":2379: ")) << job.notes[0];
  EXPECT_TRUE(log_.Contains(job.notes[0].substr(0, 20)));
}

TEST_F(OrdersTest, FailsWhereEveryMemberDoes) {
  for (int n = 1; n <= 3; ++n) FailStream(n);
  Start();
  const Job job = Carry(kAll);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_TRUE(job.backup_ids.empty());
  EXPECT_TRUE(Ids().empty());
}

TEST_F(OrdersTest, AShutdownBetweenTwoMembersLeavesTheJobToTheNextStart) {
  // The first that is asked is the second member.
  for (int n : {1, 3}) {
    cluster_.SetScript(testing::HostOf(n) + ":2379",
                       {MakeStream(MakeEtcdDatabase(64 * 1024)), {}, true});
  }
  Start();
  const auto id = worker_->Reserve({.trigger = AlertTrigger(), .order = kAll});
  ASSERT_TRUE(worker_->Confirm(*id).ok());
  cluster_.WaitUntilHanging();
  EXPECT_EQ(Backups(), 1U);
  worker_.reset();
  EXPECT_EQ(ParseJob(*disk_.ReadAll(kJobs / (*id + ".json"), 1 << 16))->state, JobState::kRunning)
      << "whoever asked for every member wants them all";
  cluster_.Resume();
  Start();
  const Job job = Await(*id);
  EXPECT_EQ(job.state, JobState::kSucceeded);
  EXPECT_EQ(job.backup_ids.size(), 3U);
  worker_.reset();
}

TEST_F(OrdersTest, PinsTheNewestVerifiedBackupOfBeforeTheAlert) {
  // It began at 10:14:00, a minute ago.
  Store(Seconds(3600));
  const std::string good = Store(Seconds(120));
  Store(Seconds(110), "mismatch");
  Store(Seconds(100), "", 1);
  Store(Seconds(30));
  Start();
  const Job job = Carry(kPin);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(job.backup_ids.size(), 1U) << "and takes one";
  for (const std::string& id : Ids()) EXPECT_EQ(HoldsOf(id).size(), id == good ? 1U : 0U) << id;
  const Hold expected{.by = "alert EtcdDown",
                      .since = clock_.Now(),
                      .until = {},
                      .reason = "the newest of before 2026-11-23T10:14:00.000Z"};
  EXPECT_EQ(HoldsOf(good).at(0), expected);
  ASSERT_EQ(job.notes.size(), 1U);
  EXPECT_TRUE(job.notes[0].starts_with("pinned backup " + good)) << job.notes[0];
}

TEST_F(OrdersTest, PinsForAsLongAsTheRuleSays) {
  const std::string good = Store(Seconds(120));
  Start();
  Order order = kPin;
  order.hold = Seconds(3600);
  const Job job = Carry(order);
  EXPECT_EQ(HoldsOf(good).at(0).until, clock_.Now() + Seconds(3600));
  EXPECT_EQ(HoldsOf(job.backup_ids.at(0)).at(0).until, clock_.Now() + Seconds(3600));
}

TEST_F(OrdersTest, AJobThatIsTakenUpAgainPinsOnce) {
  const std::string good = Store(Seconds(120));
  Start();
  Job job = Carry(kPin);
  worker_.reset();
  // As if the process had died before the backup was there.
  for (const std::string& name :
       {ManifestName(job.backup_ids[0]), SnapshotName(job.backup_ids[0])}) {
    ASSERT_TRUE(disk_.Remove(kDirectory / name).ok());
  }
  job.state = JobState::kRunning;
  job.backup_ids.clear();
  ASSERT_TRUE(JobStore::Open(disk_, kJobs)->Save(job).ok());
  Start();
  EXPECT_EQ(Await(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(HoldsOf(good).size(), 1U);
  Carry(kPin, "f2");
  EXPECT_EQ(HoldsOf(good).size(), 1U) << "nor twice for one alert of two fingerprints";
}

TEST_F(OrdersTest, SaysThatThereIsNothingToPin) {
  Store(Seconds(30));
  Start();
  const Job job = Carry(kPin);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(job.notes, std::vector<std::string>{"there is no verified backup of before "
                                                "2026-11-23T10:14:00.000Z to pin"});
}

TEST_F(OrdersTest, WhatCannotBePinnedIsNoReasonToTakeNothing) {
  const std::string good = Store(Seconds(120));
  Start();
  FailWhere(FileOperation::kCreate, good + ".json.partial");
  const Job job = Carry(kPin);
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  ASSERT_FALSE(job.notes.empty());
  EXPECT_TRUE(job.notes[0].starts_with("pin backup " + good)) << job.notes[0];
  EXPECT_TRUE(HoldsOf(good).empty());
}

TEST_F(OrdersTest, GivesTheBackupItsClassAndItsHold) {
  Start();
  const Job job = Carry({.backup_class = "audit", .hold = Seconds(7200)});
  const Manifest manifest = worker_->List()->backups.at(0);
  EXPECT_EQ(manifest.backup_class, "audit");
  const Hold expected{.by = "webhook",
                      .since = clock_.Now(),
                      .until = clock_.Now() + Seconds(7200),
                      .reason = "EtcdDown"};
  EXPECT_EQ(manifest.holds, std::vector{expected});
  EXPECT_TRUE(HoldsOf(Carry({}, "f2").backup_ids.at(0)).empty());
}

TEST_F(OrdersTest, KeepsWhatRetentionSaysAfterASuccessAndOnlyThen) {
  KeepLast(2);
  const std::string oldest = Store(Seconds(300));
  const std::string older = Store(Seconds(200));
  Start();
  cluster_.SetScript({{}, Status(Code::kUnavailable, "reset"), false});
  EXPECT_EQ(Carry({}).state, JobState::kFailed);
  EXPECT_EQ(Ids(), (std::vector{older, oldest}));
  cluster_.SetDatabase(MakeEtcdDatabase(64 * 1024));
  const Job job = Carry({}, "f2");
  EXPECT_EQ(Ids(), (std::vector{job.backup_ids.at(0), older}));
  EXPECT_TRUE(log_.Contains(oldest));
  EXPECT_TRUE(
      PageHas(R"(backup_stage_duration_seconds_count{etcd_cluster="prod",stage="prune"} 1)"));
}

TEST_F(OrdersTest, APinnedBackupStays) {
  KeepLast(1);
  const std::string oldest = Store(Seconds(300));
  const std::string older = Store(Seconds(200));
  ASSERT_TRUE(ChangeManifest(disk_, kDirectory, oldest, [](Manifest& manifest) {
                manifest.holds.push_back({.by = "manual", .since = kNow});
              }).ok());
  Start();
  const Job job = Carry({});
  EXPECT_EQ(Ids(), (std::vector{job.backup_ids.at(0), oldest}));
}

TEST_F(OrdersTest, DeletesNothingRightAfterTheClockWasSet) {
  KeepLast(1);
  const std::string older = Store(Seconds(200));
  Start();
  clock_.StepWall(std::chrono::hours(24 * 365));
  const Job job = Carry({});
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  ASSERT_EQ(job.notes.size(), 1U);
  EXPECT_TRUE(job.notes[0].starts_with("the clock was set")) << job.notes[0];
  EXPECT_EQ(Ids().size(), 2U);
  clock_.Advance(Seconds(1));
  EXPECT_TRUE(Carry({}, "f2").notes.empty());
  EXPECT_EQ(Ids().size(), 1U);
}

TEST_F(OrdersTest, AFailureToDeleteIsNotedAndNoFailureOfTheBackup) {
  KeepLast(1);
  const std::string older = Store(Seconds(200));
  Start();
  FailWhere(FileOperation::kRename, ".deleted");
  const Job job = Carry({});
  EXPECT_EQ(job.state, JobState::kSucceeded) << job.error;
  ASSERT_EQ(job.notes.size(), 1U);
  EXPECT_TRUE(job.notes[0].starts_with("retention: delete backup " + older)) << job.notes[0];
  EXPECT_TRUE(PageHas(R"(backup_failures_total{etcd_cluster="prod",stage="prune"} 1)"));
  EXPECT_EQ(Ids().size(), 2U);
}

// Kept, since it may be all there is of that member one day; but nothing goes for it.
TEST_F(OrdersTest, ABackupThatIsNotToBeTrustedRotatesNothingOut) {
  KeepLast(1);
  const std::string older = Store(Seconds(200));
  etcd::ClusterView corrupt = testing::MakeView();
  for (etcd::EndpointView& endpoint : corrupt.endpoints) {
    endpoint.status.value->alarms = {
        {.member_id = testing::kMemberIds[2], .type = etcd::AlarmType::kCorrupt}};
  }
  const std::string alarm = "the alarm CORRUPT is raised for member 91bc3c398fb3c146";
  const std::string doubt = "the members' hashes differ";
  Start();
  for (const std::string& why : {alarm, doubt}) {
    cluster_.SetView(why == alarm ? corrupt : testing::MakeView());
    settings_.distrust = [&] { return why == doubt ? doubt : std::string(); };
    worker_->Use(settings_);
    const Job job = Carry({}, why);
    EXPECT_EQ(job.state, JobState::kFailed) << why;
    EXPECT_EQ(job.stage, "verify") << why;
    ASSERT_EQ(job.backup_ids.size(), 1U) << why;
    EXPECT_EQ(ReadManifest(disk_, kDirectory, job.backup_ids[0])->quarantined, why);
    EXPECT_EQ(std::ranges::count(Ids(), older), 1) << why;
  }
  EXPECT_EQ(Ids().size(), 3U);
  settings_.distrust = nullptr;
  worker_->Use(settings_);
  EXPECT_EQ(Carry({}, "f9").state, JobState::kSucceeded);
  EXPECT_EQ(Ids().size(), 3U) << "the older one has gone, those in quarantine stay";
  EXPECT_EQ(std::ranges::count(Ids(), older), 0);
}

}  // namespace
}  // namespace warden::backup
