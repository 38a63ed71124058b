// What cannot be written is refused and changes nothing; a disk that fails ends the writing, and
// leaves nothing that passes for a database.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "exporter/bbolt/writer.h"
#include "tests/bbolt/check.h"
#include "tests/bbolt/written.h"
#include "tests/support/faulty_files.h"

namespace warden::bbolt {
namespace {

using testing::Check;
using testing::Checked;
using testing::FaultyFiles;
using testing::FileOperation;
using testing::kWrittenPath;
using testing::Lines;
using testing::MemoryFile;
using testing::MemoryFiles;
using testing::Write;
using testing::WriteDatabase;
using testing::WrittenBuckets;

TEST(Writer, RefusesWhatCannotBeWrittenAndGoesOn) {
  MemoryFiles files;
  ASSERT_TRUE(files.MakeDirectories(kWrittenPath.parent_path()).ok());
  const auto file = files.Create(kWrittenPath);
  Writer writer(**file, 4096);
  const std::string too_long(kKeyBytesMax + 1, 'k');
  // Nobody looks at its bytes.
  const std::string_view too_large("v", kValueBytesMax + 1);
  const auto begin = [](std::string_view name) {
    return [name](Writer& w) { return w.BeginBucket(name, 1); };
  };
  const auto add = [](std::string_view key, std::string_view value) {
    return [key, value](Writer& w) { return w.Add(key, value); };
  };
  const auto end = [](Writer& w) { return w.EndBucket(); };
  const auto finish = [](Writer& w) { return w.Finish().status(); };
  const struct {
    std::function<Status(Writer&)> call;
    std::string refusal = {};
  } steps[] = {
      {add("k", "v"), "a key outside any bucket"},
      {end, "a bucket ends that did not begin"},
      {begin(""), "a bucket's name is empty"},
      {begin(too_long), "a bucket's name of 32769 bytes, at most 32768 are possible"},
      {begin("b")},
      {begin("c"), "a bucket begins before the last one ends"},
      {finish, "the database ends before its last bucket"},
      {add("", "v"), "a key is empty"},
      {add(too_long, "v"), "a key of 32769 bytes, at most 32768 are possible"},
      {add("k", too_large), "a value of 2147483647 bytes, at most 2147483646 are possible"},
      {add("k", "v")},
      {add("k", "w"), "a key that does not follow the one before"},
      {add("j", "w"), "a key that does not follow the one before"},
      {add("K", "w"), "a key that does not follow the one before"},
      {add("k\x01", "w")},
      {add("\xff", "x")},
      {add("l", "w"), "a key that does not follow the one before"},
      {end},
      {end, "a bucket ends that did not begin"},
      {begin("b"), "a bucket's name that does not follow the one before"},
      {begin("a"), "a bucket's name that does not follow the one before"},
      {begin("c")},
      {add("a", "the order begins anew")},
      {end},
      {finish},
      {finish, "the database is finished"},
      {begin("d"), "the database is finished"},
      {add("k", "v"), "the database is finished"},
      {end, "the database is finished"},
  };
  for (const auto& [call, refusal] : steps) {
    const Status status = call(writer);
    EXPECT_EQ(status.message(), refusal);
    EXPECT_EQ(status.code(), refusal.empty() ? Code::kOk : Code::kInvalidArgument) << refusal;
  }
  const MemoryFile memory(*files.ReadAll(kWrittenPath, 1 << 20));
  const Checked checked = Check(memory, memory.size());
  EXPECT_EQ(checked.findings, Lines());
  const WrittenBuckets expected = {{"b", {{"k", "v"}, {"k\x01", "w"}, {"\xff", "x"}}},
                                   {"c", {{"a", "the order begins anew"}}}};
  EXPECT_EQ(checked.buckets, expected);
}

TEST(Writer, RefusesPagesOfAnOddSize) {
  MemoryFiles files;
  ASSERT_TRUE(files.MakeDirectories(kWrittenPath.parent_path()).ok());
  const auto file = files.Create(kWrittenPath);
  for (const std::uint32_t size : {0U, 1U, 512U, 1'023U, 4'095U, 4'097U, 1U << 25, ~0U}) {
    Writer writer(**file, size);
    for (const Status& status :
         {writer.BeginBucket("a", 0), writer.EndBucket(), writer.Finish().status()}) {
      EXPECT_EQ(status.code(), Code::kInvalidArgument);
      EXPECT_EQ(status.message(), "a page size of " + std::to_string(size) + " bytes");
    }
  }
  EXPECT_EQ(*files.ReadAll(kWrittenPath, 1), "");
}

// Enough for several writes of pages, and one value that is written by itself.
WrittenBuckets Large() {
  WrittenBuckets buckets = {{"a", {}}, {"c", {{"k", "v"}}}};
  for (int i = 0; i < 900; ++i)
    buckets["b"]["k" + std::to_string(1'000 + i)] = std::string(900, 'v');
  buckets["b"]["k1500 is long"] = std::string(400'000, 'l');
  return buckets;
}

TEST(Writer, EndsWhereTheDiskFails) {
  const WrittenBuckets buckets = Large();
  const std::string whole = WriteDatabase(buckets, 1024);
  int databases = 0;
  int failures = 0;
  while (true) {
    MemoryFiles disk;
    FaultyFiles files(disk);
    ASSERT_TRUE(files.MakeDirectories(kWrittenPath.parent_path()).ok());
    const auto file = files.Create(kWrittenPath);
    files.FailNth(failures + 1);
    Writer writer(**file, 1024);
    const Result<std::uint64_t> size = Write(buckets, writer);
    const std::string left = *disk.ReadAll(kWrittenPath, 1 << 24);
    if (!files.failed()) {
      ASSERT_TRUE(size.ok());
      EXPECT_TRUE(left == whole);
      break;
    }
    SCOPED_TRACE(++failures);
    ASSERT_EQ(size.status().code(), Code::kResourceExhausted) << size.status().message();
    // The disk is well again, the file is not.
    for (const Status& status : {writer.BeginBucket("d", 0), writer.Add("k", "v"),
                                 writer.EndBucket(), writer.Finish().status()}) {
      EXPECT_EQ(status.message(), size.status().message());
    }
    EXPECT_EQ(*disk.ReadAll(kWrittenPath, 1 << 24), left);
    const MemoryFile memory(left);
    const Checked checked = Check(memory, memory.size());
    if (!checked.opened.ok()) continue;
    // Only the last write was lost, of the second meta.
    ++databases;
    EXPECT_EQ(checked.findings, Lines());
    EXPECT_TRUE(checked.buckets == buckets);
  }
  EXPECT_GE(failures, 6);
  EXPECT_EQ(databases, 1);
}

TEST(Writer, LeavesNoDatabaseBeforeItIsFinished) {
  const WrittenBuckets buckets = Large();
  const std::string whole = WriteDatabase(buckets, 1024);
  MemoryFiles disk;
  FaultyFiles files(disk);
  ASSERT_TRUE(files.MakeDirectories(kWrittenPath.parent_path()).ok());
  const auto file = files.Create(kWrittenPath);
  files.FailWhere([](FileOperation o, const Files::Path&) { return o == FileOperation::kWriteAt; });
  Writer writer(**file, 1024);
  EXPECT_FALSE(Write(buckets, writer).ok());
  const MemoryFile memory(*disk.ReadAll(kWrittenPath, 1 << 24));
  EXPECT_EQ(memory.size(), whole.size());
  EXPECT_EQ(Check(memory, memory.size()).opened.code(), Code::kDataLoss);
}

}  // namespace
}  // namespace warden::bbolt
