// The lock between wardens where etcd cannot say whose the work is, or not every endpoint can.
#include <string>
#include <thread>
#include <vector>

#include "tests/etcd/lock_fixture.h"
#include "tests/support/tcp_port.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::FakeEtcdKv;
using testing::Rpc;
using testing::TcpPort;
using Strings = std::vector<std::string>;

const grpc::Status kForbidden(grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied");

using LockTrouble = Lock;

TEST_F(LockTrouble, IsUnavailableAndSaysWhy) {
  struct Case {
    Rpc rpc;
    grpc::Status status;
    std::string says;
  };
  const std::string command = "etcdctl role grant-permission ROLE readwrite --prefix=true ";
  const std::vector<Case> cases = {
      {Rpc::kRange, kTimedOut, "request timed out (does the cluster have a quorum?)"},
      {Rpc::kTxn, kTimedOut, "request timed out (does the cluster have a quorum?)"},
      {Rpc::kRange, {grpc::StatusCode::UNAVAILABLE, "etcdserver: no leader"}, "have a quorum?"},
      {Rpc::kLeaseGrant, kNoSpace, "space exceeded (etcd takes no writes before space is made"},
      {Rpc::kTxn, {grpc::StatusCode::DATA_LOSS, "etcdserver: corrupt cluster"}, "corrupt cluster"},
      {Rpc::kRange, kForbidden, command + "/etcd-warden/`"},
      {Rpc::kTxn, kForbidden, command + "/etcd-warden/`"},
  };
  for (const Case& each : cases) {
    FailBoth(each.rpc, each.status);
    Claim claim = TryClaim(*a_);
    EXPECT_EQ(claim.verdict, ClaimVerdict::kUnavailable) << each.says;
    EXPECT_NE(claim.reason.find(each.says), std::string::npos) << claim.reason;
    EXPECT_EQ(claim.reason.rfind("http://127.0.0.1:", 0), 0U) << claim.reason;
    FailBoth(each.rpc, grpc::Status::OK);
    EXPECT_TRUE(a_->GiveUp(claim, Within(kPlenty)).ok());
    EXPECT_TRUE(kv_->leases().empty()) << each.says;
  }
}

TEST_F(LockTrouble, LeavesTheMarkOfWorkThatWasDoneWithoutIt) {
  FailBoth(Rpc::kRange, kTimedOut);
  Claim claim = TryClaim(*a_);
  EXPECT_EQ(claim.verdict, ClaimVerdict::kUnavailable);
  FailBoth(Rpc::kRange, grpc::Status::OK);
  EXPECT_TRUE(Done(*a_, claim).ok());
  EXPECT_EQ(TryClaim(*b_).holder, "a");
}

TEST_F(LockTrouble, AsksTheNextEndpointWhereOneCannotAnswer) {
  const std::vector<grpc::Status> troubles = {
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: rpc not supported for learner"},
      {grpc::StatusCode::FAILED_PRECONDITION, "etcdserver: rpc not supported for learner"},
      {grpc::StatusCode::UNAVAILABLE, "etcdserver: server stopped"},
      {grpc::StatusCode::UNKNOWN, "context deadline exceeded"},
      kTimedOut};
  for (const grpc::Status& trouble : troubles) {
    first_.Fail(Rpc::kRange, trouble);
    const auto lock = MakeLock(Named("c"));
    Claim claim = TryClaim(*lock);
    EXPECT_EQ(claim.verdict, ClaimVerdict::kOurs) << trouble.error_message() << claim.reason;
    EXPECT_TRUE(lock->GiveUp(claim, Within(kPlenty)).ok());
  }
}

TEST_F(LockTrouble, TellsTheTroubleOfAnEndpointThatIsReached) {
  const TcpPort refuses(TcpPort::Kind::kRefuses);
  first_.Fail(Rpc::kRange, kTimedOut);
  const auto lock =
      MakeWorkLock(OptionsFor({refuses.endpoint(), first_.endpoint()}), Named("c"), TestClock());
  const Claim claim = TryClaim(*lock);
  EXPECT_EQ(claim.verdict, ClaimVerdict::kUnavailable);
  EXPECT_EQ(claim.reason.rfind(first_.endpoint().url + ": etcdserver: request timed out", 0), 0U)
      << claim.reason;
}

TEST_F(LockTrouble, AsksNobodyElseWhereTheClusterRefuses) {
  FailBoth(Rpc::kRange, kForbidden);
  TryClaim(*a_);
  EXPECT_EQ(Count(Rpc::kRange), 1);
}

TEST_F(LockTrouble, BeginsWithTheEndpointThatAnsweredLast) {
  WorkLockOptions options = Named("c");
  // What one endpoint uses up is left for all calls to the other.
  options.rpc_timeout = Seconds(1);
  first_.Hang(Rpc::kRange);
  const auto lock = MakeLock(options);
  EXPECT_EQ(TryClaim(*lock).verdict, ClaimVerdict::kOurs);
  EXPECT_LT(first_.Patience(Rpc::kRange), Seconds(2));
  EXPECT_EQ(TryClaim(*lock).verdict, ClaimVerdict::kOurs);
  EXPECT_EQ(first_.Count(Rpc::kRange), 1);
}

TEST_F(LockTrouble, GivesUpOnAClusterThatHangsAfterTwoEndpoints) {
  FakeEtcd third(std::nullopt, 0, "127.0.0.1", kv_);
  for (FakeEtcd* member : {&first_, &second_, &third}) member->Hang(Rpc::kRange);
  WorkLockOptions options = Named("c");
  options.rpc_timeout = kShort;
  const auto lock = MakeWorkLock(
      OptionsFor({first_.endpoint(), second_.endpoint(), third.endpoint()}), options, TestClock());
  EXPECT_EQ(TryClaim(*lock).verdict, ClaimVerdict::kUnavailable);
  EXPECT_EQ(third.Count(Rpc::kRange), 0);
}

TEST_F(LockTrouble, EndsAtItsDeadlineAndWhenItIsStopped) {
  first_.Hang(Rpc::kRange);
  EXPECT_EQ(a_->TryClaim(kTick, Within(kShort)).verdict, ClaimVerdict::kUnavailable);
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_EQ(first_.WaitForCalls(Rpc::kRange, 2), 2);
    stop.request_stop();
  });
  EXPECT_EQ(b_->TryClaim(kTick, Within(kPlenty, stop.get_token())).verdict,
            ClaimVerdict::kUnavailable);
  EXPECT_EQ(first_.Abandoned(2), 2);
  EXPECT_EQ(second_.Count(Rpc::kRange), 0);
}

TEST_F(LockTrouble, IsUnavailableWhereTheKeyIsNoWardens) {
  const std::vector<FakeEtcdKv::Entry> entries = {
      {.value = "hello", .lease = 7},
      {.value = R"({"state":"elsewhere","holder":"x"})", .lease = 7},
      // Nothing would ever end it.
      {.value = R"({"state":"held","holder":"x"})", .lease = 0},
  };
  for (const FakeEtcdKv::Entry& entry : entries) {
    kv_->Put(kKey, entry);
    const Claim claim = TryClaim(*a_);
    EXPECT_EQ(claim.verdict, ClaimVerdict::kUnavailable) << entry.value;
    EXPECT_EQ(claim.reason, "the key " + kKey + " is none of a warden's");
  }
}

TEST_F(LockTrouble, IsClaimedAsTheBackupUser) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  backup_auth_ = config::AuthConfig{.username = "root", .password = Secret::Literal("toor")};
  for (FakeEtcd* member : {&first_, &second_}) {
    member->RequireToken("observer", "secret",
                         {grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: user name is empty"});
    member->AddUser("root", "toor", "backup");
  }
  const auto lock = MakeLock(Named("c"));
  Claim ours = TryClaim(*lock);
  EXPECT_EQ(ours.verdict, ClaimVerdict::kOurs) << ours.reason;
  EXPECT_TRUE(Done(*lock, ours).ok());
  EXPECT_EQ(first_.Tokens(Rpc::kRange), (Strings{"", "backup"}));
  EXPECT_EQ(first_.Tokens(Rpc::kTxn), (Strings{"backup", "backup"}));
  EXPECT_EQ(first_.Count(Rpc::kAuthenticate), 1);
}

}  // namespace
}  // namespace warden::etcd
