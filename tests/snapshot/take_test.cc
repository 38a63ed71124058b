#include "exporter/snapshot/take.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/bolt_builder.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/process.h"
#include "tests/support/recording_logger.h"
#include "tests/support/temp_dir.h"

namespace warden::snapshot {
namespace {

using metrics::FailureStageName;
using testing::FailStatus;
using testing::FakeCluster;
using testing::FaultyFiles;
using testing::FileOperation;
using testing::HostOf;
using testing::MakeEtcdDatabase;
using testing::MakeStream;
using testing::MakeView;
using testing::StreamMessage;

const std::vector<std::string> kAllThree = {HostOf(2) + ":2379", HostOf(3) + ":2379",
                                            HostOf(1) + ":2379"};

class TakeTest : public ::testing::Test {
 protected:
  TakeTest() { EXPECT_TRUE(disk_.MakeDirectories("/b").ok()); }

  TakeOutcome TakeIt(Milliseconds idle_timeout = kIdleTimeout) {
    return Take({cluster_, files_, clock_, log_, idle_timeout}, "/b/x.partial",
                {.at = clock_.Steady() + Seconds(60), .stop = stop_.get_token()});
  }
  std::size_t FilesLeft() { return disk_.List("/b")->size(); }
  std::string Content() { return *disk_.ReadAll("/b/x.partial", 1 << 24); }

  // The stage that the failed snapshot names; nothing is left of it.
  std::string StageOfFailure(const TakeOutcome& outcome) {
    EXPECT_FALSE(outcome.taken.has_value());
    EXPECT_FALSE(outcome.error.status.ok());
    EXPECT_EQ(FilesLeft(), 0U) << outcome.error.status.message();
    return std::string(FailureStageName(outcome.error.stage));
  }

  FakeCluster cluster_;
  testing::MemoryFiles disk_;
  FaultyFiles files_{disk_};
  testing::FakeClock clock_;
  testing::RecordingLogger log_;
  std::stop_source stop_;
};

TEST_F(TakeTest, StreamsTheBestMemberIntoAFile) {
  const std::string database = MakeEtcdDatabase(3 * 32 * 1024 + 4096);
  cluster_.SetScript({MakeStream(database, "3.6.0"), {}, false});
  const TakeOutcome outcome = TakeIt(Milliseconds(1234));
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(Content(), database + testing::Sha256(database));
  EXPECT_EQ(outcome.taken->stream.size_bytes, database.size() + 32);
  EXPECT_EQ(outcome.taken->stream.sha256, testing::Sha256Hex(Content()));
  EXPECT_EQ(outcome.taken->stream.database_sha256, testing::Sha256Hex(database));
  EXPECT_EQ(outcome.taken->source.member_name, "m2");
  EXPECT_EQ(outcome.taken->storage_version, "3.6.0");
  EXPECT_EQ(outcome.taken->started, clock_.Now());
  EXPECT_EQ(outcome.taken->verification.inspection->revision(), testing::kDatabaseRevision);
  EXPECT_EQ(outcome.taken->level(), Level::kMeaning);
  EXPECT_TRUE(outcome.taken->notes.empty());
  EXPECT_EQ(cluster_.asked(), std::vector<std::string>{HostOf(2) + ":2379"});
  EXPECT_EQ(cluster_.idle_timeout(), Milliseconds(1234));
}

TEST_F(TakeTest, WritesAFileThatOnlyItsOwnerReads) {
  const testing::TempDir dir;
  PosixFiles posix;
  const std::filesystem::path path = dir / "x.partial";
  const TakeOutcome outcome =
      Take({cluster_, posix, clock_, log_}, path, {.at = clock_.Steady() + Seconds(60)});
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  struct stat info = {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(testing::Run({"sha256sum", path}).output,
            outcome.taken->stream.sha256 + "  " + path.string() + "\n");
}

TEST_F(TakeTest, SyncsTheFile) {
  ASSERT_TRUE(TakeIt().taken);
  const std::string before = Content();
  ASSERT_TRUE(disk_.SyncDirectory("/b").ok());
  disk_.CutPower([](std::size_t) { return false; });
  EXPECT_EQ(Content(), before);
}

TEST_F(TakeTest, FallsBackToTheNextMemberOnAStreamFailure) {
  auto broken = MakeStream(MakeEtcdDatabase(64 * 1024));
  broken[1].blob[0] ^= 1;
  cluster_.SetScript(HostOf(2) + ":2379", {broken, {}, false});
  cluster_.SetScript(HostOf(3) + ":2379", {{}, Status(Code::kUnavailable, "reset"), false});
  const TakeOutcome outcome = TakeIt();
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(outcome.taken->source.member_name, "m1");
  EXPECT_EQ(outcome.taken->stream.sha256, testing::Sha256Hex(Content()));
  EXPECT_EQ(cluster_.asked(), kAllThree);
  EXPECT_TRUE(log_.Contains("trying the next member"));
  EXPECT_TRUE(log_.Contains("digest does not match"));
  EXPECT_TRUE(log_.Contains("reset"));
}

TEST_F(TakeTest, RefusesAnotherClusterThanTheExpectedOne) {
  const Tools tools{.cluster = cluster_,
                    .files = files_,
                    .clock = clock_,
                    .log = log_,
                    .cluster_id = testing::kForeignClusterId};
  const TakeOutcome outcome = Take(tools, "/b/x.partial", {.at = clock_.Steady() + Seconds(60)});
  EXPECT_EQ(StageOfFailure(outcome), "verify");
  EXPECT_EQ(outcome.error.status.message(),
            "the endpoints belong to cluster ef37ad9dc622a7c4, the newest backup to cluster "
            "cdf818194e3a8c32; if the cluster was rebuilt, give it a new backup directory");
  EXPECT_TRUE(cluster_.asked().empty());
}

TEST_F(TakeTest, WaitsForItsClusterWhileOnlyAStrayAnswers) {
  etcd::ClusterView view = MakeView(2);
  FailStatus(view.endpoints[0]);
  view.endpoints[1].status.value->cluster_id = testing::kForeignClusterId;
  cluster_.SetView(view);
  const Tools tools{.cluster = cluster_,
                    .files = files_,
                    .clock = clock_,
                    .log = log_,
                    .cluster_id = testing::kClusterId};
  const TakeOutcome outcome = Take(tools, "/b/x.partial", {.at = clock_.Steady() + Seconds(60)});
  EXPECT_EQ(StageOfFailure(outcome), "connect") << "which is tried again";
  EXPECT_EQ(outcome.error.status.message(),
            "no member can serve a snapshot: https://10.0.0.11:2379: status: timeout; "
            "https://10.0.0.12:2379: belongs to another cluster, cdf818194e3a8c32");
  EXPECT_TRUE(cluster_.asked().empty());
}

TEST_F(TakeTest, SaysWhenEvenTheBestMemberIsUnhealthy) {
  etcd::ClusterView view = testing::MakeView(1);
  view.endpoints[0].status.value->leader_id = 0;
  cluster_.SetView(view);
  EXPECT_TRUE(TakeIt().taken);
  EXPECT_TRUE(log_.Contains("the member knows no leader"));
}

TEST(StreamTimeLimit, GrowsWithTheDatabase) {
  EXPECT_EQ(StreamTimeLimit(0), std::chrono::minutes(15));
  EXPECT_EQ(StreamTimeLimit(5'000'000'000), std::chrono::minutes(15) + Seconds(1000));
}

TEST_F(TakeTest, TriesThreeMembersAtMost) {
  cluster_.SetView(MakeView(4));
  cluster_.SetScript({{}, Status(Code::kUnavailable, "reset"), false});
  const TakeOutcome outcome = TakeIt();
  EXPECT_EQ(StageOfFailure(outcome), "connect");
  EXPECT_EQ(cluster_.asked().size(), 3U);
  EXPECT_EQ(outcome.error.status.message(), "snapshot from https://10.0.0.14:2379: reset");
}

TEST_F(TakeTest, NamesTheStageThatFailed) {
  const auto good = MakeStream(MakeEtcdDatabase(64 * 1024));
  const std::vector<StreamMessage> cut(good.begin(), good.begin() + 1);
  const std::vector<StreamMessage> empty(1, {4096, "", ""});
  const std::vector<std::pair<testing::StreamScript, std::string>> cases = {
      {{{}, Status(Code::kUnavailable, "connection refused"), false}, "connect"},
      {{cut, Status(Code::kDeadlineExceeded, "the stream stalled"), false}, "stream"},
      {{{}, Status(Code::kUnknown, "refused"), false, etcd::Reason::kUnauthenticated}, "auth"},
      {{{}, Status(Code::kUnknown, "refused"), false, etcd::Reason::kPermissionDenied}, "auth"},
      {{{}, Status(Code::kUnavailable, "refused"), false, etcd::Reason::kConnect}, "connect"},
      {{cut, {}, false}, "verify"},
      {{empty, {}, false}, "verify"},
      {{{}, {}, false}, "verify"}};
  for (const auto& [script, stage] : cases) {
    cluster_.SetScript(script);
    EXPECT_EQ(StageOfFailure(TakeIt()), stage) << script.end.message();
  }
}

TEST_F(TakeTest, SaysWhyEachEndpointCannotServe) {
  etcd::ClusterView view = MakeView();
  FailStatus(view.endpoints[0], etcd::Reason::kTls);
  FailStatus(view.endpoints[1], etcd::Reason::kTimeout);
  view.endpoints[2].status.value->is_learner = true;
  cluster_.SetView(view);
  const TakeOutcome outcome = TakeIt();
  EXPECT_EQ(StageOfFailure(outcome), "connect");
  EXPECT_EQ(outcome.error.status.code(), Code::kUnavailable);
  EXPECT_EQ(outcome.error.status.message(),
            "no member can serve a snapshot: https://10.0.0.11:2379: status: tls; "
            "https://10.0.0.12:2379: status: timeout; "
            "https://10.0.0.13:2379: answers, but serves no snapshot");
  EXPECT_TRUE(cluster_.asked().empty());
}

TEST_F(TakeTest, EveryWriteFailureEndsItAtOnce) {
  for (const FileOperation operation :
       {FileOperation::kFreeBytes, FileOperation::kCreate, FileOperation::kAppend,
        FileOperation::kSync, FileOperation::kClose}) {
    const std::size_t asked = cluster_.asked().size();
    files_.FailWhere([&](FileOperation o, const Files::Path&) { return o == operation; });
    const TakeOutcome outcome = TakeIt();
    EXPECT_EQ(StageOfFailure(outcome), "write") << static_cast<int>(operation);
    EXPECT_EQ(outcome.error.status.code(), Code::kResourceExhausted);
    EXPECT_LE(cluster_.asked().size(), asked + 1) << "no other member is troubled";
  }
}

TEST_F(TakeTest, AFullDiskInTheMiddleLeavesNothing) {
  int appends = 0;
  files_.FailWhere([&](FileOperation o, const Files::Path&) {
    return o == FileOperation::kAppend && ++appends == 3;
  });
  EXPECT_EQ(StageOfFailure(TakeIt()), "write");
  EXPECT_EQ(appends, 3);
}

TEST_F(TakeTest, LooksForSpaceBeforeItStreams) {
  // The view says 20.48 MB; 16 MiB are kept spare.
  disk_.SetFreeBytes(20'480'000 + (16ULL << 20) - 1);
  const TakeOutcome outcome = TakeIt();
  EXPECT_EQ(StageOfFailure(outcome), "write");
  EXPECT_EQ(outcome.error.status.code(), Code::kResourceExhausted);
  EXPECT_NE(outcome.error.status.message().find("not enough space in /b: the snapshot needs 37 MB"),
            std::string::npos)
      << outcome.error.status.message();
  EXPECT_TRUE(cluster_.asked().empty());
  disk_.SetFreeBytes(20'480'000 + (16ULL << 20));
  EXPECT_TRUE(TakeIt().taken);
}

TEST_F(TakeTest, DoesNotTouchAFileThatIsThere) {
  ASSERT_TRUE(WriteAtomically(disk_, "/b/x.partial", "mine").ok());
  const TakeOutcome outcome = TakeIt();
  EXPECT_FALSE(outcome.taken);
  EXPECT_EQ(FailureStageName(outcome.error.stage), "write");
  EXPECT_EQ(outcome.error.status.code(), Code::kAlreadyExists);
  EXPECT_EQ(Content(), "mine");
}

TEST_F(TakeTest, StopsWhenAsked) {
  cluster_.SetScript({MakeStream(MakeEtcdDatabase(64 * 1024)), {}, true});
  TakeOutcome outcome;
  std::thread taker([&] { outcome = TakeIt(); });
  cluster_.WaitUntilHanging();
  EXPECT_EQ(FilesLeft(), 1U);
  stop_.request_stop();
  taker.join();
  EXPECT_EQ(StageOfFailure(outcome), "stream");
  EXPECT_EQ(outcome.error.status.code(), Code::kCancelled);
  EXPECT_EQ(cluster_.asked().size(), 1U) << "the other members are not tried";
}

// A database whose pages are as they should be, but which no etcd wrote.
std::vector<StreamMessage> DamagedStream() {
  testing::BoltBuckets buckets = testing::EtcdBuckets();
  buckets.erase("lease");
  return MakeStream(testing::BoltFile(buckets).bytes());
}

TEST_F(TakeTest, LeavesAMemberWhoseDatabaseIsDamagedForTheNext) {
  testing::BoltFile broken(testing::EtcdBuckets());
  broken.Set(broken.RootOf("key"), testing::bolt::kFlags, 0);
  cluster_.SetScript(HostOf(2) + ":2379", {MakeStream(broken.bytes()), {}, false});
  cluster_.SetScript(HostOf(3) + ":2379", {DamagedStream(), {}, false});
  const TakeOutcome outcome = TakeIt();
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(outcome.taken->source.member_name, "m1");
  EXPECT_EQ(Content(),
            MakeEtcdDatabase(100 * 1024) + testing::Sha256(MakeEtcdDatabase(100 * 1024)));
  EXPECT_EQ(cluster_.asked(), kAllThree);
  EXPECT_TRUE(log_.Contains("the member's database is damaged: level 1: page 2"));
  EXPECT_TRUE(log_.Contains("the member's database is damaged: level 2: bucket"));
}

TEST_F(TakeTest, FailsWhereEveryMemberIsDamaged) {
  cluster_.SetScript({DamagedStream(), {}, false});
  const TakeOutcome outcome = TakeIt();
  EXPECT_EQ(StageOfFailure(outcome), "verify");
  EXPECT_EQ(outcome.error.status.code(), Code::kDataLoss);
  EXPECT_EQ(outcome.error.status.message(),
            "snapshot from https://10.0.0.11:2379: the member's database is damaged: "
            "level 2: bucket \"lease\" is missing");
  EXPECT_EQ(cluster_.asked(), kAllThree);
}

TEST_F(TakeTest, TakesFromAMemberBehindTheNewestBackupLast) {
  etcd::ClusterView view = MakeView();
  view.endpoints[1].status.value->revision = 4241;
  cluster_.SetView(view);
  Tools tools{.cluster = cluster_, .files = files_, .clock = clock_, .log = log_};
  tools.newest_revision = 4242;
  const Deadline deadline{.at = clock_.Steady() + Seconds(60), .stop = {}};
  const TakeOutcome up_to_date = Take(tools, "/b/x.partial", deadline);
  ASSERT_TRUE(up_to_date.taken) << up_to_date.error.status.message();
  EXPECT_EQ(up_to_date.taken->source.member_name, "m3");
  EXPECT_TRUE(up_to_date.taken->notes.empty());
  ASSERT_TRUE(disk_.Remove("/b/x.partial").ok());

  cluster_.SetScript(HostOf(1) + ":2379", {{}, Status(Code::kUnavailable, "reset"), false});
  cluster_.SetScript(HostOf(3) + ":2379", {{}, Status(Code::kUnavailable, "reset"), false});
  const TakeOutcome behind = Take(tools, "/b/x.partial", deadline);
  ASSERT_TRUE(behind.taken) << behind.error.status.message();
  EXPECT_EQ(behind.taken->source.member_name, "m2");
  const std::string note = "the member is at revision 4241, behind the newest backup's 4242";
  EXPECT_EQ(behind.taken->notes, std::vector<std::string>{note});
  EXPECT_TRUE(log_.Contains("the member that the snapshot is taken from is not healthy"));
  EXPECT_TRUE(log_.Contains(note));
}

TEST_F(TakeTest, NotesEveryFlawOfItsSource) {
  etcd::ClusterView view = MakeView(1);
  view.endpoints[0].status.value->leader_id = 0;
  testing::ReportError(view,
                       "memberID:" + std::to_string(testing::kMemberIds[1]) + " alarm:CORRUPT ");
  cluster_.SetView(view);
  const TakeOutcome outcome = TakeIt();
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(outcome.taken->notes, (std::vector<std::string>{"the member knows no leader",
                                                            "the alarm CORRUPT is raised"}));
}

TEST_F(TakeTest, TriesNoOtherMemberPastTheDeadline) {
  const TakeOutcome outcome = [&] {
    cluster_.SetScript({{}, Status(Code::kDeadlineExceeded, "the snapshot did not end"), false});
    return Take({cluster_, files_, clock_, log_}, "/b/x.partial", {.at = clock_.Steady()});
  }();
  EXPECT_EQ(StageOfFailure(outcome), "connect");
  EXPECT_EQ(cluster_.asked().size(), 1U);
}

}  // namespace
}  // namespace warden::snapshot
