// `endpoint health`: one linearizable read through every endpoint.
#include <gtest/gtest.h>

#include <array>
#include <stop_token>
#include <thread>

#include "tests/etcd/fixture.h"
#include "tests/support/tcp_port.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::Rpc;
using testing::TcpPort;

class Health : public ::testing::Test {
 protected:
  std::vector<EndpointHealth> Check(const Deadline& deadline) {
    ClusterOptions options =
        OptionsFor({members_[0].endpoint(), members_[1].endpoint(), members_[2].endpoint()});
    options.auth = auth_;
    return MakeCluster(options, TestClock())->CheckHealth(deadline);
  }

  void RequireToken(const std::string& password) {
    for (FakeEtcd& member : members_) {
      member.RequireToken("first", "secret",
                          {grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: user name is empty"});
    }
    auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal(password)};
  }

  int Authenticates() const {
    return members_[0].Count(Rpc::kAuthenticate) + members_[1].Count(Rpc::kAuthenticate) +
           members_[2].Count(Rpc::kAuthenticate);
  }

  std::optional<config::AuthConfig> auth_;
  std::array<FakeEtcd, 3> members_;
};

TEST_F(Health, IsALinearizableReadThroughEveryEndpoint) {
  const auto answers = Check(Within(kPlenty));
  ASSERT_EQ(answers.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answers[i].endpoint, members_.at(i).endpoint());
    EXPECT_FALSE(answers[i].error);
    EXPECT_GT(answers[i].duration, Nanoseconds(0));
    EXPECT_EQ(members_.at(i).Count(Rpc::kRange), 1);
    EXPECT_EQ(members_.at(i).last_range().key(), "health");
    EXPECT_FALSE(members_.at(i).last_range().serializable());
  }
}

TEST_F(Health, IsProvedByARefusalForLackOfRights) {
  members_[0].Fail(Rpc::kRange,
                   {grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied"});
  EXPECT_FALSE(Check(Within(kPlenty))[0].error);
}

TEST_F(Health, IsDeniedToMembersThatFailOrHang) {
  members_[0].Fail(Rpc::kRange, {grpc::StatusCode::UNAVAILABLE, "etcdserver: request timed out"});
  members_[1].Hang(Rpc::kRange);
  const auto answers = Check(Within(kShort));
  EXPECT_EQ(ReasonOf(answers[0].error), Reason::kTimeout);
  EXPECT_EQ(answers[0].error->message, "etcdserver: request timed out");
  EXPECT_EQ(ReasonOf(answers[1].error), Reason::kTimeout);
  EXPECT_FALSE(answers[2].error);
}

TEST_F(Health, IsDeniedToLearners) {
  members_[0].Fail(Rpc::kRange,
                   {grpc::StatusCode::UNAVAILABLE, "etcdserver: rpc not supported for learner"});
  EXPECT_EQ(ReasonOf(Check(Within(kPlenty))[0].error), Reason::kLearner);
}

TEST_F(Health, IsDeniedWhereNobodyListens) {
  const TcpPort refuses(TcpPort::Kind::kRefuses);
  const auto answers =
      MakeCluster(OptionsFor({refuses.endpoint()}), TestClock())->CheckHealth(Within(kPlenty));
  EXPECT_EQ(ReasonOf(answers.at(0).error), Reason::kConnect);
}

TEST_F(Health, IsUnknownWithoutCredentials) {
  RequireToken("secret");
  auth_.reset();
  for (const EndpointHealth& answer : Check(Within(kPlenty))) {
    EXPECT_EQ(ReasonOf(answer.error), Reason::kUnauthenticated);
  }
  EXPECT_EQ(Authenticates(), 0);
}

TEST_F(Health, IsReadWithOneTokenForAllEndpoints) {
  RequireToken("secret");
  for (const EndpointHealth& answer : Check(Within(kPlenty))) {
    EXPECT_FALSE(answer.error) << answer.error->message;
  }
  EXPECT_EQ(Authenticates(), 1);
}

TEST_F(Health, IsReadOnceTheTokenHasReachedEveryMember) {
  RequireToken("secret");
  for (FakeEtcd& member : members_) member.LearnTokenLate(2);
  for (const EndpointHealth& answer : Check(Within(kPlenty))) {
    EXPECT_FALSE(answer.error) << answer.error->message;
  }
  EXPECT_EQ(Authenticates(), 1);
}

TEST_F(Health, SaysWhyItCouldNotAuthenticate) {
  RequireToken("wrong");
  bool said = false;
  for (const EndpointHealth& answer : Check(Within(kPlenty))) {
    EXPECT_EQ(ReasonOf(answer.error), Reason::kUnauthenticated);
    said = said || answer.error->message.find("invalid user ID or password") != std::string::npos;
  }
  EXPECT_TRUE(said);
  EXPECT_EQ(Authenticates(), 1);
}

TEST_F(Health, EndsWhenItIsStopped) {
  for (FakeEtcd& member : members_) member.Hang(Rpc::kRange);
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_EQ(members_[0].WaitForCalls(Rpc::kRange, 1), 1);
    stop.request_stop();
  });
  for (const EndpointHealth& answer : Check(Within(kPlenty, stop.get_token()))) {
    EXPECT_EQ(ReasonOf(answer.error), Reason::kCanceled);
  }
}

}  // namespace
}  // namespace warden::etcd
