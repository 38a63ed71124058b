#include "exporter/app/endpoint_log.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"
#include "tests/support/view_builder.h"

namespace warden::app {
namespace {

using testing::FailStatus;
using testing::MakeView;

class EndpointLogTest : public ::testing::Test {
 protected:
  // Lines about a view in which these endpoints fail.
  std::vector<std::string> Note(const std::vector<std::size_t>& failing,
                                etcd::Reason reason = etcd::Reason::kTls) {
    etcd::ClusterView view = MakeView();
    for (const std::size_t i : failing) FailStatus(view.endpoints[i], reason);
    return NoteView(view);
  }
  std::vector<std::string> NoteView(const etcd::ClusterView& view) {
    const std::size_t before = log_.lines().size();
    endpoints_.Note(view, {disk_, clock_, log_});
    std::vector<std::string> lines = log_.lines();
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(before));
    return lines;
  }

  testing::MemoryFiles disk_;
  testing::FakeClock clock_;
  testing::RecordingLogger log_;
  EndpointLog endpoints_{"prod"};
};

TEST_F(EndpointLogTest, SaysOnceThatAnEndpointFailsAndOnceThatItIsBack) {
  EXPECT_TRUE(Note({}).empty());
  const std::vector<std::string> down = Note({1});
  ASSERT_EQ(down.size(), 1U);
  for (const std::string text :
       {"level=warn", "etcd_cluster=prod", "10.0.0.12:2379", "reason=tls", "error="}) {
    EXPECT_NE(down[0].find(text), std::string::npos) << down[0];
  }
  EXPECT_TRUE(Note({1}).empty());
  clock_.Advance(EndpointLog::kPause);
  EXPECT_TRUE(Note({1}, etcd::Reason::kTimeout).empty()) << "it fails as before";
  const std::vector<std::string> up = Note({});
  ASSERT_EQ(up.size(), 1U);
  EXPECT_NE(up[0].find("level=info"), std::string::npos) << up[0];
  EXPECT_NE(up[0].find("10.0.0.12:2379"), std::string::npos) << up[0];
  EXPECT_TRUE(Note({}).empty());
}

TEST_F(EndpointLogTest, SaysWhatFailsFromTheStart) {
  EXPECT_EQ(Note({0, 2}).size(), 2U);
}

TEST_F(EndpointLogTest, AnEndpointThatFlapsIsHeldBack) {
  int lines = 0;
  for (int second = 0; second < 120; ++second) {
    lines += static_cast<int>(
        Note(second % 2 == 0 ? std::vector<std::size_t>{0} : std::vector<std::size_t>{}).size());
    clock_.Advance(Seconds(1));
  }
  EXPECT_EQ(lines, 2) << "one a minute";
}

TEST_F(EndpointLogTest, AChangeHeldBackIsSaidLater) {
  EXPECT_EQ(Note({0}).size(), 1U);
  clock_.Advance(Seconds(1));
  EXPECT_TRUE(Note({}).empty());
  clock_.Advance(EndpointLog::kPause);
  EXPECT_EQ(Note({}).size(), 1U);
}

TEST_F(EndpointLogTest, WhatWeCancelledIsNoFailure) {
  EXPECT_TRUE(Note({0, 1, 2}, etcd::Reason::kCanceled).empty());
}

TEST_F(EndpointLogTest, ForgetsAnEndpointThatIsGone) {
  EXPECT_EQ(Note({2}).size(), 1U);
  etcd::ClusterView smaller = MakeView();
  smaller.endpoints.pop_back();
  EXPECT_TRUE(NoteView(smaller).empty());
  EXPECT_EQ(Note({2}).size(), 1U) << "it counts as new";
}

}  // namespace
}  // namespace warden::app
