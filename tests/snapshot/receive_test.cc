// What one member's stream must prove, and what a snapshot says of the member that it came from.
#include "exporter/snapshot/receive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "exporter/snapshot/take.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"

namespace warden::snapshot {
namespace {

using metrics::FailureStageName;
using testing::BoltBuckets;
using testing::BoltFile;
using testing::EtcdBuckets;
using testing::FileOperation;
using testing::HostOf;
using testing::MakeEtcdDatabase;
using Lines = std::vector<std::string>;

const Files::Path kPath = "/b/x.partial";

class ReceiveTest : public ::testing::Test {
 protected:
  ReceiveTest() { EXPECT_TRUE(disk_.MakeDirectories("/b").ok()); }

  Tools MakeTools() { return {.cluster = cluster_, .files = files_, .clock = clock_, .log = log_}; }
  // From member 2, whose status says revision 4242.
  TakeOutcome ReceiveIt(const Tools& tools) {
    const Source source{.endpoint = {.url = HostOf(2) + ":2379"},
                        .member_name = "m2",
                        .status = testing::MakeStatus(2, "3.5.30")};
    return Receive(tools, source, kPath,
                   {.at = clock_.Steady() + Seconds(60), .stop = stop_.get_token()});
  }
  TakeOutcome ReceiveIt() { return ReceiveIt(MakeTools()); }
  Lines NotesFor(const BoltBuckets& buckets) {
    cluster_.SetDatabase(BoltFile(buckets).bytes());
    const TakeOutcome outcome = ReceiveIt();
    EXPECT_TRUE(outcome.taken) << outcome.error.status.message();
    EXPECT_TRUE(disk_.Remove(kPath).ok());
    return outcome.taken ? outcome.taken->notes : Lines{"failed"};
  }
  bool IsLeft() { return disk_.Stat(kPath).ok(); }

  testing::FakeCluster cluster_;
  testing::MemoryFiles disk_;
  testing::FaultyFiles files_{disk_};
  testing::FakeClock clock_;
  testing::RecordingLogger log_;
  std::stop_source stop_;
};

TEST_F(ReceiveTest, ProvesWhatItReceivedUpToLevelTwo) {
  const std::string database = MakeEtcdDatabase(100 * 1024);
  cluster_.SetDatabase(database);
  const TakeOutcome outcome = ReceiveIt();
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  const Taken& taken = *outcome.taken;
  EXPECT_EQ(taken.verification.level(), Level::kMeaning);
  EXPECT_EQ(taken.verification.size_bytes, database.size() + 32);
  EXPECT_EQ(taken.verification.database_bytes, database.size());
  EXPECT_TRUE(taken.verification.has_trailer);
  EXPECT_EQ(taken.verification.sha256, taken.stream.sha256);
  EXPECT_EQ(taken.verification.database_sha256, testing::Sha256Hex(database));
  EXPECT_EQ(taken.attestation.verdict, Verdict::kUnattested);
  EXPECT_TRUE(cluster_.hashed().empty()) << "that is for Take";
}

TEST_F(ReceiveTest, RefusesADamagedDatabaseThatArrivedWhole) {
  BoltFile page(EtcdBuckets());
  page.Set(page.RootOf("key"), testing::bolt::kFlags, 0);
  BoltBuckets buckets = EtcdBuckets();
  buckets.erase("lease");
  const std::pair<std::string, std::string> cases[] = {
      {page.bytes(),
       "the member's database is damaged: level 1: page 2: neither a branch nor a "
       "leaf, its flags are 0"},
      {BoltFile(buckets).bytes(),
       "the member's database is damaged: level 2: bucket \"lease\" is missing"},
      {std::string(8192, 'x'), "the member's database is damaged: level 1: "},
  };
  for (const auto& [database, message] : cases) {
    cluster_.SetDatabase(database);
    bool is_synced = false;
    files_.FailWhere([&](FileOperation operation, const Files::Path&) {
      is_synced = is_synced || operation == FileOperation::kSync;
      return false;
    });
    const TakeOutcome outcome = ReceiveIt();
    EXPECT_FALSE(outcome.taken);
    EXPECT_EQ(FailureStageName(outcome.error.stage), "verify");
    EXPECT_EQ(outcome.error.status.code(), Code::kDataLoss);
    EXPECT_TRUE(outcome.error.status.message().starts_with(message))
        << outcome.error.status.message();
    EXPECT_FALSE(is_synced) << "the disk is not troubled for it";
    EXPECT_FALSE(IsLeft());
  }
}

TEST_F(ReceiveTest, SyncsTheFileAfterItsProof) {
  std::vector<FileOperation> operations;
  files_.FailWhere([&](FileOperation operation, const Files::Path& path) {
    if (path == kPath && operation != FileOperation::kAppend) operations.push_back(operation);
    return false;
  });
  ASSERT_TRUE(ReceiveIt().taken);
  EXPECT_EQ(operations, (std::vector<FileOperation>{FileOperation::kCreate, FileOperation::kRead,
                                                    FileOperation::kSync, FileOperation::kClose}));
}

TEST_F(ReceiveTest, AStopWhileItProvesIsNoDamage) {
  files_.FailWhere([&](FileOperation operation, const Files::Path&) {
    if (operation == FileOperation::kRead) stop_.request_stop();
    return false;
  });
  const TakeOutcome outcome = ReceiveIt();
  EXPECT_FALSE(outcome.taken);
  EXPECT_EQ(outcome.error.status.code(), Code::kCancelled) << outcome.error.status.message();
  EXPECT_FALSE(IsLeft());
}

TEST_F(ReceiveTest, NotesASnapshotThatIsOlderThanTheMember) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["members"].values.clear();
  const std::string older =
      "the snapshot is of revision 6, but the member was at 4242 before; "
      "is the endpoint a load balancer?";
  EXPECT_EQ(NotesFor(buckets), Lines{older});
  for (const std::int64_t revision : {4241, 4242, 4243}) {
    buckets["key"].values = {
        {testing::RevisionKey(revision), testing::KeyValue({.key = "/a",
                                                            .create_revision = revision,
                                                            .mod_revision = revision,
                                                            .version = 1,
                                                            .value = "v"})}};
    EXPECT_EQ(NotesFor(buckets).empty(), revision >= 4242) << revision;
  }
}

TEST_F(ReceiveTest, RefusesASnapshotWhoseMembersLackTheMember) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["meta"].values["scheduledCompactRev"] = testing::RevisionKey(4242);
  cluster_.SetDatabase(BoltFile(buckets).bytes());
  const TakeOutcome outcome = ReceiveIt();
  EXPECT_FALSE(outcome.taken);
  EXPECT_EQ(FailureStageName(outcome.error.stage), "verify");
  EXPECT_EQ(outcome.error.status.code(), Code::kFailedPrecondition);
  EXPECT_EQ(outcome.error.status.message(),
            "the snapshot is of another cluster: its member list does not name the member "
            "91bc3c398fb3c146; is the endpoint a load balancer?");
  EXPECT_FALSE(IsLeft());
  buckets["members"].values["91bc3c398fb3c146"] =
      R"({"id":10501334649042878790,"peerURLs":["http://m2:2380"],"name":"m2"})";
  EXPECT_EQ(NotesFor(buckets), Lines());
}

TEST_F(ReceiveTest, ARefusalNamesTheUserToConfigure) {
  for (const auto reason : {etcd::Reason::kUnauthenticated, etcd::Reason::kPermissionDenied}) {
    cluster_.SetScript({{}, Status(Code::kPermissionDenied, "permission denied"), false, reason});
    const TakeOutcome outcome = ReceiveIt();
    EXPECT_EQ(FailureStageName(outcome.error.stage), "auth");
    EXPECT_EQ(outcome.error.status.code(), Code::kPermissionDenied);
    EXPECT_EQ(outcome.error.status.message(),
              "permission denied; snapshots want a user with the role root (auth.backup in the "
              "configuration, --user on the command line)");
    EXPECT_FALSE(IsLeft());
  }
}

TEST_F(ReceiveTest, TheStageIsConnectUntilSomethingArrived) {
  const auto stream = testing::MakeStream(MakeEtcdDatabase(64 * 1024));
  for (std::size_t messages = 0; messages <= stream.size(); ++messages) {
    cluster_.SetScript({{stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(messages)},
                        Status(Code::kUnavailable, "reset"),
                        false});
    EXPECT_EQ(FailureStageName(ReceiveIt().error.stage), messages == 0 ? "connect" : "stream");
    EXPECT_FALSE(IsLeft());
  }
}

TEST_F(ReceiveTest, TellsHowFarItHasCome) {
  const std::string database = MakeEtcdDatabase(100 * 1024);
  cluster_.SetDatabase(database);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> steps;
  Tools tools = MakeTools();
  tools.progress = [&](std::uint64_t done, std::uint64_t total) {
    steps.emplace_back(done, total);
  };
  ASSERT_TRUE(ReceiveIt(tools).taken);
  const std::uint64_t total = database.size();
  EXPECT_EQ(steps, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{32 * 1024, total},
                                                                         {64 * 1024, total},
                                                                         {96 * 1024, total},
                                                                         {total, total},
                                                                         {total, total}}));
}

// The voters' word on what was taken.
class AttestedTakeTest : public ReceiveTest {
 protected:
  TakeOutcome TakeIt(config::AttestPolicy policy) {
    Tools tools = MakeTools();
    tools.attest = policy;
    return Take(tools, kPath, {.at = clock_.Steady() + Seconds(60), .stop = stop_.get_token()});
  }
  void Say(int n, std::uint32_t hash) {
    etcd::RpcOutcome<etcd::KvHash> outcome;
    outcome.value = etcd::KvHash{.cluster_id = testing::kClusterId,
                                 .member_id = testing::kMemberIds.at(std::size_t(n)),
                                 .hash = hash,
                                 .revision = testing::kDatabaseRevision,
                                 .current_revision = testing::kDatabaseRevision};
    cluster_.SetHash(HostOf(n) + ":2379", outcome);
  }
  void SayAll(std::uint32_t hash) {
    for (int n = 1; n <= 3; ++n) Say(n, hash);
  }
};

TEST_F(AttestedTakeTest, ReachesLevelThreeWhereAQuorumAgrees) {
  SayAll(testing::HashOfEtcdDatabase());
  const TakeOutcome outcome = TakeIt(config::AttestPolicy::kAll);
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(Describe(outcome.taken->attestation), "attested (3 of 3)");
  EXPECT_EQ(outcome.taken->level(), Level::kAttested);
  EXPECT_EQ(cluster_.hashed().size(), 3U);
  for (const auto& [url, revision] : cluster_.hashed()) {
    EXPECT_EQ(revision, testing::kDatabaseRevision) << "the snapshot's own";
  }
}

TEST_F(AttestedTakeTest, KeepsTheLastSnapshotWhereTheVotersContradictThemAll) {
  SayAll(testing::HashOfEtcdDatabase() + 1);
  const TakeOutcome outcome = TakeIt(config::AttestPolicy::kAll);
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(outcome.taken->attestation.verdict, Verdict::kMismatch);
  EXPECT_EQ(outcome.taken->attestation.differing.size(), 3U);
  EXPECT_EQ(outcome.taken->level(), Level::kMeaning);
  EXPECT_EQ(outcome.taken->source.member_name, "m1");
  EXPECT_TRUE(IsLeft());
  EXPECT_EQ(cluster_.asked().size(), 3U);
}

TEST_F(AttestedTakeTest, LeavesAMemberThatTheVotersContradictForTheNext) {
  SayAll(testing::HashOfEtcdDatabase());
  BoltBuckets buckets = EtcdBuckets();
  buckets["members"].values.clear();
  const std::int64_t revision = testing::kDatabaseRevision;
  buckets["key"].values[testing::RevisionKey(revision)] =
      testing::KeyValue({.key = "/b/last",
                         .create_revision = revision,
                         .mod_revision = revision,
                         .version = 1,
                         .value = "other"});
  cluster_.SetScript(HostOf(2) + ":2379",
                     {testing::MakeStream(BoltFile(buckets).bytes()), {}, false});
  const TakeOutcome outcome = TakeIt(config::AttestPolicy::kAll);
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(outcome.taken->source.member_name, "m3");
  EXPECT_EQ(outcome.taken->level(), Level::kAttested);
  EXPECT_EQ(*disk_.ReadAll(kPath, 1 << 24),
            MakeEtcdDatabase(100 * 1024) + testing::Sha256(MakeEtcdDatabase(100 * 1024)));
  EXPECT_TRUE(log_.Contains("the voters contradict a snapshot"));
}

TEST_F(AttestedTakeTest, NotesTheMembersThatHoldOtherDataThanTheQuorum) {
  SayAll(testing::HashOfEtcdDatabase());
  Say(3, 1);
  const TakeOutcome outcome = TakeIt(config::AttestPolicy::kFollowers);
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(outcome.taken->level(), Level::kAttested) << Describe(outcome.taken->attestation);
  EXPECT_EQ(outcome.taken->notes,
            Lines{"members hold other data than the quorum: m3 (a5c40fe21b7d396)"});
  EXPECT_TRUE(log_.Contains("members hold other data than the quorum"));
}

TEST_F(AttestedTakeTest, AsksNobodyWhereTheConfigurationSaysSo) {
  SayAll(testing::HashOfEtcdDatabase());
  const TakeOutcome outcome = TakeIt(config::AttestPolicy::kOff);
  ASSERT_TRUE(outcome.taken);
  EXPECT_EQ(outcome.taken->attestation.verdict, Verdict::kUnattested);
  EXPECT_EQ(outcome.taken->level(), Level::kMeaning);
  EXPECT_TRUE(cluster_.hashed().empty());
}

TEST_F(AttestedTakeTest, AFileThatCannotBeReadAgainIsUnattested) {
  SayAll(testing::HashOfEtcdDatabase());
  int reads = 0;
  files_.FailWhere([&](FileOperation operation, const Files::Path&) {
    return operation == FileOperation::kRead && ++reads == 2;
  });
  const TakeOutcome outcome = TakeIt(config::AttestPolicy::kAll);
  ASSERT_TRUE(outcome.taken) << outcome.error.status.message();
  EXPECT_EQ(outcome.taken->attestation.verdict, Verdict::kUnattested);
  EXPECT_NE(outcome.taken->attestation.reason.find("x.partial"), std::string::npos)
      << outcome.taken->attestation.reason;
}

}  // namespace
}  // namespace warden::snapshot
