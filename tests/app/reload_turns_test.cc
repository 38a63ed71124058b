// Reloads that wait, for each other and for requests, and those that do not.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/app/reload_fixture.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_etcd.h"

namespace warden::app {
namespace {

using testing::FakeEtcd;
using testing::Rpc;
using ReloadTurns = ReloadTest;

// Whether it does within 200 ms.
bool Becomes(const std::atomic<bool>& flag) {
  for (int i = 0; i < 20 && !flag; ++i) std::this_thread::sleep_for(Milliseconds(10));
  return flag;
}

TEST_F(ReloadTurns, TheNextReloadWaitsForTheRuntimeBeforeTheLast) {
  FakeEtcd member;
  member.Hang(Rpc::kStatus);
  Write({{"prod", {member.endpoint().url}, kBackup}});
  Serve();
  std::thread scrape([&] { Page(); });
  EXPECT_EQ(member.WaitForCalls(Rpc::kStatus, 1), 1);
  Write({{"other", {kDead}}});
  EXPECT_EQ(Reload().code, 200);
  // The scrape still holds the catalogue that is wanted again.
  Write({{"again", {kDead}, kBackup}});
  std::atomic<bool> reloaded = false;
  std::thread reload([&] {
    EXPECT_EQ(Reload().code, 200);
    reloaded = true;
  });
  EXPECT_EQ(Get(port_, "/metrics?collect[]=self").code, 200);
  EXPECT_FALSE(Becomes(reloaded));
  member.Release();
  scrape.join();
  reload.join();
  EXPECT_NE(host_->runtime()->FindCluster("again")->worker, nullptr);
}

TEST_F(ReloadTurns, WaitsForScrapesAsLongAsTheyMayTake) {
  testing::FakeClock clock;
  Write({{"prod", {kDead}}}, "scrape: {timeout: 50s}\n");
  auto host = Host::Open(dir_ / "warden.yaml", {files_, clock, log_});
  ASSERT_TRUE(host.ok()) << host.error().message();
  (*host)->Start();
  std::shared_ptr<Runtime> held = (*host)->runtime();
  Write({{"second", {kDead}}}, "scrape: {timeout: 1s}\n");
  ASSERT_TRUE((*host)->Reload().ok());
  Write({{"third", {kDead}}});
  std::atomic<bool> reloaded = false;
  std::thread reload([&] {
    EXPECT_EQ((*host)->Reload().message(), "");
    reloaded = true;
  });
  EXPECT_FALSE(Becomes(reloaded));
  clock.Advance(Seconds(40));
  EXPECT_FALSE(Becomes(reloaded)) << "a scrape from before may still be answered";
  held.reset();
  reload.join();
}

TEST_F(ReloadTurns, ManyAtOnceReloadOnce) {
  Write({{"prod", {kDead}, kBackup}});
  Serve();
  Write({{"prod", {kDead}, kBackup}, {"new", {kDead}}});
  std::atomic<int> done = 0;
  std::vector<std::thread> posts;
  for (int i = 0; i < 8; ++i) {
    posts.emplace_back([&] {
      const HttpReply reply = Reload();
      if (reply.code == 200) ++done;
      EXPECT_TRUE(reply.code == 200 || reply.code == 503) << reply.body;
      EXPECT_EQ(Get(port_, "/metrics").code, 200);
    });
  }
  for (std::thread& post : posts) post.join();
  EXPECT_GE(done, 1);
  EXPECT_EQ(LinesWith("reloaded the configuration"), 1);
  EXPECT_EQ(LinesWith("the configuration has not changed"), done - 1);
}

TEST_F(ReloadTurns, PostsDuringALongReloadAreRefusedAndHoldNoThread) {
  Write({{"prod", {kDead}}});
  Serve();
  std::shared_ptr<Runtime> held = host_->runtime();  // as a scrape in flight does
  Write({{"second", {kDead}}});
  EXPECT_EQ(Reload().code, 200);
  Write({{"third", {kDead}}});
  std::atomic<int> done = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> posts;
  for (int i = 0; i < 70; ++i) {  // more than there are threads
    posts.emplace_back([&] {
      const HttpReply reply = Reload();
      if (reply.code == 200) ++done;
      if (reply.code == 503 && reply.headers.at("retry-after") == "1") ++refused;
    });
  }
  const SteadyTime patience = clock_.Steady() + Seconds(8);
  while (refused < 69 && clock_.Steady() < patience) {
    std::this_thread::sleep_for(Milliseconds(1));
  }
  EXPECT_EQ(Get(port_, "/-/healthy").code, 200);
  held.reset();
  for (std::thread& post : posts) post.join();
  EXPECT_EQ(refused, 69);
  EXPECT_EQ(done, 1) << "the one that was first";
}

TEST_F(ReloadTurns, DoesNotHoldUpTheEndOfTheProcess) {
  Write({{"prod", {kDead}}});
  Serve();
  const std::shared_ptr<Runtime> held = host_->runtime();
  Write({{"second", {kDead}}});
  EXPECT_EQ(Reload().code, 200);
  Write({{"third", {kDead}}});
  Code ended = Code::kOk;
  std::thread reload([&] { ended = host_->Reload().code(); });
  host_->RequestStop();
  reload.join();
  EXPECT_EQ(ended, Code::kCancelled);
  EXPECT_NE(host_->runtime()->FindCluster("second"), nullptr);
}

}  // namespace
}  // namespace warden::app
