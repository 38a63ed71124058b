// The file system door against a real directory: what callers rely on for durability and for
// messages.
#include "exporter/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temp_dir.h"

namespace warden {
namespace {

using testing::TempDir;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Files, CreatesFilesForTheOwnerOnly) {
  const TempDir dir;
  PosixFiles files;
  auto file = files.Create(dir / "new");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Append(Bytes("abc")).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  ASSERT_TRUE((*file)->Close().ok());
  struct stat info = {};
  ASSERT_EQ(stat((dir / "new").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(*files.ReadAll(dir / "new", 3), "abc");
}

TEST(Files, NeverReplacesAFileByCreatingIt) {
  const TempDir dir;
  PosixFiles files;
  dir.Write("there", "old");
  EXPECT_EQ(files.Create(dir / "there").status().code(), Code::kAlreadyExists);
  EXPECT_EQ(*files.ReadAll(dir / "there", 10), "old");
}

TEST(Files, SaysWhatFailedOnWhichPathAndWhy) {
  const TempDir dir;
  PosixFiles files;
  const std::string missing = (dir / "missing").string();
  EXPECT_EQ(files.ReadAll(missing, 10).status().message(),
            "open " + missing + ": No such file or directory");
  EXPECT_EQ(files.Remove(missing).code(), Code::kNotFound);
  EXPECT_EQ(files.List(missing).status().code(), Code::kNotFound);
}

TEST(Files, ReadsRegularFilesUpToTheLimitOnly) {
  const TempDir dir;
  PosixFiles files;
  dir.Write("five", "12345");
  EXPECT_EQ(*files.ReadAll(dir / "five", 5), "12345");
  EXPECT_EQ(files.ReadAll(dir / "five", 4).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(files.ReadAll(dir.path(), 5).status().code(), Code::kInvalidArgument);
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(files.ReadAll(dir / "fifo", 5).status().code(), Code::kInvalidArgument);
}

TEST(Files, ReplacesAtomicallyAndLeavesNoPartial) {
  const TempDir dir;
  PosixFiles files;
  dir.Write("state", "old");
  dir.Write("state.partial", "of a crash");
  ASSERT_TRUE(WriteAtomically(files, dir / "state", "new").ok());
  EXPECT_EQ(*files.ReadAll(dir / "state", 10), "new");
  EXPECT_EQ(files.List(dir.path())->size(), 1U);
}

TEST(Files, RenamesOnlyToAFreeNameIfAskedTo) {
  const TempDir dir;
  PosixFiles files;
  dir.Write("from", "new");
  dir.Write("taken", "old");
  EXPECT_EQ(files.RenameNew(dir / "from", dir / "taken").code(), Code::kAlreadyExists);
  EXPECT_EQ(*files.ReadAll(dir / "taken", 10), "old");
  EXPECT_TRUE(files.RenameNew(dir / "from", dir / "free").ok());
  EXPECT_EQ(*files.ReadAll(dir / "free", 10), "new");
  EXPECT_EQ(files.Stat(dir / "from").status().code(), Code::kNotFound);
}

TEST(Files, MakesDirectoriesThatOnlyTheOwnerEnters) {
  const TempDir dir;
  PosixFiles files;
  ASSERT_TRUE(files.MakeDirectories(dir / "a/b").ok());
  ASSERT_TRUE(files.MakeDirectories(dir / "a/b").ok());
  struct stat info = {};
  ASSERT_EQ(stat((dir / "a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  dir.Write("file", "");
  EXPECT_FALSE(files.MakeDirectories(dir / "file").ok());
  EXPECT_FALSE(files.MakeDirectories(dir / "file/below").ok());
}

TEST(Files, LocksOnceUntilTheLockIsDropped) {
  const TempDir dir;
  PosixFiles files;
  auto first = files.Lock(dir / ".lock");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(files.Lock(dir / ".lock").status().code(), Code::kFailedPrecondition);
  first->reset();
  EXPECT_TRUE(files.Lock(dir / ".lock").ok());
}

TEST(Files, ListsSizesAndTellsLinksFromFiles) {
  const TempDir dir;
  PosixFiles files;
  dir.Write("file", "1234");
  std::filesystem::create_symlink("file", dir / "link");
  const auto entries = files.List(dir.path());
  ASSERT_EQ(entries->size(), 2U);
  for (const DirectoryEntry& entry : *entries) {
    EXPECT_EQ(entry.is_regular, entry.name == "file");
  }
  EXPECT_EQ(files.Stat(dir / "file")->size_bytes, 4U);
  EXPECT_GT(*files.FreeBytes(dir.path()), 0U);
}

}  // namespace
}  // namespace warden
