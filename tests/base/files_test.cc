// The file system door against a real directory: what callers rely on for durability and for
// messages.
#include "exporter/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/temp_dir.h"

namespace warden {
namespace {

using testing::FaultyFiles;
using testing::FileOperation;
using testing::MemoryFiles;
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

// A new file of ten digits.
std::unique_ptr<WritableFile> Digits(Files& files, const Files::Path& path) {
  EXPECT_TRUE(files.MakeDirectories(path.parent_path()).ok());
  auto file = files.Create(path);
  EXPECT_TRUE(file.ok()) << file.status().message();
  EXPECT_TRUE((*file)->Append(Bytes("0123456789")).ok());
  return *std::move(file);
}

TEST(FileBeingWritten, IsOverwrittenAnywhereAndGrowsAtItsEnd) {
  const TempDir dir;
  PosixFiles real;
  MemoryFiles memory;
  FaultyFiles faulty(memory);
  for (Files* files : {static_cast<Files*>(&real), static_cast<Files*>(&faulty)}) {
    const auto file = Digits(*files, dir / "digits");
    EXPECT_TRUE(file->WriteAt(8, Bytes("xy")).ok());
    EXPECT_TRUE(file->WriteAt(0, Bytes("abc")).ok());
    EXPECT_TRUE(file->WriteAt(2, Bytes("d")).ok());
    EXPECT_TRUE(file->WriteAt(10, Bytes("")).ok());
    ASSERT_TRUE(file->Append(Bytes("end")).ok());
    EXPECT_TRUE(file->WriteAt(10, Bytes("E")).ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(file->Close().ok());
    EXPECT_EQ(*files->ReadAll(dir / "digits", 20), "abd34567xyEnd");
  }
}

TEST(FileBeingWritten, IsNotOverwrittenPastItsEnd) {
  const TempDir dir;
  PosixFiles real;
  MemoryFiles memory;
  const std::string path = (dir / "digits").string();
  for (Files* files : {static_cast<Files*>(&real), static_cast<Files*>(&memory)}) {
    const auto file = Digits(*files, path);
    for (const auto& [offset, bytes] : {std::pair(9ULL, "xy"), {10, "x"}, {11, ""}, {~0ULL, "x"}}) {
      const Status refused = file->WriteAt(offset, Bytes(bytes));
      EXPECT_EQ(refused.code(), Code::kInvalidArgument) << offset;
      if (files != &real) continue;
      EXPECT_EQ(refused.message(), "write " + path + ": past its end");
    }
    EXPECT_EQ(*files->ReadAll(path, 20), "0123456789");
  }
}

TEST(FileBeingWritten, IsExtendedWithZerosThatTakeRoom) {
  const TempDir dir;
  PosixFiles real;
  MemoryFiles memory;
  FaultyFiles faulty(memory);
  for (Files* files : {static_cast<Files*>(&real), static_cast<Files*>(&faulty)}) {
    const auto file = Digits(*files, dir / "digits");
    EXPECT_TRUE(file->Extend(100'000).ok());
    EXPECT_TRUE(file->Extend(10).ok()) << "a longer file stays";
    EXPECT_TRUE(file->WriteAt(99'999, Bytes("x")).ok());
    ASSERT_TRUE(file->Append(Bytes("end")).ok());
    EXPECT_EQ(file->WriteAt(100'003, Bytes("x")).code(), Code::kInvalidArgument);
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(file->Close().ok());
    const std::string zeros(99'989, '\0');
    EXPECT_TRUE(*files->ReadAll(dir / "digits", 200'000) == "0123456789" + zeros + "xend");
  }
  struct stat info = {};
  ASSERT_EQ(stat((dir / "digits").c_str(), &info), 0);
  EXPECT_GE(info.st_blocks * 512, 100'003);
}

TEST(FileBeingWritten, IsNotExtendedWhereTheDiskFails) {
  const TempDir dir;
  MemoryFiles memory;
  FaultyFiles faulty(memory);
  const auto file = Digits(faulty, dir / "digits");
  faulty.FailNth(1);
  EXPECT_EQ(file->Extend(100).code(), Code::kResourceExhausted);
  EXPECT_EQ(*memory.ReadAll(dir / "digits", 200), "0123456789");
  // More than any disk has.
  PosixFiles real;
  const auto large = Digits(real, dir / "large");
  const Status refused = large->Extend(std::uint64_t{1} << 62);
  EXPECT_FALSE(refused.ok());
  EXPECT_TRUE(refused.message().starts_with("extend " + (dir / "large").string() + ": "));
  EXPECT_TRUE(large->Append(Bytes("end")).ok());
  EXPECT_EQ(*real.ReadAll(dir / "large", 200), "0123456789end");
}

TEST(DiskInMemory, SaysWhatADirectoryIs) {
  MemoryFiles files;
  ASSERT_TRUE(files.MakeDirectories("/disk/a").ok());
  EXPECT_EQ(files.Stat("/disk/a")->name, "a");
  EXPECT_FALSE(files.Stat("/disk/a")->is_regular);
  EXPECT_EQ(files.Stat("/disk/b").status().code(), Code::kNotFound);
  EXPECT_EQ(files.RenameNew("/disk/x", "/disk/a").code(), Code::kAlreadyExists);
}

TEST(DiskInMemory, MayLoseWhatWasOverwrittenUntilItIsSynced) {
  struct Case {
    std::size_t survivors;  // a bit for each of three overwrites, the first is the lowest
    const char* left;
  };
  const Files::Path path = "/disk/digits";
  for (const Case& each : {Case{0b000, "0123456789"},
                           {0b001, "0AAA456789"},
                           {0b010, "01BBB56789"},
                           {0b011, "0ABBB56789"},
                           {0b100, "012345678C"},
                           {0b111, "0ABBB5678C"}}) {
    SCOPED_TRACE(each.left);
    MemoryFiles files;
    const auto file = Digits(files, path);
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(files.SyncDirectory("/disk").ok());
    ASSERT_TRUE(file->WriteAt(1, Bytes("AAA")).ok());
    ASSERT_TRUE(file->WriteAt(2, Bytes("BBB")).ok());
    ASSERT_TRUE(file->Append(Bytes("ten")).ok());
    ASSERT_TRUE(file->WriteAt(9, Bytes("CCC")).ok());  // half of it stands where nothing is safe
    EXPECT_EQ(*files.ReadAll(path, 20), "0ABBB5678CCCn");
    files.CutPower([&](std::size_t number) { return (each.survivors >> number & 1) != 0; });
    EXPECT_EQ(*files.ReadAll(path, 20), each.left);
    files.CutPower([](std::size_t) { return true; });
    EXPECT_EQ(*files.ReadAll(path, 20), each.left) << "lost or kept for good";
  }
}

TEST(DiskInMemory, KeepsWhatWasSyncedOnceItIsOverwritten) {
  MemoryFiles files;
  const auto file = Digits(files, "/disk/digits");
  ASSERT_TRUE(files.SyncDirectory("/disk").ok());
  ASSERT_TRUE(file->WriteAt(0, Bytes("abc")).ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->WriteAt(1, Bytes("x")).ok());
  files.CutPower([](std::size_t) { return false; });
  EXPECT_EQ(*files.ReadAll("/disk/digits", 20), "abc3456789");
}

TEST(FilesThatFail, LeaveHalfOfWhatWasToBeOverwritten) {
  MemoryFiles memory;
  FaultyFiles files(memory);
  const auto file = Digits(files, "/disk/digits");
  files.FailWhere([](FileOperation o, const Files::Path&) { return o == FileOperation::kWriteAt; });
  EXPECT_EQ(file->WriteAt(2, Bytes("abcd")).code(), Code::kResourceExhausted);
  EXPECT_EQ(*files.ReadAll("/disk/digits", 20), "01ab456789");
  EXPECT_TRUE(files.failed());
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
