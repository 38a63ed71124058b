// Two users, tokens that outlive their cluster, and what is known of authentication.
#include <gtest/gtest.h>

#include <thread>

#include "exporter/etcd/memory.h"
#include "tests/etcd/fixture.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::MakeStatusResponse;
using testing::Rpc;
using Strings = std::vector<std::string>;

const grpc::Status kNoToken(grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: user name is empty");
const grpc::Status kBadToken(grpc::StatusCode::UNKNOWN, "auth: invalid auth token");

const grpc::Status kNoRight(grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied");
const grpc::Status kDown(grpc::StatusCode::UNAVAILABLE, "connection refused");

config::AuthConfig User(const std::string& name, const std::string& password) {
  return {.username = name, .password = Secret::Literal(password)};
}

// A member with the users "warden" and "keeper".
class Credentials : public ::testing::Test {
 protected:
  Credentials() {
    member_.RequireToken("first", "secret", kNoToken);
    member_.AddUser("keeper", "kept", "keeper's");
    options_ = OptionsFor({member_.endpoint()});
    options_.auth = User("warden", "secret");
    options_.backup_auth = User("keeper", "kept");
  }

  ClusterView Observe(Milliseconds patience = kPlenty) {
    return cluster().Observe(clock_.Within(patience))->Wait();
  }
  std::optional<bool> AuthEnabled() { return Observe().auth_enabled; }
  RpcOutcome<KvHash> Hash(Milliseconds patience = kPlenty) {
    return cluster().HashKv(member_.endpoint(), 1, clock_.Within(patience));
  }
  std::optional<RpcError> Snapshot(Milliseconds idle_timeout) {
    return cluster().Snapshot(member_.endpoint(), idle_timeout, clock_.Within(kPlenty),
                              [](const SnapshotChunk&) { return Status(); });
  }

  Cluster& cluster() {
    if (!cluster_) cluster_ = MakeCluster(options_, clock_);
    return *cluster_;
  }

  void SetCluster(std::uint64_t id) { member_.SetStatus(OfCluster(id, "3.5.16")); }
  static etcdserverpb::StatusResponse OfCluster(std::uint64_t id, const std::string& version) {
    auto status = MakeStatusResponse(1, 1, version);
    status.mutable_header()->set_cluster_id(id);
    return status;
  }

  SkippingClock clock_;
  FakeEtcd member_;
  ClusterOptions options_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(Credentials, AreTheBackupUsersForSnapshotsAndHashes) {
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  EXPECT_TRUE(Hash().ok());
  const auto error = cluster().Snapshot(member_.endpoint(), kPlenty, Within(kPlenty),
                                        [](const SnapshotChunk&) { return Status(); });
  EXPECT_FALSE(error) << error->message;
  EXPECT_EQ(member_.Tokens(Rpc::kStatus), (Strings{"", "first"}));
  EXPECT_EQ(member_.Tokens(Rpc::kHashKv), (Strings{"", "keeper's"}));
  EXPECT_EQ(member_.Tokens(Rpc::kSnapshot), (Strings{"keeper's"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 2);
}

TEST_F(Credentials, AreOneUsersWithOneTokenWithoutABackupUser) {
  options_.backup_auth.reset();
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  EXPECT_TRUE(Hash().ok());
  EXPECT_EQ(member_.Tokens(Rpc::kHashKv), (Strings{"first"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(Credentials, MayBeTheBackupUsersAlone) {
  options_.auth.reset();
  EXPECT_EQ(ReasonOf(Observe().endpoints.at(0).status.error), Reason::kUnauthenticated);
  EXPECT_TRUE(Hash().ok());
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(Credentials, BeginAnewInAnotherCluster) {
  // Status needs no user, so that the tokens do not hang it.
  member_.NeedsNoToken(Rpc::kStatus);
  SetCluster(1);
  EXPECT_TRUE(Observe().endpoints.at(0).member_list->ok());
  EXPECT_TRUE(Hash().ok());
  SetCluster(2);
  EXPECT_EQ(Observe().endpoints.at(0).status.value->cluster_id, 2U);
  Observe();
  Hash();
  EXPECT_EQ(member_.Tokens(Rpc::kMemberList), (Strings{"", "first", "first", "", "first"}));
  EXPECT_EQ(member_.Tokens(Rpc::kHashKv), (Strings{"", "keeper's", "", "keeper's"}));
}

TEST_F(Credentials, BeginAnewAfterATokenMadeEveryMemberHang) {
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  // As after a restore from a snapshot.
  member_.Hang(Rpc::kStatus);
  EXPECT_EQ(ReasonOf(Observe(kShort).endpoints.at(0).status.error), Reason::kTimeout);
  member_.Release();
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  EXPECT_EQ(member_.Tokens(Rpc::kStatus), (Strings{"", "first", "first", "", "first"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 2);
}

TEST_F(Credentials, OfBackupsBeginAnewAfterATokenMadeAHashHang) {
  EXPECT_TRUE(Hash().ok());
  member_.Hang(Rpc::kHashKv);
  EXPECT_EQ(ReasonOf(Hash(kShort).error), Reason::kTimeout);
  member_.Release();
  EXPECT_TRUE(Hash().ok());
  EXPECT_EQ(member_.Tokens(Rpc::kHashKv), (Strings{"", "keeper's", "keeper's", "", "keeper's"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 2);
}

TEST_F(Credentials, OfBackupsBeginAnewAfterATokenMadeASnapshotHang) {
  EXPECT_FALSE(Snapshot(kPlenty));
  member_.Hang(Rpc::kSnapshot);
  EXPECT_EQ(ReasonOf(Snapshot(kShort)), Reason::kTimeout);
  member_.Release();
  EXPECT_FALSE(Snapshot(kPlenty));
  EXPECT_EQ(member_.Tokens(Rpc::kSnapshot), (Strings{"", "keeper's", "keeper's", "", "keeper's"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 2);
}

TEST_F(Credentials, OfBackupsOutliveASnapshotThatStallsLater) {
  member_.SetSnapshot(
      {{.remaining_bytes = 9, .blob = "abc"}, {.kind = testing::SnapshotStep::Kind::kHang}});
  EXPECT_EQ(ReasonOf(Snapshot(kShort)), Reason::kTimeout);
  EXPECT_EQ(ReasonOf(Snapshot(kShort)), Reason::kTimeout);
  EXPECT_EQ(member_.Tokens(Rpc::kSnapshot), (Strings{"", "keeper's", "keeper's"}));
}

TEST_F(Credentials, AreFetchedByNoCallForLongerThanTenSeconds) {
  member_.Hang(Rpc::kAuthenticate);
  std::jthread release([this] {
    EXPECT_EQ(member_.WaitForCalls(Rpc::kAuthenticate, 1), 1);
    member_.Release();
  });
  EXPECT_TRUE(Hash(std::chrono::minutes(15)).ok());
  EXPECT_GT(member_.Patience(Rpc::kHashKv), std::chrono::minutes(14));
  EXPECT_LE(member_.Patience(Rpc::kAuthenticate), Seconds(11));
}

TEST_F(Credentials, OutliveAMemberThatHangsWhileAnotherDeniesItsRights) {
  FakeEtcd other;
  options_.endpoints.push_back(other.endpoint());
  other.RequireToken("first", "secret", kNoToken);
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  other.Fail(Rpc::kStatus, kNoRight);
  member_.Hang(Rpc::kStatus);
  for (int round = 0; round < 2; ++round) Observe(kShort);
  EXPECT_EQ(other.Tokens(Rpc::kStatus), (Strings{"", "first", "first", "first"}));
  EXPECT_EQ(other.Count(Rpc::kAuthenticate) + member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(Credentials, OutliveAMemberThatHangsWhileAnotherAnswers) {
  FakeEtcd other;
  options_.endpoints.push_back(other.endpoint());
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  member_.Hang(Rpc::kStatus);
  Observe(kShort);
  member_.Release();
  Observe();
  EXPECT_EQ(member_.Tokens(Rpc::kStatus), (Strings{"", "first", "first", "first"}));
}

// The same, and an endpoint of another cluster, at first down.
class CredentialsAndAStray : public Credentials {
 protected:
  CredentialsAndAStray() {
    options_.endpoints.push_back(stray_.endpoint());
    stray_.SetStatus(OfCluster(2, "3.6.14"));
    stray_.Fail(Rpc::kStatus, kDown);
  }

  FakeEtcd stray_;
};

TEST_F(CredentialsAndAStray, AreNotReplacedByTheStraysToken) {
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  stray_.Fail(Rpc::kStatus, grpc::Status::OK);
  stray_.RequireToken("strange", "secret", kBadToken);
  for (int round = 0; round < 3; ++round) {
    clock_.Skip(Seconds(20));
    const ClusterView view = Observe();
    EXPECT_TRUE(view.endpoints.at(0).status.ok());
    EXPECT_EQ(ReasonOf(view.endpoints.at(1).status.error), Reason::kUnauthenticated);
  }
  EXPECT_EQ(member_.Tokens(Rpc::kStatus), (Strings{"", "first", "first", "first", "first"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
  EXPECT_EQ(stray_.Count(Rpc::kAuthenticate), 1) << "it is known for a stray then";
}

TEST_F(CredentialsAndAStray, OutliveAnAnswerOfTheStrayAlone) {
  EXPECT_EQ(AuthEnabled(), true);
  EXPECT_TRUE(Hash().ok());
  stray_.Fail(Rpc::kStatus, grpc::Status::OK);
  member_.Fail(Rpc::kStatus, kDown);
  EXPECT_EQ(AuthEnabled(), true);
  member_.Fail(Rpc::kStatus, grpc::Status::OK);
  EXPECT_EQ(AuthEnabled(), true);
  EXPECT_TRUE(Hash().ok());
  EXPECT_EQ(member_.Tokens(Rpc::kStatus), (Strings{"", "first", "first", "first"}));
  EXPECT_EQ(member_.Tokens(Rpc::kHashKv), (Strings{"", "keeper's", "keeper's"}));
}

TEST_F(CredentialsAndAStray, BeginAnewThoughTheStrayAnswersWhileATokenHangs) {
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  stray_.Fail(Rpc::kStatus, grpc::Status::OK);
  member_.Hang(Rpc::kStatus);
  Observe(kShort);
  member_.Release();
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  EXPECT_EQ(member_.Tokens(Rpc::kStatus), (Strings{"", "first", "first", "", "first"}));
}

TEST_F(CredentialsAndAStray, AreNotKnownToBeAskedForByTheStraysRefusal) {
  options_.auth.reset();
  options_.backup_auth.reset();
  member_.NeedNoUser();
  member_.SetStatus(MakeStatusResponse(1, 1, "3.6.14"));
  stray_.Fail(Rpc::kStatus, grpc::Status::OK);
  stray_.RequireToken("strange", "secret", kNoToken);
  for (int round = 0; round < 5; ++round) EXPECT_EQ(AuthEnabled(), false);
}

TEST_F(Credentials, BeginAnewInARebuiltClusterThatHasAnotherId) {
  member_.SetStatus(OfCluster(1, "3.6.14"));
  EXPECT_TRUE(Observe().endpoints.at(0).status.ok());
  member_.SetStatus(OfCluster(2, "3.6.14"));
  member_.RequireToken("second", "secret", kBadToken);
  bool answered = false;
  // The first token is not taken, since it may be a stray's; a late call may fetch the next.
  for (int round = 0; round < 4 && !answered; ++round) {
    clock_.Skip(Seconds(20));
    answered = Observe().endpoints.at(0).status.ok();
    EXPECT_FALSE(answered && round == 0);
  }
  EXPECT_TRUE(answered);
  EXPECT_EQ(member_.Tokens(Rpc::kStatus).back(), "second");
}

TEST_F(Credentials, AreKnownToBeAskedForAfterARefusal) {
  EXPECT_EQ(AuthEnabled(), true);
  EXPECT_EQ(AuthEnabled(), true);
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(Credentials, AreKnownToBeAskedForWithoutHavingAny) {
  options_.auth.reset();
  options_.backup_auth.reset();
  EXPECT_EQ(AuthEnabled(), true);
  member_.RequireToken("first", "secret",
                       {grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied"});
  EXPECT_EQ(AuthEnabled(), true);
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 0);
}

TEST_F(Credentials, AreNotKnownToBeAskedForWhereNothingTells) {
  member_.NeedNoUser();  // and 3.5.16 answers everybody either way
  EXPECT_EQ(AuthEnabled(), std::nullopt);
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 0);
}

TEST_F(Credentials, AreKnownToBeNeededNoMoreWhenAuthenticateSaysSo) {
  // Up to 3.5.9 a token is refused also where nobody needs one.
  EXPECT_EQ(AuthEnabled(), true);
  clock_.Skip(Seconds(10));
  member_.RequireToken("", "", kBadToken);
  member_.Fail(Rpc::kAuthenticate, {grpc::StatusCode::FAILED_PRECONDITION,
                                    "etcdserver: authentication is not enabled"});
  const ClusterView view = Observe();
  EXPECT_EQ(view.auth_enabled, false);
  EXPECT_TRUE(view.endpoints.at(0).status.ok()) << view.endpoints.at(0).status.error->message;
  EXPECT_EQ(AuthEnabled(), false);
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 2);
  EXPECT_EQ(member_.Tokens(Rpc::kStatus), (Strings{"", "first", "first", "", ""}));
}

TEST_F(Credentials, AreKnownToBeNeededNoMoreWhenAVersionThatAsksDoesNot) {
  member_.NeedNoUser();
  member_.SetStatus(MakeStatusResponse(1, 1, "3.6.14"));
  EXPECT_EQ(AuthEnabled(), false);
}

TEST(ClusterMemory, LearnsFromTheLastAnswerThatTells) {
  ClusterMemory memory;
  memory.SawFailure(Reason::kTimeout);
  EXPECT_EQ(memory.auth_enabled(), std::nullopt);
  for (const Reason reason : {Reason::kUnauthenticated, Reason::kPermissionDenied}) {
    memory.SawAuthentication(false);
    EXPECT_EQ(memory.auth_enabled(), false);
    memory.SawFailure(reason);
    memory.SawFailure(Reason::kTimeout);
    EXPECT_EQ(memory.auth_enabled(), true);
  }
  memory.ForgetAuthentication();
  EXPECT_EQ(memory.auth_enabled(), std::nullopt);
}

TEST(ClusterMemory, TakesNoStrangerForOursUnlessInDoubt) {
  ClusterMemory memory;
  EXPECT_TRUE(memory.MayBeOurs(2));
  EXPECT_FALSE(memory.SawCluster(1));
  EXPECT_FALSE(memory.SawCluster(1));
  EXPECT_EQ(memory.cluster_id(), 1U);
  EXPECT_TRUE(memory.MayBeOurs(1));
  EXPECT_TRUE(memory.MayBeOurs(0));
  EXPECT_FALSE(memory.MayBeOurs(2));
  memory.DoubtCluster();
  EXPECT_TRUE(memory.MayBeOurs(2));
  EXPECT_TRUE(memory.SawCluster(2));
  EXPECT_FALSE(memory.MayBeOurs(1));
}

}  // namespace
}  // namespace warden::etcd
