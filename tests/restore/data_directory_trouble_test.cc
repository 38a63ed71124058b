// Every call to the file system fails once, the power goes, the snapshot is damaged, somebody stops
// it: no success is reported, the caller learns what to remove, and nothing else is touched.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "exporter/restore/verify_directory.h"
#include "tests/restore/restored.h"
#include "tests/support/faulty_files.h"

namespace warden::restore {
namespace {

using testing::BoltFile;
using testing::EtcdBuckets;
using testing::FaultyFiles;
using testing::FileOperation;
using testing::MemoryFile;
using testing::MemoryFiles;
using Path = Files::Path;
namespace bolt = testing::bolt;

// What a node has besides: another data directory, the old log, and what belongs to neither.
const std::map<Path, std::string> kOthers = {
    {"/disk/etcd/member/snap/db", "the old database"},
    {"/disk/etcd/member/wal/0.wal", "the old log"},
    {"/disk/note", "of somebody"},
    {"/fast/log/0.wal", "the old log"},
};

void AddOthers(Files& files) {
  for (const auto& [path, content] : kOthers) {
    ASSERT_TRUE(files.MakeDirectories(path.parent_path()).ok());
    ASSERT_TRUE(WriteAtomically(files, path, content).ok());
  }
}

// With what they were, and with nothing new beside them but the directories of Options().
void ExpectOthersAreThere(Files& files) {
  for (const auto& [path, content] : kOthers) {
    EXPECT_EQ(*files.ReadAll(path, 100), content) << path;
    for (const DirectoryEntry& entry : *files.List(path.parent_path())) {
      const Path found = path.parent_path() / entry.name;
      EXPECT_TRUE(kOthers.contains(found) || !entry.is_regular) << found;
    }
  }
  std::set<std::string> names;
  for (const char* directory : {"/disk", "/fast"}) {
    for (const DirectoryEntry& entry : *files.List(directory)) names.insert(entry.name);
  }
  names.erase("etcd.restore-1");
  names.erase("log.restore-1");
  EXPECT_EQ(names, (std::set<std::string>{"etcd", "log", "note"}));
}

DirectoryOptions Options() {
  DirectoryOptions options = OptionsFor("/disk/etcd.restore-1");
  options.wal_dir = "/fast/log.restore-1";
  return options;
}

// Removes what the caller is told to remove; the memory forgets no directories.
void RemoveLeft(Files& files, const DirectoryOutcome& outcome) {
  for (const Path& left : outcome.left) {
    for (const Path& directory : {left, left / "member" / "snap"}) {
      const auto entries = files.List(directory);
      if (!entries.ok()) continue;
      for (const DirectoryEntry& entry : *entries) {
        if (!entry.is_regular) continue;
        EXPECT_TRUE(files.Remove(directory / entry.name).ok());
      }
    }
  }
}

DirectoryVerification Verify(Files& files, const MemoryFile& snapshot) {
  auto verification = VerifyDirectory(files, SnapshotOf(snapshot), Options(), {});
  EXPECT_TRUE(verification.ok()) << verification.status().message();
  return *std::move(verification);
}

// Counts files but those of kOthers.
std::size_t CountFilesIn(Files& files, const std::vector<Path>& directories) {
  std::size_t count = 0;
  for (const Path& directory : directories) {
    const auto entries = files.List(directory);
    if (!entries.ok()) continue;
    for (const DirectoryEntry& entry : *entries) count += entry.is_regular ? 1 : 0;
  }
  return count;
}

TEST(DataDirectory, IsNoSuccessWhereAnyCallFails) {
  const MemoryFile snapshot = SnapshotFrom(EtcdBuckets());
  for (const Code code : {Code::kResourceExhausted, Code::kUnknown}) {
    int failures = 0;
    std::size_t begun = 0;
    while (true) {
      MemoryFiles disk;
      FaultyFiles files(disk, code);
      AddOthers(files);
      files.FailNth(failures + 1);
      const DirectoryOutcome outcome =
          WriteDataDirectory(files, SnapshotOf(snapshot), Options(), {}, nullptr);
      if (!files.failed()) {
        EXPECT_TRUE(outcome.status.ok()) << outcome.status.message();
        EXPECT_TRUE(Verify(disk, snapshot).ok());
        break;
      }
      SCOPED_TRACE(++failures);
      ASSERT_EQ(outcome.status.code(), code) << outcome.status.message();
      ExpectOthersAreThere(disk);
      const std::vector<Path> tops = {"/disk/etcd.restore-1", "/fast/log.restore-1"};
      if (!outcome.left.empty()) {
        ++begun;
        EXPECT_EQ(outcome.left, tops);
        EXPECT_TRUE(outcome.status.message().ends_with(
            "; what is unfinished stays in /disk/etcd.restore-1 and /fast/log.restore-1"));
      }
      RemoveLeft(disk, outcome);
      EXPECT_EQ(CountFilesIn(disk, {tops[0], tops[0] / "member", tops[0] / "member" / "snap",
                                    tops[0] / "member" / "wal", tops[1]}),
                0U);
    }
    EXPECT_GE(begun, 18U);
    EXPECT_GT(static_cast<std::size_t>(failures), begun);
  }
}

TEST(DataDirectory, IsWholeAfterAPowerCutOnceItIsReported) {
  const MemoryFile snapshot = SnapshotFrom(EtcdBuckets());
  for (const bool survives : {false, true}) {
    MemoryFiles disk;
    AddOthers(disk);
    ASSERT_TRUE(WriteDataDirectory(disk, SnapshotOf(snapshot), Options(), {}, nullptr).status.ok());
    disk.CutPower([&](std::size_t) { return survives; });
    const DirectoryVerification verification = Verify(disk, snapshot);
    EXPECT_TRUE(verification.ok()) << verification.FirstProblem();
    ExpectOthersAreThere(disk);
  }
}

TEST(DataDirectory, IsSeenToBeUnfinishedAfterAPowerCut) {
  const MemoryFile snapshot = SnapshotFrom(EtcdBuckets());
  int failures = 0;
  while (true) {
    MemoryFiles disk;
    FaultyFiles files(disk);
    AddOthers(files);
    // The machine stands still from there on.
    files.FailFrom(failures + 1);
    (void)WriteDataDirectory(files, SnapshotOf(snapshot), Options(), {}, nullptr);
    if (!files.failed()) break;
    SCOPED_TRACE(++failures);
    disk.CutPower([](std::size_t) { return false; });
    EXPECT_FALSE(Verify(disk, snapshot).ok());
    ExpectOthersAreThere(disk);
  }
  EXPECT_GE(failures, 20);
}

TEST(DataDirectory, IsNotMadeOfADamagedSnapshot) {
  BoltFile file(EtcdBuckets());
  file.Set(file.RootOf("key"), bolt::kFlags, 0);
  const MemoryFile snapshot(file.bytes());
  MemoryFiles disk;
  AddOthers(disk);
  const DirectoryOutcome outcome =
      WriteDataDirectory(disk, SnapshotOf(snapshot), Options(), {}, nullptr);
  EXPECT_EQ(outcome.status.code(), Code::kDataLoss);
  EXPECT_EQ(outcome.left.size(), 2U);
  ExpectOthersAreThere(disk);
}

TEST(DataDirectory, StopsWhenTold) {
  const MemoryFile snapshot = SnapshotFrom(EtcdBuckets());
  MemoryFiles disk;
  AddOthers(disk);
  std::stop_source stop;
  stop.request_stop();
  const DirectoryOutcome outcome =
      WriteDataDirectory(disk, SnapshotOf(snapshot), Options(), stop.get_token(), nullptr);
  EXPECT_EQ(outcome.status.code(), Code::kCancelled);
  EXPECT_EQ(outcome.left.size(), 2U);
  ExpectOthersAreThere(disk);
}

TEST(DataDirectory, BelongsToWhoeverWasFirst) {
  const MemoryFile snapshot = SnapshotFrom(EtcdBuckets());
  MemoryFiles disk;
  FaultyFiles files(disk, Code::kAlreadyExists);
  files.FailWhere([](FileOperation operation, const Path& path) {
    return operation == FileOperation::kCreate && path.extension() == ".wal";
  });
  AddOthers(disk);
  const DirectoryOutcome outcome =
      WriteDataDirectory(files, SnapshotOf(snapshot), Options(), {}, nullptr);
  EXPECT_EQ(outcome.status.code(), Code::kAlreadyExists);
  EXPECT_TRUE(outcome.left.empty());
}

}  // namespace
}  // namespace warden::restore
