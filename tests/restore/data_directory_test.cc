// What is written, where, and with which modes; and what is refused before anything is.
#include "exporter/restore/data_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "exporter/restore/snap_file.h"
#include "exporter/restore/wal.h"
#include "tests/restore/restored.h"
#include "tests/support/temp_dir.h"

namespace warden::restore {
namespace {

using testing::EtcdBuckets;
using testing::MemoryFile;
using testing::MemoryFiles;
using testing::TempDir;
using Path = Files::Path;

constexpr std::size_t kAny = 1ULL << 30;

DirectoryOutcome WriteTo(Files& files, const DirectoryOptions& options) {
  const MemoryFile snapshot = SnapshotFrom(EtcdBuckets());
  return WriteDataDirectory(files, SnapshotOf(snapshot), options, {}, nullptr);
}

std::vector<Path> PathsBelow(const Path& path) {
  std::vector<Path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    paths.push_back(entry.path().lexically_relative(path));
  }
  std::ranges::sort(paths);
  return paths;
}

mode_t ModeOf(const Path& path) {
  struct stat info = {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(DataDirectory, IsWhatEtcdStartsOn) {
  const TempDir dir;
  PosixFiles files;
  const DirectoryOptions options = OptionsFor(dir / "etcd");
  const DirectoryOutcome outcome = WriteTo(files, options);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_TRUE(outcome.left.empty());
  const Path top = dir / "etcd";
  EXPECT_EQ(
      PathsBelow(top),
      (std::vector<Path>{"member", "member/snap",
                         "member/snap/0000000000000001-0000000000000003.snap", "member/snap/db",
                         "member/wal", "member/wal/0000000000000000-0000000000000000.wal"}));
  EXPECT_EQ(ModeOf(top), 0700U);
  for (const Path& path : PathsBelow(top)) {
    const bool is_directory = std::filesystem::is_directory(top / path);
    EXPECT_EQ(ModeOf(top / path), is_directory ? 0700U : 0600U) << path;
  }
  const DirectoryLayout layout = LayoutOf(options);
  const auto snapshot = SnapshotFrom(EtcdBuckets());
  const auto edits = *EditBuckets(options.cluster, options.database);
  const std::string database = *files.ReadAll(layout.database_file, kAny);
  EXPECT_TRUE(database == Rewrite(SnapshotOf(snapshot), edits).bytes);
  EXPECT_EQ(outcome.database.size_bytes, database.size());
  std::string wal = WalBytes(options.cluster, *options.cluster.Find("m2"), Target::k37);
  wal.resize(kWalFileBytes);
  EXPECT_TRUE(*files.ReadAll(layout.wal_file, kAny) == wal);
  EXPECT_EQ(*files.ReadAll(layout.snap_file, kAny), SnapFileBytes(options.cluster, Target::k37));
}

TEST(DataDirectory, MayHaveItsLogElsewhere) {
  const TempDir dir;
  PosixFiles files;
  ASSERT_TRUE(files.MakeDirectories(dir / "fast").ok());
  for (const std::string log : {"fast/log", "second/log", "third/a/log/", "fourth/member/wal"}) {
    DirectoryOptions options = OptionsFor(dir / log.substr(0, log.find('/')));
    if (log == "fast/log") options.path = dir / "first/./";
    options.wal_dir = dir / log;
    const DirectoryOutcome outcome = WriteTo(files, options);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    EXPECT_EQ(PathsBelow(*options.wal_dir), std::vector<Path>{Path(kWalFileName)});
    EXPECT_EQ(std::filesystem::exists(options.path / "member" / "wal"), log == "fourth/member/wal");
    EXPECT_EQ(ModeOf(*options.wal_dir), 0700U);
  }
}

TEST(DataDirectory, IsTheSameForAllMembersButForWhoseLogItIs) {
  MemoryFiles files;
  ASSERT_TRUE(files.MakeDirectories("/disk").ok());
  std::set<std::string> databases, snaps, logs;
  for (const char* name : {"m1", "m2", "m3"}) {
    DirectoryOptions options = OptionsFor(Path("/disk") / name);
    options.name = name;
    ASSERT_TRUE(WriteTo(files, options).status.ok());
    const DirectoryLayout layout = LayoutOf(options);
    databases.insert(*files.ReadAll(layout.database_file, kAny));
    snaps.insert(*files.ReadAll(layout.snap_file, kAny));
    logs.insert(*files.ReadAll(layout.wal_file, kAny));
  }
  EXPECT_EQ(databases.size(), 1U);
  EXPECT_EQ(snaps.size(), 1U);
  EXPECT_EQ(logs.size(), 3U);
}

TEST(DataDirectory, IsNotWrittenWhereAnythingIs) {
  const TempDir dir;
  PosixFiles files;
  dir.Write("file", "old");
  std::filesystem::create_directory(dir / "empty");
  std::filesystem::create_directories(dir / "full/member/snap");
  std::filesystem::create_symlink(dir / "nowhere", dir / "link");
  const std::vector<Path> before = PathsBelow(dir.path());
  for (const char* taken : {"file", "empty", "full", "link", "full/"}) {
    DirectoryOptions as_path = OptionsFor(dir / taken);
    DirectoryOptions as_log = OptionsFor(dir / "free");
    as_log.wal_dir = dir / taken;
    for (const DirectoryOptions& options : {as_path, as_log}) {
      const DirectoryOutcome outcome = WriteTo(files, options);
      EXPECT_EQ(outcome.status.code(), Code::kAlreadyExists) << taken;
      EXPECT_TRUE(outcome.left.empty());
      EXPECT_EQ(PathsBelow(dir.path()), before) << taken;
    }
  }
  EXPECT_EQ(*files.ReadAll(dir / "file", 10), "old");
}

TEST(DataDirectory, IsNotWrittenWithOptionsThatCannotBe) {
  const TempDir dir;
  PosixFiles files;
  struct Case {
    Code code;
    std::string message;
    std::string path, wal_dir = {};
    std::string name = "m2";
    std::optional<RevisionBump> bump = {};
  };
  const std::string mixed = "would be mixed up with the data directory";
  const Case cases[] = {
      {Code::kNotFound, "/missing", "missing/etcd"},
      {Code::kNotFound, "/missing", "etcd", "missing/log"},
      {Code::kInvalidArgument, mixed, "etcd", "etcd"},
      {Code::kInvalidArgument, mixed, "etcd", "./etcd/x/.."},
      {Code::kInvalidArgument, mixed, "log/etcd", "log"},
      {Code::kInvalidArgument, mixed, "etcd", "etcd/member"},
      {Code::kInvalidArgument, mixed, "etcd", "etcd/member/snap"},
      {Code::kInvalidArgument, mixed, "etcd", "etcd/member/wal/deeper"},
      {Code::kInvalidArgument, "\"m4\" is no member of the new cluster", "etcd", "", "m4"},
      {Code::kInvalidArgument, "a revision is raised by 1 at least", "etcd", "", "m2", {{6, 0}}},
  };
  for (const Case& each : cases) {
    DirectoryOptions options = OptionsFor(dir / each.path);
    if (!each.wal_dir.empty()) options.wal_dir = dir / each.wal_dir;
    options.name = each.name;
    options.database.bump = each.bump;
    const DirectoryOutcome outcome = WriteTo(files, options);
    EXPECT_EQ(outcome.status.code(), each.code) << outcome.status.message();
    EXPECT_NE(outcome.status.message().find(each.message), std::string::npos)
        << outcome.status.message();
    EXPECT_TRUE(outcome.left.empty());
    EXPECT_EQ(PathsBelow(dir.path()), std::vector<Path>()) << each.path << " " << each.wal_dir;
  }
  EXPECT_EQ(WriteTo(files, OptionsFor("")).status.code(), Code::kInvalidArgument);
  DirectoryOptions nameless = OptionsFor(dir / "etcd");
  nameless.wal_dir = "";
  EXPECT_EQ(WriteTo(files, nameless).status.code(), Code::kInvalidArgument);
  EXPECT_EQ(PathsBelow(dir.path()), std::vector<Path>());
}

TEST(DataDirectory, IsOfTheSnapshotThatTheBumpWasPlannedFor) {
  MemoryFiles files;
  ASSERT_TRUE(files.MakeDirectories("/disk").ok());
  DirectoryOptions options = OptionsFor("/disk/etcd");
  options.database.bump = RevisionBump{.from = 5, .by = 1000};
  const DirectoryOutcome outcome = WriteTo(files, options);
  EXPECT_EQ(outcome.status.code(), Code::kFailedPrecondition);
  EXPECT_EQ(outcome.status.message(),
            "the revision is to be raised from 5, but the snapshot is at 6; what is unfinished "
            "stays in /disk/etcd");
  EXPECT_EQ(outcome.left, std::vector<Path>{"/disk/etcd"});
  options.path = "/disk/again";
  options.database.bump->from = kSnapshotRevision;
  EXPECT_TRUE(WriteTo(files, options).status.ok());
}

}  // namespace
}  // namespace warden::restore
