#include "exporter/etcd/errors.h"

#include <gtest/gtest.h>

#include "tests/etcd/fixture.h"

namespace warden::etcd {
namespace {

using grpc::StatusCode;

TEST(Classify, KnowsTheTextsOfEtcdWhateverTheirCode) {
  struct Case {
    StatusCode code;
    std::string text;
    Reason reason;
  };
  const Case cases[] = {
      // Learners: 3.4 and 3.5, then 3.6.
      {StatusCode::UNAVAILABLE, "etcdserver: rpc not supported for learner", Reason::kLearner},
      {StatusCode::FAILED_PRECONDITION, "etcdserver: rpc not supported for learner",
       Reason::kLearner},
      // Maintenance on 3.4 and 3.5, then everything else.
      {StatusCode::UNKNOWN, "auth: user name is empty", Reason::kUnauthenticated},
      {StatusCode::UNKNOWN, "auth: invalid auth token", Reason::kUnauthenticated},
      {StatusCode::UNKNOWN, "auth: permission denied", Reason::kPermissionDenied},
      {StatusCode::UNKNOWN, "auth: user not found", Reason::kPermissionDenied},
      {StatusCode::INVALID_ARGUMENT, "etcdserver: user name is empty", Reason::kUnauthenticated},
      {StatusCode::INVALID_ARGUMENT,
       "etcdserver: authentication failed, invalid user ID or password", Reason::kUnauthenticated},
      {StatusCode::INVALID_ARGUMENT, "etcdserver: revision of auth store is old",
       Reason::kUnauthenticated},
      {StatusCode::UNAUTHENTICATED, "etcdserver: invalid auth token", Reason::kUnauthenticated},
      {StatusCode::PERMISSION_DENIED, "etcdserver: permission denied", Reason::kPermissionDenied},
      {StatusCode::UNAVAILABLE, "etcdserver: no leader", Reason::kNoLeader},
      {StatusCode::UNAVAILABLE, "etcdserver: leader changed", Reason::kNoLeader},
      {StatusCode::UNAVAILABLE, "etcdserver: request timed out", Reason::kTimeout},
      {StatusCode::UNAVAILABLE,
       "etcdserver: request timed out, possibly due to previous leader failure", Reason::kTimeout},
      {StatusCode::RESOURCE_EXHAUSTED, "etcdserver: too many requests", Reason::kOverload},
      {StatusCode::UNIMPLEMENTED, "unknown service etcdserverpb.Maintenance",
       Reason::kUnimplemented},
      {StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded", Reason::kTimeout},
      {StatusCode::CANCELLED, "CANCELLED", Reason::kCanceled},
      {StatusCode::DATA_LOSS, "etcdserver: corrupt cluster", Reason::kOther},
      {StatusCode::INTERNAL, "what", Reason::kOther},
      {StatusCode::UNAVAILABLE, "etcdserver: server stopped", Reason::kConnect},
  };
  for (const Case& c : cases) {
    for (const bool tls : {false, true}) {
      const RpcError error = Classify(grpc::Status(c.code, c.text), tls);
      EXPECT_EQ(error.reason, c.reason) << c.text;
      EXPECT_EQ(error.code, static_cast<Code>(c.code)) << c.text;
      EXPECT_EQ(error.message, c.text);
    }
  }
}

TEST(Classify, HintsAtTheMistakeBehindABrokenConnection) {
  for (const std::string text : {"Socket closed", "Endpoint read failed",
                                 "Connection reset by peer", "recvmsg:Connection reset by peer"}) {
    const grpc::Status status(StatusCode::UNAVAILABLE, text);
    const RpcError plain = Classify(status, false);
    EXPECT_EQ(plain.reason, Reason::kConnect) << text;
    EXPECT_NE(plain.message.find("https://"), std::string::npos) << plain.message;
    const RpcError tls = Classify(status, true);
    EXPECT_EQ(tls.reason, Reason::kTls) << text;
    EXPECT_NE(tls.message.find("client certificate"), std::string::npos) << tls.message;
  }
}

TEST(Classify, MakesOneLineOfAMessage) {
  const RpcError error = Classify(
      grpc::Status(StatusCode::INTERNAL, "first\nsecond\x1b[31m" + std::string(9999, 'x')), false);
  EXPECT_EQ(error.message.find('\n'), std::string::npos);
  EXPECT_EQ(error.message.find('\x1b'), std::string::npos);
  EXPECT_LE(error.message.size(), 515U);
}

TEST(ToStatus, KeepsTheCodeAndTheMessage) {
  const Status status = ToStatus({Reason::kTimeout, Code::kDeadlineExceeded, "too late"});
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(status.message(), "too late");
}

}  // namespace
}  // namespace warden::etcd
