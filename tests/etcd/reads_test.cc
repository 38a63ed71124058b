// What one member is asked about its keys, leases and users, against one that answers as a test
// says.
#include "exporter/etcd/reads.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/etcd/fixture.h"
#include "tests/support/tcp_port.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::Rpc;
using testing::TcpPort;
using Strings = std::vector<std::string>;

const grpc::Status kCompacted(grpc::StatusCode::OUT_OF_RANGE,
                              "etcdserver: mvcc: required revision has been compacted");
const grpc::Status kNoUser(grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: user name is empty");
const grpc::Status kNoRight(grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied");
const grpc::Status kNoSuchCall(grpc::StatusCode::UNIMPLEMENTED,
                               "unknown method AuthStatus for service etcdserverpb.Auth");

class ReadsTest : public ::testing::Test {
 protected:
  ReadsTest() {
    member_.kv().Put("/a", {.value = "1", .create_revision = 10, .mod_revision = 12, .version = 3});
    member_.kv().Put("/b", {.value = std::string("\0\xff", 2), .lease = 77});
  }

  std::unique_ptr<Reads> Make() {
    ClusterOptions options = OptionsFor({member_.endpoint()});
    options.auth = auth_;
    return MakeReads(options, TestClock());
  }

  RpcOutcome<KeyCount> CountKeys(const ReadAt& at = {},
                                 const Deadline& deadline = Within(kPlenty)) {
    return Make()->CountKeys(member_.endpoint(), at, deadline);
  }
  RpcOutcome<bool> AuthEnabled() {
    return Make()->AuthEnabled(member_.endpoint(), Within(kPlenty));
  }

  std::optional<config::AuthConfig> auth_;
  FakeEtcd member_;
};

TEST_F(ReadsTest, CountTheWholeKeySpaceAtTheRevision) {
  const auto outcome = CountKeys({.revision = 4000});
  ASSERT_TRUE(outcome.ok()) << outcome.error->message;
  EXPECT_EQ(outcome.value->keys, 2U);
  EXPECT_EQ(outcome.value->sender.member,
            (MemberIdentity{.cluster_id = 0xef37ad9dc622a7c4, .member_id = 1}));
  EXPECT_EQ(outcome.value->sender.current_revision, 4242);
  EXPECT_GT(outcome.duration, Nanoseconds(0));
  const etcdserverpb::RangeRequest asked = member_.last_range();
  EXPECT_EQ(asked.key(), std::string(1, '\0'));
  EXPECT_EQ(asked.range_end(), std::string(1, '\0'));
  EXPECT_EQ(asked.revision(), 4000);
  EXPECT_TRUE(asked.count_only());
  EXPECT_FALSE(asked.serializable());
}

TEST_F(ReadsTest, AskTheMemberAloneIfThatIsWanted) {
  const ReadAt alone{.consistency = Consistency::kSerializable};
  const auto reads = Make();
  EXPECT_TRUE(reads->CountKeys(member_.endpoint(), alone, Within(kPlenty)).ok());
  EXPECT_TRUE(member_.last_range().serializable());
  EXPECT_TRUE(reads->ReadKey(member_.endpoint(), "/a", alone, Within(kPlenty)).ok());
  EXPECT_TRUE(member_.last_range().serializable());
  EXPECT_TRUE(reads->HasKey(member_.endpoint(), "/a", alone, Within(kPlenty)).ok());
  EXPECT_TRUE(member_.last_range().serializable());
}

TEST_F(ReadsTest, ReadKeysInTheirOrder) {
  const auto reads = Make();
  const Strings keys = {"/b", "/none", "/a"};
  const auto outcome =
      ReadKeys(*reads, member_.endpoint(), keys, {.revision = 4000}, Within(kPlenty));
  ASSERT_TRUE(outcome.ok()) << outcome.error->message;
  ASSERT_EQ(outcome.value->size(), 3U);
  EXPECT_EQ(outcome.value->at(0), (KeyEntry{.key = "/b",
                                            .value = std::string("\0\xff", 2),
                                            .create_revision = 1,
                                            .mod_revision = 1,
                                            .version = 1,
                                            .lease = 77}));
  EXPECT_EQ(outcome.value->at(1), std::nullopt);
  EXPECT_EQ(outcome.value->at(2), (KeyEntry{.key = "/a",
                                            .value = "1",
                                            .create_revision = 10,
                                            .mod_revision = 12,
                                            .version = 3,
                                            .lease = 0}));
  EXPECT_EQ(member_.last_range().revision(), 4000);
  EXPECT_EQ(member_.last_range().range_end(), "");
  EXPECT_FALSE(member_.last_range().count_only());
}

TEST_F(ReadsTest, ReadAValueOfAnySize) {
  const std::string large(6'000'000, 'x');
  member_.kv().Put("/large", {.value = large});
  const auto outcome = Make()->ReadKey(member_.endpoint(), "/large", {}, Within(kPlenty));
  ASSERT_TRUE(outcome.ok()) << outcome.error->message;
  EXPECT_EQ(outcome.value->value().value, large);
}

TEST_F(ReadsTest, ReadNoMoreKeysOnceOneFailed) {
  const auto reads = Make();
  member_.Fail(Rpc::kRange, kCompacted);
  const auto outcome =
      ReadKeys(*reads, member_.endpoint(), Strings{"/a", "/b"}, {.revision = 3}, Within(kPlenty));
  ASSERT_TRUE(outcome.error);
  EXPECT_FALSE(outcome.value);
  EXPECT_EQ(outcome.error->code, Code::kOutOfRange);
  EXPECT_EQ(member_.Count(Rpc::kRange), 1);
}

TEST_F(ReadsTest, TellWhetherThereIsAKeyWithoutItsValue) {
  const auto reads = Make();
  for (const auto& [key, there] : {std::pair("/a", true), std::pair("/none", false)}) {
    const auto outcome = reads->HasKey(member_.endpoint(), key, {}, Within(kPlenty));
    ASSERT_TRUE(outcome.ok()) << outcome.error->message;
    EXPECT_EQ(*outcome.value, there) << key;
    EXPECT_TRUE(member_.last_range().count_only());
    EXPECT_EQ(member_.last_range().range_end(), "");
  }
}

TEST_F(ReadsTest, CountLeases) {
  for (const std::int64_t lease : {5, 6, 7}) {
    etcdserverpb::LeaseGrantRequest request;
    request.set_id(lease);
    request.set_ttl(60);
    EXPECT_TRUE(member_.kv().Grant(request).ok());
  }
  const auto outcome = Make()->CountLeases(member_.endpoint(), Within(kPlenty));
  ASSERT_TRUE(outcome.ok()) << outcome.error->message;
  EXPECT_EQ(outcome.value->leases, 3U);
  EXPECT_EQ(outcome.value->sender.member.member_id, 1U);
}

TEST_F(ReadsTest, TellWhetherUsersAreAskedFor) {
  EXPECT_EQ(AuthEnabled().value, false);
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  member_.RequireToken("first", "secret", kNoUser);
  EXPECT_EQ(AuthEnabled().value, true);
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(ReadsTest, TakeARefusalForAnAnswerAboutUsers) {
  for (const grpc::Status& refusal : {kNoUser, kNoRight}) {
    member_.Fail(Rpc::kAuthStatus, refusal);
    const auto outcome = AuthEnabled();
    EXPECT_EQ(outcome.value, true) << refusal.error_message();
    EXPECT_FALSE(outcome.error) << refusal.error_message();
  }
}

// As 3.4: there Authenticate looks first whether there are users at all.
TEST_F(ReadsTest, TellWhetherUsersAreAskedForWhereTheCallIsMissing) {
  member_.Fail(Rpc::kAuthStatus, kNoSuchCall);
  EXPECT_EQ(AuthEnabled().value, false);
  member_.RequireToken("first", "secret", kNoUser);
  member_.NeedsNoToken(Rpc::kAuthStatus);
  const auto enabled = AuthEnabled();
  EXPECT_EQ(enabled.value, true);
  EXPECT_FALSE(enabled.error);
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 2);
}

TEST_F(ReadsTest, DoNotKnowAboutUsersWhileNobodyAnswers) {
  const grpc::Status no_leader(grpc::StatusCode::UNAVAILABLE, "etcdserver: no leader");
  member_.Fail(Rpc::kAuthStatus, no_leader);
  EXPECT_EQ(ReasonOf(AuthEnabled().error), Reason::kNoLeader);
  member_.Fail(Rpc::kAuthStatus, kNoSuchCall);
  member_.Fail(Rpc::kAuthenticate, no_leader);
  const auto outcome = AuthEnabled();
  EXPECT_EQ(ReasonOf(outcome.error), Reason::kNoLeader);
  EXPECT_FALSE(outcome.value);
}

TEST_F(ReadsTest, AreMadeAsTheBackupUser) {
  member_.RequireToken("first", "secret", kNoUser);
  member_.AddUser("backup", "other", "second");
  ClusterOptions options = OptionsFor({member_.endpoint()});
  options.auth = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  options.backup_auth =
      config::AuthConfig{.username = "backup", .password = Secret::Literal("other")};
  const auto reads = MakeReads(options, TestClock());
  EXPECT_TRUE(reads->CountKeys(member_.endpoint(), {}, Within(kPlenty)).ok());
  EXPECT_TRUE(reads->CountLeases(member_.endpoint(), Within(kPlenty)).ok());
  EXPECT_EQ(member_.Tokens(Rpc::kRange), (Strings{"", "second"}));
  EXPECT_EQ(member_.Tokens(Rpc::kLeaseLeases), (Strings{"second"}));
}

TEST_F(ReadsTest, FailWithTheirReason) {
  const TcpPort refuses(TcpPort::Kind::kRefuses);
  const auto refused = Make()->CountKeys(refuses.endpoint(), {}, Within(kPlenty));
  EXPECT_EQ(ReasonOf(refused.error), Reason::kConnect);
  EXPECT_FALSE(refused.value);
  member_.Fail(Rpc::kRange, kCompacted);
  EXPECT_EQ(CountKeys({.revision = 3}).error->code, Code::kOutOfRange);
  member_.Fail(Rpc::kRange, kNoRight);
  EXPECT_EQ(ReasonOf(CountKeys().error), Reason::kPermissionDenied);
}

TEST_F(ReadsTest, EndAtTheirDeadline) {
  for (const Rpc rpc : {Rpc::kRange, Rpc::kLeaseLeases, Rpc::kAuthStatus}) member_.Hang(rpc);
  const auto reads = Make();
  EXPECT_EQ(ReasonOf(CountKeys({}, Within(kShort)).error), Reason::kTimeout);
  EXPECT_EQ(ReasonOf(reads->CountLeases(member_.endpoint(), Within(kShort)).error),
            Reason::kTimeout);
  EXPECT_EQ(ReasonOf(reads->AuthEnabled(member_.endpoint(), Within(kShort)).error),
            Reason::kTimeout);
}

}  // namespace
}  // namespace warden::etcd
