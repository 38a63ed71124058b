// The file system door against a real directory: what callers rely on for durability and for
// messages.
#include "exporter/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>

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

// What a read of `count` bytes gives, or the failure's message.
std::string ReadAt(const ReadableFile& file, std::uint64_t offset, std::size_t count) {
  std::string text(count, '?');
  const auto read = file.ReadAt(offset, std::as_writable_bytes(std::span(text)));
  if (!read.ok()) return read.error().message();
  EXPECT_EQ(text.substr(*read), std::string(count - *read, '?')) << "written behind what it read";
  return text.substr(0, *read);
}

TEST(OpenedFile, ReadsFromAnyOffsetAndLessOnlyAtTheEnd) {
  const TempDir dir;
  PosixFiles files;
  dir.Write("digits", "0123456789");
  std::filesystem::create_symlink("digits", dir / "link");
  for (const char* name : {"digits", "link"}) {
    const auto file = files.Open(dir / name);
    ASSERT_TRUE(file.ok()) << file.error().message();
    EXPECT_EQ(ReadAt(**file, 0, 10), "0123456789");
    EXPECT_EQ(ReadAt(**file, 3, 4), "3456");
    EXPECT_EQ(ReadAt(**file, 8, 4), "89");
    EXPECT_EQ(ReadAt(**file, 10, 4), "");
    EXPECT_EQ(ReadAt(**file, 1ULL << 62, 4), "");
    EXPECT_EQ(ReadAt(**file, 5, 0), "");
    EXPECT_EQ(ReadAt(**file, 0, 2), "01") << "the offset of one read is not the next one's";
  }
}

TEST(OpenedFile, SaysThatAnOffsetIsNoneOfAFile) {
  const TempDir dir;
  const auto path = dir.Write("digits", "0123456789");
  const auto file = PosixFiles().Open(path);
  EXPECT_EQ(ReadAt(**file, ~0ULL, 4), "read " + path.string() + ": Invalid argument");
}

TEST(OpenedFile, IsARegularOneThatMayBeRead) {
  const TempDir dir;
  PosixFiles files;
  const auto fifo = dir / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::filesystem::create_symlink(dir.path(), dir / "link");
  const struct {
    std::filesystem::path path;
    Code code;
    std::string message;
  } refused[] = {
      {dir / "missing", Code::kNotFound,
       "open " + (dir / "missing").string() + ": No such file or directory"},
      {dir.path(), Code::kInvalidArgument, "read " + dir.path().string() + ": is a directory"},
      {dir / "link", Code::kInvalidArgument,
       "read " + (dir / "link").string() + ": is a directory"},
      // There is no writer: whoever waits for one hangs here.
      {fifo, Code::kInvalidArgument, "read " + fifo.string() + ": not a regular file"},
      {"/dev/null", Code::kInvalidArgument, "read /dev/null: not a regular file"},
  };
  for (const auto& each : refused) {
    const auto file = files.Open(each.path);
    EXPECT_EQ(file.status().code(), each.code) << each.path;
    EXPECT_EQ(file.status().message(), each.message);
  }
}

TEST(OpenedFile, NeedsPermission) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const TempDir dir;
  const auto path = dir.Write("secret", "x");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  const auto file = PosixFiles().Open(path);
  EXPECT_EQ(file.status().code(), Code::kPermissionDenied);
  EXPECT_EQ(file.status().message(), "open " + path.string() + ": Permission denied");
}

TEST(OpenedFile, TellsOneContentFromAnother) {
  const TempDir dir;
  PosixFiles files;
  const auto path = dir.Write("db", "12345");
  const auto file = files.Open(path);
  const auto state = [](const auto& opened) { return *(*opened)->State(); };
  const FileState before = state(file);
  EXPECT_EQ(before.size_bytes, 5U);
  EXPECT_EQ(state(file), before);
  EXPECT_EQ(state(files.Open(path)), before) << "the same file, opened again";

  // Rewritten in place: the same file of the same size, changed at another time.
  dir.Write("db", "54321");
  const auto earlier = std::filesystem::last_write_time(path) - std::chrono::hours(1);
  std::filesystem::last_write_time(path, earlier);
  const FileState rewritten = state(file);
  EXPECT_NE(rewritten, before);
  EXPECT_EQ(rewritten.inode, before.inode);

  // Longer at the same time.
  dir.Write("db", "543210");
  std::filesystem::last_write_time(path, earlier);
  EXPECT_NE(state(file), rewritten);

  // Replaced by a file with the same size and time: what is open stays as it was.
  dir.Write("new", "543210");
  std::filesystem::last_write_time(dir / "new", earlier);
  const FileState open = state(file);
  std::filesystem::rename(dir / "new", path);
  EXPECT_EQ(state(file), open);
  EXPECT_NE(state(files.Open(path)), open);
}

TEST(OpenedFile, ReadsLessOnceItHasShrunk) {
  const TempDir dir;
  const auto path = dir.Write("db", "0123456789");
  const auto file = PosixFiles().Open(path);
  std::filesystem::resize_file(path, 4);
  EXPECT_EQ(ReadAt(**file, 2, 8), "23");
  EXPECT_EQ((*file)->State()->size_bytes, 4U);
}

}  // namespace
}  // namespace warden
