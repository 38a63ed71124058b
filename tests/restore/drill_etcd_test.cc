// How an etcd is started and what is said of one that ends; a script stands for it. That a real one
// answers is told by tests/integration/drill_test.py.
#include "exporter/restore/drill_etcd.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "exporter/base/files.h"
#include "tests/support/temp_dir.h"

namespace warden::restore {
namespace {

class DrillEtcdTest : public ::testing::Test {
 protected:
  EtcdStart With(const std::string& script) const {
    const auto path = dir_.Write("etcd", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return {.program = {.path = path, .version = "3.6.4", .target = Target::k36},
            .data_directory = dir_ / "data",
            .working_directory = dir_.path(),
            .name = "drill",
            .peer_url = "http://127.0.0.1:2380",
            .database_bytes = 5ULL << 30};
  }
  Deadline In(Seconds seconds) const { return {.at = clock_.Steady() + seconds, .stop = {}}; }

  const testing::TempDir dir_;
  const SystemClock clock_;
};

TEST_F(DrillEtcdTest, IsStartedWithNothingOfOurs) {
  setenv("ETCD_DATA_DIR", "/of/the/live/cluster", 1);
  const auto etcd =
      StartEtcd(With("pwd; env; for a; do echo \"$a\"; done; exit 7"), In(Seconds(60)));
  unsetenv("ETCD_DATA_DIR");
  ASSERT_TRUE(etcd.ok()) << etcd.status().message();
  const std::string socket = (*etcd)->endpoint().url.substr(std::string("unix://").size());
  EXPECT_TRUE(std::filesystem::equivalent(Files::Path(socket).parent_path(), dir_.path()));
  const Status ready = (*etcd)->WaitUntilReady(In(Seconds(60)));
  EXPECT_EQ(ready.code(), Code::kUnknown);
  EXPECT_EQ(ready.message(), "etcd exited with 7");
  const std::string log = (*etcd)->Log();
  EXPECT_TRUE(log.starts_with(dir_.path().string() + "\n")) << log;
  EXPECT_EQ(log.find("ETCD_DATA_DIR"), std::string::npos);
  for (const char* line :
       {"GOMAXPROCS=1", "--name=drill", "--listen-client-urls=unix://client:1",
        "--listen-peer-urls=unix://peer:1", "--initial-cluster=drill=http://127.0.0.1:2380",
        "--quota-backend-bytes=10737418240"}) {
    EXPECT_NE(log.find("\n" + std::string(line) + "\n"), std::string::npos) << line << "\n" << log;
  }
  EXPECT_NE(log.find("\n--data-dir=" + (dir_ / "data").string() + "\n"), std::string::npos);
}

TEST_F(DrillEtcdTest, IsQuotedWhenItEnds) {
  struct Case {
    std::string script, message;
  };
  const Case cases[] = {
      {"echo '{\"level\":\"fatal\",\"msg\":\"no space\"}'; echo bye; exit 1",
       "etcd exited with 1; its last complaint: {\"level\":\"fatal\",\"msg\":\"no space\"}"},
      {"echo 'panic: freepages' >&2; exit 2",
       "etcd exited with 2: panic: freepages; its last complaint: panic: freepages"},
      {"exit 0", "etcd ended by itself"},
      {"kill -9 $$", "etcd was ended by signal 9"},
  };
  for (const Case& each : cases) {
    const auto etcd = StartEtcd(With(each.script), In(Seconds(60)));
    ASSERT_TRUE(etcd.ok());
    EXPECT_EQ((*etcd)->WaitUntilReady(In(Seconds(60))).message(), each.message);
  }
}

TEST_F(DrillEtcdTest, IsWaitedForOnlySoLong) {
  const auto etcd = StartEtcd(With("exec sleep 600"), In(Seconds(60)));
  ASSERT_TRUE(etcd.ok());
  EXPECT_EQ((*etcd)->WaitUntilReady(In(Seconds(1))).code(), Code::kDeadlineExceeded);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ((*etcd)
                ->WaitUntilReady({.at = clock_.Steady() + Seconds(60), .stop = source.get_token()})
                .code(),
            Code::kCancelled);
  (*etcd)->Stop();
  (*etcd)->Stop();
}

TEST_F(DrillEtcdTest, SaysALotAndOnlyTheEndIsKept) {
  const auto etcd = StartEtcd(With("seq 200000; exit 1"), In(Seconds(60)));
  ASSERT_TRUE(etcd.ok());
  EXPECT_FALSE((*etcd)->WaitUntilReady(In(Seconds(60))).ok());
  const std::string log = (*etcd)->Log();
  EXPECT_EQ(log.size(), 256UL * 1024);
  EXPECT_TRUE(log.ends_with("\n200000\n"));
}

// That of a socket may have 107 bytes, which a scratch directory in somebody's home soon has.
TEST_F(DrillEtcdTest, IsReachedByAShortPath) {
  EtcdStart start = With("exit 0");
  start.working_directory /= std::string(200, 'x');
  EXPECT_EQ(StartEtcd(start, In(Seconds(60))).status().code(), Code::kNotFound);
  ASSERT_TRUE(std::filesystem::create_directories(start.working_directory));
  const auto etcd = StartEtcd(start, In(Seconds(60)));
  ASSERT_TRUE(etcd.ok()) << etcd.status().message();
  EXPECT_LT((*etcd)->endpoint().url.size(), 50U) << (*etcd)->endpoint().url;
}

}  // namespace
}  // namespace warden::restore
