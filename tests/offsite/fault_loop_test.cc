// Copies with each file operation, or each call of rclone, failing in turn: what the destination
// shows is whole, what the store says is there is there, and the next round makes good.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/backup/fault_worlds.h"
#include "tests/offsite/copies.h"
#include "tests/support/process.h"

namespace warden::offsite {
namespace {

using backup::FaultLoop;
using backup::IdOfBackup;

class CopyFaults : public CopiesTest {
 protected:
  // After a round that may have failed, and before the next one.
  void ExpectNoLie(const std::string& when) {
    const Ids there = WholeCopies(when);
    for (const std::string& id : Known()) {
      EXPECT_TRUE(backup::Has(there, id)) << when << ": the store has " << id;
    }
    EXPECT_EQ(backup::WholeBackups(posix_, source_.directory).size(), 3U) << when;
  }
  void ExpectAllIsWell(const Ids& ids, const std::string& when) {
    const Status again = Copy();
    EXPECT_TRUE(again.ok()) << when << ": " << again.message();
    EXPECT_EQ(WholeCopies(when), ids) << when;
    EXPECT_EQ(Known(), ids) << when;
    EXPECT_EQ(NamesIn(dir_ / "far").size(), 2 * ids.size()) << when << ": something is left there";
  }
  void Clear() {
    std::filesystem::remove_all(dir_ / "far");
    std::filesystem::remove_all(source_.directory);
  }
};

TEST_F(CopyFaults, OfAnyFileOperationOrTheEndOfTheProcessThere) {
  for (const bool ends : {false, true}) {
    for (int n = 1;; ++n) {
      const std::string when = (ends ? "ended at " : "failed at ") + std::to_string(n);
      KeepLast(1);
      for (int i = 1; i <= 3; ++i) Store(i);
      ends ? files_.FailFrom(n) : files_.FailNth(n);
      const Status status = Copy();
      const bool failed = files_.failed();
      files_.FailNever();
      ExpectNoLie(when + " " + status.message());
      ExpectAllIsWell({IdOfBackup(3 - 1000)}, when);
      Store(4);
      EXPECT_TRUE(Copy().ok()) << when;
      EXPECT_EQ(NamesIn(source_.directory / "spool/far"), Ids()) << when;
      Clear();
      if (failed) continue;
      EXPECT_GT(n, 20);
      break;
    }
  }
}

// A program called rclone that fails when it is called for the n-th time, having done its work or
// not, and is the real one otherwise.
class FailingRclone {
 public:
  FailingRclone() : path_(std::getenv("PATH")) {
    const std::string real(Trim(testing::Run({"which", "rclone"}).output));
    const std::filesystem::path program = dir_.Write(
        "rclone", "#!/bin/sh\ncd '" + dir_.path().string() +
                      "'\necho x >>calls\nif [ $(wc -l <calls) = $(cat nth) ]; then\n"
                      "  [ -e after ] && " +
                      real +
                      " \"$@\"\n"
                      "  echo 'Failed to copy: no space left on device' >&2\n  exit 1\nfi\n"
                      "exec " +
                      real + " \"$@\"\n");
    ::chmod(program.c_str(), 0755);
    ::setenv("PATH", (dir_.path().string() + ":" + path_).c_str(), 1);
  }
  ~FailingRclone() { ::setenv("PATH", path_.c_str(), 1); }
  FailingRclone(const FailingRclone&) = delete;
  FailingRclone& operator=(const FailingRclone&) = delete;

  void FailNth(int n, bool after_its_work) {
    std::filesystem::remove(dir_ / "calls");
    std::filesystem::remove(dir_ / "after");
    dir_.Write("nth", std::to_string(n));
    if (after_its_work) dir_.Write("after", "");
  }
  // Whether the call that was to fail has come.
  bool failed(int n) const {
    std::ifstream calls(dir_ / "calls");
    return std::count(std::istreambuf_iterator<char>(calls), {}, '\n') >= n;
  }

 private:
  const testing::TempDir dir_;
  const std::string path_;
};

TEST_F(CopyFaults, OfAnyCallOfRclone) {
  FailingRclone rclone;
  for (const bool after : {false, true}) {
    for (int n = 1;; ++n) {
      const std::string when = (after ? "after call " : "call ") + std::to_string(n);
      KeepLast(1);
      Store(1);
      rclone.FailNth(1000, false);
      ASSERT_TRUE(Copy().ok()) << when;
      Store(2);
      Store(3);
      rclone.FailNth(n, after);
      const Status status = Copy();
      const bool failed = rclone.failed(n);
      rclone.FailNth(1000, false);
      EXPECT_EQ(status.ok(), !failed) << when;
      WholeCopies(when);
      ExpectAllIsWell({IdOfBackup(3 - 1000)}, when);
      Clear();
      if (failed) continue;
      EXPECT_GT(n, 4);
      break;
    }
  }
}

TEST(DestinationStoreFaults, LeaveTheOldOrTheNew) {
  const Files::Path catalogue = "/backups";
  const auto manifest = [](int n) {
    backup::Manifest copy = backup::MakeManifest(IdOfBackup(n), backup::SnapshotFile());
    copy.stored = {.file = copy.file + ".zst", .compression = "zstd", .encryption = "none"};
    return copy;
  };
  const CopyState before{.last_attempt = backup::kNow, .last_success = {}, .failures = 3};
  const CopyState after{.last_attempt = backup::kNow, .last_success = backup::kNow};
  const FaultLoop loop{
      .prepare =
          [&](Files& files) {
            DestinationStore store(files, catalogue, "far");
            ASSERT_TRUE(store.Record(manifest(1)).ok());
            ASSERT_TRUE(store.SaveState(before).ok());
            ASSERT_TRUE(files.SyncDirectory(store.directory()).ok());
          },
      .act = [&](Files& files) -> Status {
        DestinationStore store(files, catalogue, "far");
        WARDEN_RETURN_IF_ERROR(store.Record(manifest(2)));
        WARDEN_RETURN_IF_ERROR(store.SaveState(after));
        return store.Forget(IdOfBackup(1));
      },
      .check =
          [&](Files& disk, bool ok, const std::string& when) {
            DestinationStore store(disk, catalogue, "far");
            const auto copies = store.List();
            ASSERT_TRUE(copies.ok()) << when;
            Ids ids;
            for (const backup::Manifest& copy : *copies) ids.push_back(copy.id);
            EXPECT_TRUE(store.State() == after || (!ok && store.State() == before)) << when;
            EXPECT_TRUE(backup::Has(ids, IdOfBackup(2)) || !ok) << when;
            // The new one is there before the old one goes.
            EXPECT_FALSE(ids.empty()) << when;
            EXPECT_TRUE(!ok || !backup::Has(ids, IdOfBackup(1))) << when << ": came back";
            // Nothing is in the way of the next writer.
            EXPECT_TRUE(store.Record(manifest(2)).ok()) << when;
            EXPECT_TRUE(store.SaveState(after).ok()) << when;
            EXPECT_TRUE(store.Forget(IdOfBackup(1)).ok()) << when;
            EXPECT_TRUE(store.Forget(IdOfBackup(1)).ok()) << when;
            EXPECT_EQ(disk.List(store.directory())->size(), 2U) << when;
          }};
  EXPECT_GT(loop.RunAll(), 8);
}

}  // namespace
}  // namespace warden::offsite
