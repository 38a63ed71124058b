// The snapshot stream: what the sink gets to see, and how streams end that do not end well.
#include <gtest/gtest.h>

#include <atomic>
#include <stop_token>
#include <thread>

#include "tests/etcd/fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/tcp_port.h"
#include "tests/support/temp_dir.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::Rpc;
using testing::SnapshotStep;
using testing::TcpPort;
using Kind = SnapshotStep::Kind;
using Strings = std::vector<std::string>;

struct Received {
  std::uint64_t remaining_bytes = 0;
  std::string blob;
  std::string version;
  friend bool operator==(const Received&, const Received&) = default;
};

class Snapshot : public ::testing::Test {
 protected:
  ~Snapshot() override { member_.Release(); }

  // Streams from the member into received_; each chunk is answered with `answer`.
  Status Stream(const Deadline& deadline, Milliseconds idle_timeout = kPlenty,
                const Status& answer = {}) {
    ClusterOptions options = OptionsFor({member_.endpoint()});
    options.auth = auth_;
    options.on_token_refresh = [this] { ++refreshes_; };
    const auto error =
        MakeCluster(options, TestClock())
            ->Snapshot(member_.endpoint(), idle_timeout, deadline,
                       [this, &answer](const SnapshotChunk& chunk) {
                         received_.push_back({chunk.remaining_bytes, std::string(chunk.blob),
                                              std::string(chunk.version)});
                         return answer;
                       });
    reason_ = ReasonOf(error);
    return AsStatus(error);
  }

  static std::vector<SnapshotStep> Database() {
    return {{.remaining_bytes = 6, .blob = "abc", .version = "3.6.0"},
            {.remaining_bytes = 3, .blob = "def", .version = "3.6.0"},
            {.remaining_bytes = 0, .blob = "ghi", .version = "3.6.0"},
            {.remaining_bytes = 0, .blob = "digest", .version = "3.6.0"}};
  }

  std::vector<Received> received_;
  std::optional<Reason> reason_;  // of the last Stream
  std::optional<config::AuthConfig> auth_;
  int refreshes_ = 0;
  FakeEtcd member_;
};

TEST_F(Snapshot, HandsOverEveryMessageInOrder) {
  member_.SetSnapshot(Database());
  const Status status = Stream(Within(kPlenty));
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(
      received_,
      (std::vector<Received>{
          {6, "abc", "3.6.0"}, {3, "def", "3.6.0"}, {0, "ghi", "3.6.0"}, {0, "digest", "3.6.0"}}));
}

TEST_F(Snapshot, TakesMessagesLargerThanTheUsualLimit) {
  member_.SetSnapshot({{.remaining_bytes = 0, .blob = std::string(8U << 20U, 'x')}});
  const Status status = Stream(Within(kPlenty));
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(received_.at(0).blob.size(), 8U << 20U);
}

TEST_F(Snapshot, StreamsOverTls) {
  const testing::TempDir directory;
  testing::CertificateAuthority authority(directory);
  const testing::CertificateFiles files = authority.Issue("server");
  FakeEtcd member(testing::FakeEtcdTls{.cert = files.cert, .key = files.key, .client_ca = {}});
  member.SetSnapshot(Database());
  ClusterOptions options;
  options.tls.ca_file = authority.file();
  int chunks = 0;
  const Status status = AsStatus(
      MakeCluster(options, TestClock())
          ->Snapshot(member.endpoint(), kPlenty, Within(kPlenty), [&chunks](const SnapshotChunk&) {
            ++chunks;
            return Status();
          }));
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(chunks, 4);
}

TEST_F(Snapshot, FailsAsItsSinkDoesAndCancelsTheStream) {
  member_.SetSnapshot({{.remaining_bytes = 9, .blob = "abc"}, {.kind = Kind::kHang}});
  const Status status =
      Stream(Within(kPlenty), kPlenty, Status(Code::kResourceExhausted, "the disk is full"));
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_EQ(status.message(), "the disk is full");
  EXPECT_EQ(reason_, Reason::kOther);
  EXPECT_EQ(received_.size(), 1U);
  EXPECT_EQ(member_.Abandoned(1), 1);
}

TEST_F(Snapshot, LetsTheSinkEndAStreamOfEmptyMessages) {
  // What etcd sends if it cannot read its database; that it is wrong is for the sink to say.
  member_.SetSnapshot(
      {{.remaining_bytes = 9, .blob = "abc"}, {.kind = Kind::kEmptyForever, .remaining_bytes = 9}});
  int empty = 0;
  const Status status = AsStatus(
      MakeCluster(OptionsFor({member_.endpoint()}), TestClock())
          ->Snapshot(member_.endpoint(), kPlenty, Within(kPlenty),
                     [&empty](const SnapshotChunk& chunk) {
                       empty += chunk.blob.empty() ? 1 : 0;
                       return empty < 3 ? Status() : Status(Code::kDataLoss, "empty messages");
                     }));
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_EQ(empty, 3);
  EXPECT_EQ(member_.Abandoned(1), 1);
}

TEST_F(Snapshot, StallsWhenNothingArrives) {
  member_.SetSnapshot({{.remaining_bytes = 9, .blob = "abc"}, {.kind = Kind::kHang}});
  const Status status = Stream(Within(kPlenty), kShort);
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(reason_, Reason::kTimeout);
  EXPECT_NE(status.message().find("stalled"), std::string::npos) << status.message();
  EXPECT_EQ(received_.size(), 1U);
  EXPECT_EQ(member_.Abandoned(1), 1);
}

TEST_F(Snapshot, DoesNotBeginWhenNotEvenTheFirstMessageArrives) {
  const TcpPort silent(TcpPort::Kind::kHangs);
  const Status status = AsStatus(MakeCluster({}, TestClock())
                                     ->Snapshot(silent.endpoint(), kShort, Within(kPlenty),
                                                [](const SnapshotChunk&) { return Status(); }));
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(status.message(),
            "the stream did not begin (is the member defragmenting?) within 300ms");
}

// The idle time-out is of an hour; what passes is the clock's.
TEST_F(Snapshot, WaitsTenSecondsForTheFirstMessageAndLongerForTheOthers) {
  SkippingClock clock;
  const auto cluster = MakeCluster(OptionsFor({member_.endpoint()}), clock);
  std::atomic<int> messages = 0;
  const auto stream = [&] {
    return AsStatus(cluster->Snapshot(member_.endpoint(), std::chrono::hours(1),
                                      clock.Within(std::chrono::hours(2)),
                                      [&](const SnapshotChunk&) {
                                        ++messages;
                                        return Status();
                                      }));
  };
  member_.SetSnapshot({{.kind = Kind::kHang}});
  std::jthread first([&] {
    EXPECT_EQ(member_.WaitForCalls(Rpc::kSnapshot, 1), 1);
    clock.Skip(Seconds(11));
  });
  EXPECT_EQ(stream().message(),
            "the stream did not begin (is the member defragmenting?) within 10s");
  EXPECT_EQ(member_.Abandoned(1), 1);

  member_.SetSnapshot({{.remaining_bytes = 3, .blob = "abc"},
                       {.kind = Kind::kHang},
                       {.remaining_bytes = 0, .blob = "def"}});
  std::jthread second([&] {
    while (messages == 0) std::this_thread::yield();
    // The client waits for the second message by now; it looks at the clock every 100 ms.
    std::this_thread::sleep_for(Milliseconds(200));
    clock.Skip(Seconds(11));
    std::this_thread::sleep_for(Milliseconds(300));
    member_.Release();
  });
  const Status status = stream();
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(messages, 2);
}

TEST_F(Snapshot, DoesNotStallWhileMessagesArrive) {
  // Longer in all than the idle time-out, which is for each message.
  std::vector<SnapshotStep> steps;
  for (std::uint64_t left = 6; left-- > 0;) {
    steps.push_back({.remaining_bytes = left, .blob = "x"});
    steps.push_back({.kind = Kind::kHang});
  }
  member_.SetSnapshot(steps);
  std::jthread releaser([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(Milliseconds(200));
      member_.Release();
    }
  });
  const Status status = Stream(Within(kPlenty), Milliseconds(1'000));
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(received_.size(), 6U);
}

TEST_F(Snapshot, ReportsTheServersFailureInMidStream) {
  member_.SetSnapshot({{.remaining_bytes = 9, .blob = "abc"}},
                      {grpc::StatusCode::UNAVAILABLE, "etcdserver: server stopped"});
  const Status status = Stream(Within(kPlenty));
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_EQ(status.message(), "etcdserver: server stopped");
  EXPECT_EQ(reason_, Reason::kConnect);
  EXPECT_EQ(received_.size(), 1U);
}

TEST_F(Snapshot, ReportsAConnectionThatFails) {
  const TcpPort refuses(TcpPort::Kind::kRefuses);
  const Status status = AsStatus(MakeCluster({}, TestClock())
                                     ->Snapshot(refuses.endpoint(), kPlenty, Within(kPlenty),
                                                [](const SnapshotChunk&) { return Status(); }));
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_NE(status.message().find("Connection refused"), std::string::npos) << status.message();
}

TEST_F(Snapshot, ReportsALearnerThatRefuses) {
  member_.Fail(Rpc::kSnapshot,
               {grpc::StatusCode::UNAVAILABLE, "etcdserver: rpc not supported for learner"});
  EXPECT_EQ(Stream(Within(kPlenty)).message(), "etcdserver: rpc not supported for learner");
}

TEST_F(Snapshot, EndsAtItsDeadline) {
  member_.SetSnapshot({{.kind = Kind::kEmptyForever, .remaining_bytes = 9}});
  const Status status = Stream(Within(kShort));
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded) << status.message();
  EXPECT_EQ(member_.Abandoned(1), 1);
}

TEST_F(Snapshot, EndsWhenItIsStopped) {
  member_.SetSnapshot({{.remaining_bytes = 9, .blob = "abc"}, {.kind = Kind::kHang}});
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_EQ(member_.WaitForCalls(Rpc::kSnapshot, 1), 1);
    stop.request_stop();
  });
  EXPECT_EQ(Stream(Within(kPlenty, stop.get_token())).code(), Code::kCancelled);
  EXPECT_EQ(reason_, Reason::kCanceled);
  EXPECT_EQ(member_.Abandoned(1), 1);
}

TEST_F(Snapshot, EndsWhenItIsStoppedWhileMessagesKeepComing) {
  member_.SetSnapshot({{.kind = Kind::kEmptyForever, .remaining_bytes = 9}});
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_EQ(member_.WaitForCalls(Rpc::kSnapshot, 1), 1);
    stop.request_stop();
  });
  EXPECT_EQ(Stream(Within(kPlenty, stop.get_token())).code(), Code::kCancelled);
}

TEST_F(Snapshot, FetchesATokenOnceAndStreamsThen) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  // As 3.4 and 3.5 word it.
  member_.RequireToken("first", "secret", {grpc::StatusCode::UNKNOWN, "auth: user name is empty"});
  member_.SetSnapshot(Database());
  const Status status = Stream(Within(kPlenty));
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(received_.size(), 4U);
  EXPECT_EQ(member_.Tokens(Rpc::kSnapshot), (Strings{"", "first"}));
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
  EXPECT_EQ(refreshes_, 1);
}

TEST_F(Snapshot, GivesUpIfTheNewTokenIsRefusedToo) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  const grpc::Status refusal(grpc::StatusCode::UNAUTHENTICATED, "etcdserver: invalid auth token");
  member_.RequireToken("first", "secret", refusal);
  member_.Fail(Rpc::kSnapshot, refusal);
  EXPECT_EQ(Stream(Within(kPlenty)).code(), Code::kUnauthenticated);
  EXPECT_EQ(member_.Count(Rpc::kSnapshot), 7);  // the token might have been on its way
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(Snapshot, PausesForATokenThatHasYetToReachTheMember) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  member_.RequireToken("first", "secret", {grpc::StatusCode::UNKNOWN, "auth: user name is empty"});
  member_.LearnTokenLate(3);
  member_.SetSnapshot(Database());
  EXPECT_TRUE(Stream(Within(kPlenty)).ok());
  EXPECT_EQ(member_.Count(Rpc::kSnapshot), 5);
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
}

TEST_F(Snapshot, NeverStartsOverOnceTheSinkHasSeenAMessage) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  member_.RequireToken("first", "secret", grpc::Status::OK);
  member_.NeedsNoToken(Rpc::kSnapshot);
  member_.SetSnapshot({{.remaining_bytes = 9, .blob = "abc"}},
                      {grpc::StatusCode::UNAUTHENTICATED, "etcdserver: invalid auth token"});
  EXPECT_EQ(Stream(Within(kPlenty)).code(), Code::kUnauthenticated);
  EXPECT_EQ(received_.size(), 1U);
  EXPECT_EQ(member_.Count(Rpc::kSnapshot), 1);
}

TEST_F(Snapshot, SaysWhyItCouldNotAuthenticate) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("wrong")};
  member_.RequireToken("first", "secret",
                       {grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: user name is empty"});
  const Status status = Stream(Within(kPlenty));
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(reason_, Reason::kUnauthenticated);
  EXPECT_NE(status.message().find("authenticate as warden: etcdserver: authentication failed"),
            std::string::npos)
      << status.message();
  EXPECT_EQ(member_.Count(Rpc::kSnapshot), 1);
}

TEST_F(Snapshot, NeedsAPasswordThatCanBeRead) {
  const testing::TempDir directory;
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::File(directory / "missing")};
  member_.RequireToken("first", "secret",
                       {grpc::StatusCode::INVALID_ARGUMENT, "etcdserver: user name is empty"});
  const Status status = Stream(Within(kPlenty));
  EXPECT_EQ(reason_, Reason::kUnauthenticated);
  EXPECT_NE(status.message().find((directory / "missing").string()), std::string::npos)
      << status.message();
}

TEST_F(Snapshot, NeedsRightsThatATokenDoesNotBring) {
  auth_ = config::AuthConfig{.username = "warden", .password = Secret::Literal("secret")};
  const grpc::Status refusal(grpc::StatusCode::UNKNOWN, "auth: permission denied");
  member_.RequireToken("first", "secret", refusal);
  member_.Fail(Rpc::kSnapshot, refusal);
  EXPECT_EQ(Stream(Within(kPlenty)).message(), "auth: permission denied");
  EXPECT_EQ(reason_, Reason::kPermissionDenied);
  EXPECT_EQ(member_.Count(Rpc::kAuthenticate), 1);
  EXPECT_EQ(member_.Count(Rpc::kSnapshot), 2);
}

TEST_F(Snapshot, DelaysNoObservation) {
  member_.SetSnapshot({{.remaining_bytes = 9, .blob = "abc"}, {.kind = Kind::kHang}});
  const auto cluster = MakeCluster(OptionsFor({member_.endpoint()}), TestClock());
  const Status status = AsStatus(
      cluster->Snapshot(member_.endpoint(), kPlenty, Within(kPlenty), [&](const SnapshotChunk&) {
        EXPECT_TRUE(cluster->Observe(Within(kPlenty))->Wait().endpoints.at(0).status.ok());
        return Status(Code::kAborted, "seen");
      }));
  EXPECT_EQ(status.code(), Code::kAborted);
}

}  // namespace
}  // namespace warden::etcd
