// What a fan-out keeps, and calls that are cancelled before they start.
#include "exporter/etcd/fan_out.h"

#include <gtest/gtest.h>

#include <stop_token>

#include "tests/etcd/fixture.h"

namespace warden::etcd {
namespace {

using testing::FakeEtcd;
using testing::Rpc;

class AFanOut : public ::testing::Test {
 protected:
  std::shared_ptr<FanOut> Start(const Deadline& deadline) {
    return FanOut::Start(
        std::make_shared<Connections>(OptionsFor({member_.endpoint()}), TestClock()), deadline);
  }

  FakeEtcd member_;
};

TEST_F(AFanOut, FreesItsCallsWithTheViewThatTheyGave) {
  const auto fan_out = Start(Within(kPlenty));
  fan_out->Drain();
  EXPECT_EQ(fan_out->calls_kept(), 3U);
  EXPECT_TRUE(fan_out->Wait().endpoints.at(0).status.ok());
  EXPECT_EQ(fan_out->calls_kept(), 0U);
}

TEST_F(AFanOut, FreesItsCallsAfterACancellationToo) {
  member_.Hang(Rpc::kStatus);
  const auto fan_out = Start(Within(kPlenty));
  fan_out->Cancel();
  fan_out->Wait();
  fan_out->Drain();
  fan_out->Wait();
  EXPECT_EQ(fan_out->calls_kept(), 0U);
}

TEST_F(AFanOut, EndsAtOnceIfItWasStoppedBefore) {
  member_.Hang(Rpc::kStatus);
  std::stop_source stop;
  stop.request_stop();
  const auto fan_out = Start(Within(kPlenty, stop.get_token()));
  fan_out->Drain();
  EXPECT_EQ(ReasonOf(fan_out->Wait().endpoints.at(0).status.error), Reason::kCanceled);
  EXPECT_EQ(member_.Count(Rpc::kStatus), 0);
}

TEST_F(AFanOut, IsNoExceptionAmongCallsThatWereStoppedBefore) {
  member_.Hang(Rpc::kHashKv);
  std::stop_source stop;
  stop.request_stop();
  const auto outcome = MakeCluster({}, TestClock())
                           ->HashKv(member_.endpoint(), 1, Within(kPlenty, stop.get_token()));
  EXPECT_EQ(ReasonOf(outcome.error), Reason::kCanceled);
  EXPECT_EQ(member_.Count(Rpc::kHashKv), 0);
}

}  // namespace
}  // namespace warden::etcd
