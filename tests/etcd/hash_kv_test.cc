// One member's hash over its keys.
#include <gtest/gtest.h>

#include <stop_token>
#include <thread>

#include "tests/etcd/fixture.h"
#include "tests/support/tcp_port.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::Rpc;
using testing::TcpPort;
using Strings = std::vector<std::string>;

class HashKv : public ::testing::Test {
 protected:
  HashKv() {
    response_.mutable_header()->set_cluster_id(12);
    response_.mutable_header()->set_member_id(34);
    response_.set_hash(0xdeadbeef);
    response_.set_compact_revision(100);
    response_.set_hash_revision(4000);
    member_.SetHash(response_);
  }

  RpcOutcome<KvHash> Hash(const Deadline& deadline = Within(kPlenty)) {
    ClusterOptions options = OptionsFor({member_.endpoint()});
    options.auth = auth_;
    return MakeCluster(options, TestClock())->HashKv(member_.endpoint(), 4000, deadline);
  }

  etcdserverpb::HashKVResponse response_;
  std::optional<config::AuthConfig> auth_;
  FakeEtcd member_;
};

TEST_F(HashKv, IsAskedForAtTheRevision) {
  const auto outcome = Hash();
  ASSERT_TRUE(outcome.ok()) << outcome.error->message;
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.value->cluster_id, 12U);
  EXPECT_EQ(outcome.value->member_id, 34U);
  EXPECT_EQ(outcome.value->hash, 0xdeadbeefU);
  EXPECT_EQ(outcome.value->compact_revision, 100);
  EXPECT_EQ(outcome.value->revision, 4000);
  EXPECT_GT(outcome.duration, Nanoseconds(0));
  EXPECT_LE(outcome.finished, TestClock().Steady());
  EXPECT_EQ(member_.Count(Rpc::kHashKv), 1);
  EXPECT_EQ(member_.last_hashed_revision(), 4000);
}

TEST_F(HashKv, IsAtTheRevisionAskedForIfTheServerDoesNotSay) {
  // Below 3.6; -1: never compacted.
  response_.clear_hash_revision();
  response_.set_compact_revision(-1);
  member_.SetHash(response_);
  const auto outcome = Hash();
  ASSERT_TRUE(outcome.ok()) << outcome.error->message;
  EXPECT_EQ(outcome.value->revision, 4000);
  EXPECT_EQ(outcome.value->compact_revision, -1);
}

TEST_F(HashKv, FailsWithItsReason) {
  const TcpPort refuses(TcpPort::Kind::kRefuses);
  const auto refused = MakeCluster({}, TestClock())->HashKv(refuses.endpoint(), 1, Within(kPlenty));
  EXPECT_EQ(ReasonOf(refused.error), Reason::kConnect);
  EXPECT_FALSE(refused.value);
  member_.Fail(Rpc::kHashKv, {grpc::StatusCode::OUT_OF_RANGE,
                              "etcdserver: mvcc: required revision has been compacted"});
  const auto compacted = Hash();
  EXPECT_EQ(ReasonOf(compacted.error), Reason::kOther);
  EXPECT_EQ(compacted.error->code, Code::kOutOfRange);
}

TEST_F(HashKv, EndsAtItsDeadlineAndWhenItIsStopped) {
  member_.Hang(Rpc::kHashKv);
  EXPECT_EQ(ReasonOf(Hash(Within(kShort)).error), Reason::kTimeout);
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_EQ(member_.WaitForCalls(Rpc::kHashKv, 2), 2);
    stop.request_stop();
  });
  EXPECT_EQ(ReasonOf(Hash(Within(kPlenty, stop.get_token())).error), Reason::kCanceled);
}

TEST_F(HashKv, FetchesATokenWhenItIsRefused) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  // As 3.4 and 3.5 word it.
  member_.RequireToken("first", "secret", {grpc::StatusCode::UNKNOWN, "auth: user name is empty"});
  const auto outcome = Hash();
  EXPECT_TRUE(outcome.ok()) << outcome.error->message;
  EXPECT_EQ(member_.Tokens(Rpc::kHashKv), (Strings{"", "first"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(HashKv, PausesForATokenThatHasYetToReachTheMember) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  member_.RequireToken("first", "secret", {grpc::StatusCode::UNKNOWN, "auth: user name is empty"});
  member_.LearnTokenLate(2);
  EXPECT_TRUE(Hash().ok());
  EXPECT_EQ(member_.Tokens(Rpc::kHashKv), (Strings{"", "first", "first", "first"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(HashKv, StopsPausingAtItsDeadlineAndWhenItIsStopped) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  member_.RequireToken("first", "secret", {grpc::StatusCode::UNKNOWN, "auth: user name is empty"});
  member_.LearnTokenLate(100);
  EXPECT_EQ(ReasonOf(Hash(Within(kShort)).error), Reason::kUnauthenticated);
  std::stop_source stop;
  const int before = member_.Count(Rpc::kHashKv);
  std::jthread stopper([&] {
    EXPECT_GE(member_.WaitForCalls(Rpc::kHashKv, before + 3), before + 3);
    stop.request_stop();
  });
  const auto stopped = Hash(Within(kPlenty, stop.get_token()));
  EXPECT_FALSE(stopped.ok());
  EXPECT_LT(member_.Count(Rpc::kHashKv), before + 7);
}

TEST_F(HashKv, SaysWhyItCouldNotAuthenticate) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("wrong")};
  member_.RequireToken("first", "secret", {grpc::StatusCode::UNKNOWN, "auth: user name is empty"});
  const auto outcome = Hash();
  EXPECT_EQ(ReasonOf(outcome.error), Reason::kUnauthenticated);
  EXPECT_NE(outcome.error->message.find("authenticate as warden"), std::string::npos)
      << outcome.error->message;
  EXPECT_EQ(member_.Count(Rpc::kHashKv), 1);
}

}  // namespace
}  // namespace warden::etcd
