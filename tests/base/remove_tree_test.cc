// What belongs to this program alone goes with all that is in it, and nothing beside it.
#include "exporter/base/remove_tree.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"

namespace warden {
namespace {

using testing::FaultyFiles;
using testing::FileOperation;
using testing::TempDir;

TEST(RemoveTree, TakesAllOfItAndNothingThatItLinksTo) {
  const TempDir dir;
  PosixFiles files;
  dir.Write("kept", "x");
  ASSERT_TRUE(files.MakeDirectories(dir / "mine" / "a" / "b").ok());
  dir.Write("mine/a/b/file", "x");
  std::filesystem::create_symlink(dir / "kept", dir / "mine" / "to_a_file");
  std::filesystem::create_directory(dir / "other");
  dir.Write("other/kept", "x");
  std::filesystem::create_directory_symlink(dir / "other", dir / "mine" / "to_a_directory");
  EXPECT_TRUE(RemoveTree(files, dir / "mine").ok());
  EXPECT_FALSE(std::filesystem::exists(dir / "mine"));
  EXPECT_TRUE(std::filesystem::exists(dir / "kept"));
  EXPECT_TRUE(std::filesystem::exists(dir / "other" / "kept"));
  EXPECT_TRUE(RemoveTree(files, dir / "mine").ok()) << "gone already";
}

TEST(RemoveTree, SaysWhatStaysAndGoesOnTheNextTime) {
  const TempDir dir;
  PosixFiles disk;
  FaultyFiles files(disk, Code::kUnknown);
  ASSERT_TRUE(disk.MakeDirectories(dir / "mine" / "a").ok());
  dir.Write("mine/a/file", "x");
  files.FailWhere([](FileOperation operation, const Files::Path& path) {
    return operation == FileOperation::kRemove && path.filename() == "file";
  });
  EXPECT_NE(RemoveTree(files, dir / "mine").message().find("a/file"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(dir / "mine" / "a" / "file"));
  files.FailNever();
  EXPECT_TRUE(RemoveTree(files, dir / "mine").ok());
}

TEST(Files, RemovesEmptyDirectoriesOnly) {
  const TempDir dir;
  PosixFiles files;
  ASSERT_TRUE(files.MakeDirectories(dir / "a" / "b").ok());
  EXPECT_EQ(files.RemoveDirectory(dir / "a").code(), Code::kFailedPrecondition);
  EXPECT_TRUE(files.RemoveDirectory(dir / "a" / "b").ok());
  EXPECT_EQ(files.RemoveDirectory(dir / "a" / "b").code(), Code::kNotFound);
}

TEST(Files, RenamesADirectoryButNotOverAnother) {
  const TempDir dir;
  PosixFiles files;
  ASSERT_TRUE(files.MakeDirectories(dir / "a" / "inside").ok());
  ASSERT_TRUE(files.MakeDirectories(dir / "b").ok());
  EXPECT_EQ(files.RenameNew(dir / "a", dir / "b").code(), Code::kAlreadyExists);
  EXPECT_TRUE(files.RenameNew(dir / "a", dir / "c").ok());
  EXPECT_TRUE(std::filesystem::is_directory(dir / "c" / "inside"));
  EXPECT_FALSE(std::filesystem::exists(dir / "a"));
}

TEST(Files, TellsALockedFileFromAFreeOneWithoutMakingOne) {
  const TempDir dir;
  PosixFiles files;
  EXPECT_EQ(files.IsLocked(dir / "db").status().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(dir / "db"));
  {
    const auto lock = files.Lock(dir / "db");
    ASSERT_TRUE(lock.ok());
    EXPECT_TRUE(*files.IsLocked(dir / "db"));
  }
  EXPECT_FALSE(*files.IsLocked(dir / "db"));
  EXPECT_TRUE(files.Lock(dir / "db").ok()) << "asking left no lock behind";
}

}  // namespace
}  // namespace warden
