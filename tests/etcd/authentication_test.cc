// What an observation does about refused tokens and refused rights. Every Authenticate costs the
// cluster a raft entry, so these tests count them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <stop_token>
#include <thread>

#include "tests/etcd/fixture.h"
#include "tests/support/temp_dir.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::MakeStatusResponse;
using testing::Rpc;
using testing::TempDir;
using Strings = std::vector<std::string>;

const grpc::Status kNoToken(grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: user name is empty");
const grpc::Status kBadToken(grpc::StatusCode::UNAUTHENTICATED, "etcdserver: invalid auth token");

// Three members that want the token "first" of user "warden".
class Authentication : public ::testing::Test {
 protected:
  Authentication() { RequireToken("first", kNoToken); }

  void RequireToken(const std::string& token, const grpc::Status& refusal) {
    for (FakeEtcd& member : members_) member.RequireToken(token, "secret", refusal);
  }

  ClusterOptions Options(const std::string& password) {
    ClusterOptions options =
        OptionsFor({members_[0].endpoint(), members_[1].endpoint(), members_[2].endpoint()});
    options.auth = config::AuthConfig{.username = "warden", .password = Secret::Literal(password)};
    options.on_token_refresh = [this] { ++refreshes_; };
    return options;
  }

  int Count(Rpc rpc) const {
    return members_[0].Count(rpc) + members_[1].Count(rpc) + members_[2].Count(rpc);
  }

  static void ExpectAllAnswered(const ClusterView& view) {
    for (const EndpointView& endpoint : view.endpoints) {
      ASSERT_TRUE(endpoint.status.ok()) << endpoint.status.error->message;
      ASSERT_TRUE(endpoint.member_list && endpoint.member_list->ok());
    }
    EXPECT_EQ(view.quorum_read, true);
  }

  std::atomic<int> refreshes_ = 0;  // outlives the fake members, which outlive the clusters
  std::array<FakeEtcd, 3> members_;
};

TEST_F(Authentication, IsNotAskedForUntilACallIsRefused) {
  std::array<FakeEtcd, 2> open;
  ClusterOptions options = Options("secret");
  options.endpoints = {open[0].endpoint(), open[1].endpoint()};
  EXPECT_TRUE(ObserveOnce(options, Within(kPlenty)).endpoints[0].status.ok());
  EXPECT_EQ(open[0].Count(Rpc::kAuthenticate) + open[1].Count(Rpc::kAuthenticate), 0);
  EXPECT_EQ(open[0].Tokens(Rpc::kStatus), Strings{""});
}

TEST_F(Authentication, FetchesOneTokenForAllMembersAndAsksEachAgain) {
  // Several rounds, since the refusals race for the one Authenticate.
  for (int round = 1; round <= 10; ++round) {
    const ClusterView view = ObserveOnce(Options("secret"), Within(kPlenty));
    ExpectAllAnswered(view);
    EXPECT_EQ(Count(Rpc::kAuthenticate), round);
    EXPECT_EQ(refreshes_, round);
  }
  EXPECT_LE(Count(Rpc::kQuorumRead), 20);
}

TEST_F(Authentication, AsksEachMemberOnceMoreWithTheToken) {
  ExpectAllAnswered(ObserveOnce(Options("secret"), Within(kPlenty)));
  for (const FakeEtcd& member : members_) {
    EXPECT_EQ(member.Tokens(Rpc::kStatus), (Strings{"", "first"}));
    EXPECT_EQ(member.Tokens(Rpc::kMemberList), (Strings{"first"}));
  }
}

TEST_F(Authentication, UsesTheTokenUntilItIsRefused) {
  SkippingClock clock;
  const auto cluster = MakeCluster(Options("secret"), clock);
  ExpectAllAnswered(cluster->Observe(clock.Within(kPlenty))->Wait());
  ExpectAllAnswered(cluster->Observe(clock.Within(kPlenty))->Wait());
  EXPECT_EQ(Count(Rpc::kAuthenticate), 1);

  clock.Skip(Seconds(10));
  RequireToken("second", kBadToken);
  ExpectAllAnswered(cluster->Observe(clock.Within(kPlenty))->Wait());
  EXPECT_EQ(Count(Rpc::kAuthenticate), 2);
  EXPECT_EQ(refreshes_, 2);
  EXPECT_EQ(members_[0].Tokens(Rpc::kStatus), (Strings{"", "first", "first", "first", "second"}));
}

TEST_F(Authentication, AnswersEveryRefusalThatAsksForAToken) {
  const grpc::Status refusals[] = {
      kNoToken,
      kBadToken,
      {grpc::StatusCode::UNKNOWN, "auth: user name is empty"},
      {grpc::StatusCode::UNKNOWN, "auth: invalid auth token"},
      {grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: revision of auth store is old"},
  };
  for (const grpc::Status& refusal : refusals) {
    RequireToken("first", refusal);
    SCOPED_TRACE(refusal.error_message());
    ExpectAllAnswered(ObserveOnce(Options("secret"), Within(kPlenty)));
  }
}

TEST_F(Authentication, RefreshesTheTokenForAMemberListToo) {
  for (FakeEtcd& member : members_) member.NeedsNoToken(Rpc::kStatus);
  ExpectAllAnswered(ObserveOnce(Options("secret"), Within(kPlenty)));
  EXPECT_EQ(Count(Rpc::kAuthenticate), 1);
  EXPECT_EQ(Count(Rpc::kStatus), 3);
  EXPECT_EQ(members_[0].Tokens(Rpc::kMemberList), (Strings{"", "first"}));
}

TEST_F(Authentication, IsNotRepeatedForACallThatRefusesTheNewToken) {
  members_[1].Fail(Rpc::kStatus, kBadToken);
  const ClusterView view = ObserveOnce(Options("secret"), Within(kPlenty));
  EXPECT_TRUE(view.endpoints[0].status.ok());
  EXPECT_EQ(ReasonOf(view.endpoints[1].status.error), Reason::kUnauthenticated);
  EXPECT_EQ(Count(Rpc::kAuthenticate), 1);
  EXPECT_EQ(members_[1].Tokens(Rpc::kStatus),
            (Strings{"", "first", "first", "first", "first", "first", "first"}));
}

TEST_F(Authentication, IsNotRepeatedForATokenThatHasYetToReachAMember) {
  members_[1].LearnTokenLate(3);
  members_[2].LearnTokenLate(1);
  ExpectAllAnswered(ObserveOnce(Options("secret"), Within(kPlenty)));
  EXPECT_EQ(Count(Rpc::kAuthenticate), 1);
  // One that is asked late may be asked with the token from the start.
  const auto sent = [this](std::size_t member) {
    const Strings tokens = members_.at(member).Tokens(Rpc::kStatus);
    return std::count(tokens.begin(), tokens.end(), "first");
  };
  EXPECT_EQ(sent(1), 4);
  EXPECT_EQ(sent(2), 2);
}

TEST_F(Authentication, IsNotRepeatedForATokenThatAnotherCallFetchedMomentsAgo) {
  const auto cluster = MakeCluster(Options("secret"), TestClock());
  ExpectAllAnswered(cluster->Observe(Within(kPlenty))->Wait());
  // Both the member list and the proof of quorum may be refused first.
  for (FakeEtcd& member : members_) {
    member.NeedsNoToken(Rpc::kStatus);
    member.LearnTokenLate(4);
  }
  ExpectAllAnswered(cluster->Observe(Within(kPlenty))->Wait());
  EXPECT_EQ(Count(Rpc::kAuthenticate), 1);
}

TEST_F(Authentication, IsRepeatedAtOnceForARefusalThatNoPauseCures) {
  const auto cluster = MakeCluster(Options("secret"), TestClock());
  ExpectAllAnswered(cluster->Observe(Within(kPlenty))->Wait());
  RequireToken("second",
               {grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: revision of auth store is old"});
  ExpectAllAnswered(cluster->Observe(Within(kPlenty))->Wait());
  EXPECT_EQ(members_[0].Tokens(Rpc::kStatus), (Strings{"", "first", "first", "second"}));
}

TEST_F(Authentication, IsStillRefusedAtTheDeadlineIfTheTokenDoesNotArrive) {
  members_[1].LearnTokenLate(100);
  const ClusterView view = ObserveOnce(Options("secret"), Within(kShort));
  EXPECT_TRUE(view.endpoints[0].status.ok());
  EXPECT_EQ(ReasonOf(view.endpoints[1].status.error), Reason::kUnauthenticated);
}

TEST_F(Authentication, IsForgottenWithTheObservationThatPausesForIt) {
  for (int round = 0; round < 20; ++round) {
    members_[1].LearnTokenLate(100);
    const int before = members_[1].Count(Rpc::kStatus);
    std::stop_source stop;
    auto cluster = MakeCluster(Options("secret"), TestClock());
    const auto observation = cluster->Observe(Within(kPlenty, stop.get_token()));
    members_[1].WaitForCalls(Rpc::kStatus, before + 2 + round % 3);
    if (round % 2 == 0) {
      stop.request_stop();
    } else {
      cluster.reset();
    }
    EXPECT_FALSE(observation->Wait().endpoints[1].status.ok());
  }
}

TEST_F(Authentication, DoesNotTryAWrongPasswordAgainAtOnce) {
  const auto cluster = MakeCluster(Options("wrong"), TestClock());
  for (int i = 0; i < 3; ++i) {
    const auto observation = cluster->Observe(Within(kPlenty));
    for (const EndpointView& endpoint : observation->Wait().endpoints) {
      EXPECT_EQ(ReasonOf(endpoint.status.error), Reason::kUnauthenticated);
    }
  }
  EXPECT_EQ(Count(Rpc::kAuthenticate), 1);
  EXPECT_EQ(Count(Rpc::kStatus), 9);
  EXPECT_EQ(refreshes_, 1) << "it costs the cluster an entry, whatever comes of it";
}

TEST_F(Authentication, NeedsAPasswordThatCanBeRead) {
  ClusterOptions options = Options("secret");
  const TempDir directory;
  options.auth->password = Secret::File(directory / "missing");
  const ClusterView view = ObserveOnce(options, Within(kPlenty));
  EXPECT_EQ(ReasonOf(view.endpoints[0].status.error), Reason::kUnauthenticated);
  EXPECT_EQ(Count(Rpc::kAuthenticate), 0);
  EXPECT_EQ(refreshes_, 0);
}

TEST_F(Authentication, ReadsThePasswordAfreshForEachToken) {
  ClusterOptions options = Options("secret");
  const TempDir directory;
  options.auth->password = Secret::File(directory.Write("password", "secret\n"));
  const auto cluster = MakeCluster(options, TestClock());
  ExpectAllAnswered(cluster->Observe(Within(kPlenty))->Wait());

  for (FakeEtcd& member : members_) member.RequireToken("second", "rotated", kBadToken);
  directory.Write("password", "rotated\n");
  ExpectAllAnswered(cluster->Observe(Within(kPlenty))->Wait());
}

TEST_F(Authentication, IsNotTriedWithoutCredentials) {
  ClusterOptions options = Options("secret");
  options.auth.reset();
  const ClusterView view = ObserveOnce(options, Within(kPlenty));
  EXPECT_EQ(ReasonOf(view.endpoints[0].status.error), Reason::kUnauthenticated);
  EXPECT_EQ(Count(Rpc::kAuthenticate), 0);
  EXPECT_EQ(Count(Rpc::kStatus), 3);
}

const grpc::Status kNoRight(grpc::StatusCode::PERMISSION_DENIED, "etcdserver: permission denied");
const grpc::Status kNoRightBefore36(grpc::StatusCode::UNKNOWN, "auth: permission denied");
const grpc::Status kNoSuchUser(grpc::StatusCode::UNKNOWN, "auth: user not found");

TEST_F(Authentication, ReplacesTheUserOfTheClientCertificate) {
  // Without a token etcd takes the certificate's common name for the user.
  for (const auto& refusal : {kNoRight, kNoRightBefore36, kNoSuchUser}) {
    RequireToken("first", refusal);
    SCOPED_TRACE(refusal.error_message());
    ExpectAllAnswered(ObserveOnce(Options("secret"), Within(kPlenty)));
  }
  EXPECT_EQ(Count(Rpc::kAuthenticate), 3);
}

TEST_F(Authentication, IsNoCureForMissingRightsOfTheConfiguredUser) {
  const auto cluster = MakeCluster(Options("secret"), TestClock());
  ExpectAllAnswered(cluster->Observe(Within(kPlenty))->Wait());
  for (const auto& refusal : {kNoRight, kNoRightBefore36}) {
    RequireToken("another", refusal);
    const auto observation = cluster->Observe(Within(kPlenty));
    EXPECT_EQ(ReasonOf(observation->Wait().endpoints[0].status.error), Reason::kPermissionDenied);
  }
  EXPECT_EQ(Count(Rpc::kAuthenticate), 1);
}

TEST_F(Authentication, ThatHangsEndsWithTheDeadline) {
  for (FakeEtcd& member : members_) member.Hang(Rpc::kAuthenticate);
  const ClusterView view = ObserveOnce(Options("secret"), Within(kShort));
  for (const EndpointView& endpoint : view.endpoints) EXPECT_FALSE(endpoint.status.ok());
  EXPECT_EQ(Count(Rpc::kAuthenticate), 1);
}

TEST_F(Authentication, ThatHangsDelaysNoMemberThatNeedsNoToken) {
  for (FakeEtcd& member : members_) member.Hang(Rpc::kAuthenticate);
  FakeEtcd open;
  ClusterOptions options = Options("secret");
  options.endpoints = {members_[0].endpoint(), open.endpoint()};
  // Long enough for two round trips on a busy machine, and always waited for.
  const ClusterView view = ObserveOnce(options, Within(5 * kShort));
  EXPECT_FALSE(view.endpoints[0].status.ok());
  EXPECT_TRUE(view.endpoints[1].status.ok());
  EXPECT_TRUE(view.endpoints[1].member_list->ok());
}

TEST_F(Authentication, IsCancelledWithTheObservation) {
  for (FakeEtcd& member : members_) member.Hang(Rpc::kAuthenticate);
  std::stop_source stop;
  const auto cluster = MakeCluster(Options("secret"), TestClock());
  const auto observation = cluster->Observe(Within(kPlenty, stop.get_token()));
  while (Count(Rpc::kAuthenticate) == 0) std::this_thread::sleep_for(Milliseconds(5));
  stop.request_stop();
  for (const EndpointView& endpoint : observation->Wait().endpoints) {
    EXPECT_FALSE(endpoint.status.ok());
  }
}

}  // namespace
}  // namespace warden::etcd
