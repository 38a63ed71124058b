// The forms of a copy: what we write the stock programs open, and what they write we open.
#include "exporter/offsite/pack.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "exporter/base/text.h"
#include "exporter/snapshot/digest.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace warden::offsite {
namespace {

using testing::FaultyFiles;
using testing::FileOperation;
using testing::MemoryFiles;
using testing::TempDir;

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

Deadline Patience() {
  return {.at = SystemClock().Steady() + Seconds(60), .stop = {}};
}

std::string Sha256Of(std::string_view text) {
  snapshot::Sha256 digest;
  digest.Add(text);
  return FormatHex(digest.Digest());
}

// Half of it compresses well and half does not; larger than every buffer on its way.
std::string MakeContent() {
  std::mt19937_64 random(7);
  std::string content;
  while (content.size() < 3'000'000) {
    const std::uint64_t word = random();
    content.append(reinterpret_cast<const char*>(&word), sizeof(word));
    content.append("the same again");
  }
  return content;
}

class PackTest : public ::testing::Test {
 protected:
  // A key pair: the private half is the file of that name.
  std::string MakeKey(const std::string& name) {
    EXPECT_EQ(testing::Run({"age-keygen", "-o", dir_ / name}).exit_code, 0);
    const std::string text = testing::Run({"age-keygen", "-y", dir_ / name}).output;
    return std::string(Trim(text));
  }
  Result<Packed> PackIt(const PackOptions& options) {
    return Pack(files_, from_, sha256_, to_, options, Patience());
  }
  Result<Unpacked> UnpackIt(std::string_view suffix, const std::string& identity = "") {
    return Unpack(files_, to_, suffix, back_, identity.empty() ? "" : dir_ / identity, kNoLimit,
                  Patience());
  }
  std::string Read(const std::filesystem::path& path) {
    return files_.ReadAll(path, 100'000'000).ok() ? *files_.ReadAll(path, 100'000'000) : "";
  }
  bool Exists(const std::filesystem::path& path) { return files_.Stat(path).ok(); }

  const TempDir dir_;
  PosixFiles files_;
  const std::string content_ = MakeContent();
  const std::string sha256_ = Sha256Of(content_);
  const std::filesystem::path from_ = dir_.Write("from.db", content_);
  const std::filesystem::path to_ = dir_ / "to";
  const std::filesystem::path back_ = dir_ / "back.db";
};

TEST_F(PackTest, KnowsThePackedFileAsTheStockProgramsDo) {
  ASSERT_TRUE(PackIt({.compress = true}).ok());
  const std::uint64_t size_bytes = std::filesystem::file_size(to_);
  std::filesystem::remove(to_);
  const Result<Packed> packed = PackIt({.compress = true});
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  EXPECT_EQ(packed->suffix, ".zst");
  EXPECT_EQ(packed->size_bytes, size_bytes);
  const auto digest = [&](const char* program) {
    return testing::Run({program, to_.string()}).output.substr(0, packed->digests.sha256.size());
  };
  EXPECT_EQ(digest("sha256sum"), packed->digests.sha256);
  EXPECT_TRUE(digest("sha1sum").starts_with(packed->digests.sha1 + " "));
  EXPECT_TRUE(digest("md5sum").starts_with(packed->digests.md5 + " "));
  struct stat info = {};
  ASSERT_EQ(stat(to_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(PackTest, IsOpenedByTheStockZstd) {
  for (const int level : {1, 3, 19}) {
    SCOPED_TRACE(level);
    ASSERT_TRUE(PackIt({.compress = true, .level = level}).ok());
    EXPECT_LT(std::filesystem::file_size(to_), content_.size() / 2);
    EXPECT_EQ(Sha256Of(testing::Run({"zstd", "-dcq"}, Read(to_)).output), sha256_);
    // The stock program checks the checksum only where there is one.
    EXPECT_NE(testing::Run({"zstd", "-lv", to_}).output.find("XXH64"), std::string::npos);
    std::filesystem::remove(to_);
  }
}

TEST_F(PackTest, IsOpenedByTheStockAgeForEachRecipient) {
  const std::string one = MakeKey("one");
  const std::filesystem::path others =
      dir_.Write("others", "# a comment\n" + MakeKey("two") + "\n");
  const Result<Packed> packed = PackIt({.age_recipients = {one}, .age_recipients_file = others});
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  EXPECT_EQ(packed->suffix, ".age");
  for (const char* identity : {"one", "two"}) {
    EXPECT_EQ(Sha256Of(testing::Run({"age", "-d", "-i", dir_ / identity, to_}).output), sha256_);
  }
}

TEST_F(PackTest, IsOpenedByAgeAndThenZstdIfItIsBoth) {
  const Result<Packed> packed = PackIt({.compress = true, .age_recipients = {MakeKey("key")}});
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  EXPECT_EQ(packed->suffix, ".zst.age");
  EXPECT_GT(packed->compress_duration, Nanoseconds(0));
  EXPECT_GT(packed->encrypt_duration, Nanoseconds(0));
  const std::string compressed = testing::Run({"age", "-d", "-i", dir_ / "key", to_}).output;
  EXPECT_EQ(Sha256Of(testing::Run({"zstd", "-dcq"}, compressed).output), sha256_);
}

TEST_F(PackTest, ComesBackFromEveryForm) {
  const std::string key = MakeKey("key");
  const PackOptions forms[] = {{},
                               {.compress = true},
                               {.age_recipients = {key}},
                               {.compress = true, .age_recipients = {key}}};
  for (const PackOptions& form : forms) {
    const std::string suffix = SuffixOf(form);
    SCOPED_TRACE(suffix);
    ASSERT_TRUE(PackIt(form).ok());
    const Result<Unpacked> unpacked = UnpackIt(suffix, "key");
    ASSERT_TRUE(unpacked.ok()) << unpacked.status().message();
    EXPECT_EQ(unpacked->size_bytes, content_.size());
    EXPECT_EQ(unpacked->sha256, sha256_);
    EXPECT_EQ(Sha256Of(Read(back_)), sha256_);
    std::filesystem::remove(to_);
    std::filesystem::remove(back_);
  }
}

TEST_F(PackTest, OpensWhatTheStockProgramsWrote) {
  const std::string key = MakeKey("key");
  ASSERT_EQ(testing::Run({"zstd", "-q", "--long=27", from_, "-o", dir_ / "a.zst"}).exit_code, 0);
  // Two frames in one file are a zstd file too.
  dir_.Write("to", Read(dir_ / "a.zst") + Read(dir_ / "a.zst"));
  EXPECT_EQ(UnpackIt(".zst")->sha256, Sha256Of(content_ + content_));
  std::filesystem::remove(back_);
  ASSERT_EQ(testing::Run({"age", "-a", "-r", key, "-o", to_, dir_ / "a.zst"}).exit_code, 0);
  EXPECT_EQ(UnpackIt(".zst.age", "key")->sha256, sha256_);
}

TEST_F(PackTest, NoticesThatTheSnapshotIsNoLongerWhatWasVerified) {
  const std::string key = MakeKey("key");
  std::string changed = content_;
  changed[2'999'999] ^= 1;
  dir_.Write("from.db", changed);
  const PackOptions forms[] = {{},
                               {.compress = true},
                               {.age_recipients = {key}},
                               {.compress = true, .age_recipients = {key}}};
  for (const PackOptions& form : forms) {
    const Result<Packed> packed = PackIt(form);
    EXPECT_EQ(packed.status().code(), Code::kDataLoss);
    EXPECT_EQ(packed.status().message(), "pack " + from_.string() + ": " + from_.string() +
                                             ": is no longer what was verified: its SHA-256 is " +
                                             Sha256Of(changed) + ", not " + sha256_);
    EXPECT_FALSE(Exists(to_));
  }
  EXPECT_EQ(Measure(files_, from_, sha256_, Patience()).status().code(), Code::kDataLoss);
}

TEST_F(PackTest, MeasuresWhatNeedsNoPacking) {
  const Result<Packed> measured = Measure(files_, from_, sha256_, Patience());
  ASSERT_TRUE(measured.ok()) << measured.status().message();
  EXPECT_EQ(measured->suffix, "");
  EXPECT_EQ(measured->size_bytes, content_.size());
  EXPECT_EQ(measured->digests.sha256, sha256_);
  EXPECT_TRUE(testing::Run({"md5sum", from_}).output.starts_with(measured->digests.md5 + " "));
}

TEST_F(PackTest, ReplacesNothing) {
  dir_.Write("to", "precious");
  EXPECT_EQ(PackIt({.compress = true}).status().code(), Code::kAlreadyExists);
  EXPECT_EQ(Read(to_), "precious");
  EXPECT_EQ(Unpack(files_, from_, "", to_, "", kNoLimit, Patience()).status().code(),
            Code::kAlreadyExists);
  EXPECT_EQ(Read(to_), "precious");
}

TEST_F(PackTest, SaysInAgesWordsWhatIsWrongWithARecipient) {
  const Result<Packed> packed = PackIt({.age_recipients = {"age1wrong"}});
  EXPECT_EQ(packed.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(packed.status().message(),
            "pack " + from_.string() +
                ": age: malformed recipient \"age1wrong\": separator '1' at invalid position: "
                "pos=3, len=9");
  EXPECT_FALSE(Exists(to_));
  EXPECT_EQ(PackIt({.age_recipients_file = dir_ / "none"}).status().code(), Code::kInvalidArgument);
}

TEST_F(PackTest, NeverHandsOverAPrivateKey) {
  MakeKey("key");
  const std::string text = Read(dir_ / "key");
  const std::string secret(Trim(text.substr(text.find("AGE-SECRET-KEY-"))));
  const Result<Packed> packed = PackIt({.age_recipients = {secret}});
  EXPECT_EQ(packed.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(packed.status().message().find(secret), std::string::npos);
}

TEST_F(PackTest, RefusesLevelsThatDoNotExist) {
  for (const int level : {0, 20, -5}) {
    EXPECT_EQ(PackIt({.compress = true, .level = level}).status().code(), Code::kInvalidArgument);
    EXPECT_FALSE(Exists(to_));
  }
}

TEST_F(PackTest, EndsAtTheDeadlineAndAtAStop) {
  const std::string key = MakeKey("key");
  std::stop_source stop;
  stop.request_stop();
  const Deadline past{.at = SystemClock().Steady(), .stop = {}};
  const Deadline stopped{.at = Patience().at, .stop = stop.get_token()};
  for (const PackOptions& form :
       {PackOptions{.compress = true}, PackOptions{.age_recipients = {key}}}) {
    EXPECT_EQ(Pack(files_, from_, sha256_, to_, form, past).status().code(),
              Code::kDeadlineExceeded);
    EXPECT_EQ(Pack(files_, from_, sha256_, to_, form, stopped).status().code(), Code::kCancelled);
    EXPECT_FALSE(Exists(to_));
  }
}

TEST_F(PackTest, FailsAndLeavesNothingWhereTheOperatorsKeyDoesNotFit) {
  ASSERT_TRUE(PackIt({.compress = true, .age_recipients = {MakeKey("right")}}).ok());
  MakeKey("wrong");
  const Result<Unpacked> unpacked = UnpackIt(".zst.age", "wrong");
  EXPECT_EQ(unpacked.status().code(), Code::kPermissionDenied);
  EXPECT_EQ(unpacked.status().message(),
            "unpack " + to_.string() + ": age: no identity matched any of the recipients");
  EXPECT_EQ(UnpackIt(".zst.age", "no-such-file").status().code(), Code::kUnknown);
  EXPECT_EQ(UnpackIt(".zst.age").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(UnpackIt(".gz").status().code(), Code::kInvalidArgument);
  EXPECT_FALSE(Exists(back_));
}

TEST_F(PackTest, RefusesDamagedAndForeignFiles) {
  const std::string key = MakeKey("key");
  const PackOptions forms[] = {
      {.compress = true}, {.age_recipients = {key}}, {.compress = true, .age_recipients = {key}}};
  for (const PackOptions& form : forms) {
    const std::string suffix = SuffixOf(form);
    SCOPED_TRACE(suffix);
    ASSERT_TRUE(PackIt(form).ok());
    const std::string packed = Read(to_);
    std::string flipped = packed;
    flipped[packed.size() / 2] ^= 1;
    std::string last_flipped = packed;
    last_flipped.back() ^= 1;
    const std::string bad[] = {"",
                               "x",
                               content_,
                               flipped,
                               last_flipped,
                               packed.substr(0, 5),
                               packed.substr(0, packed.size() / 2),
                               packed.substr(0, packed.size() - 1),
                               packed + "x"};
    for (std::size_t i = 0; i < std::size(bad); ++i) {
      dir_.Write("to", bad[i]);
      const Result<Unpacked> unpacked = UnpackIt(suffix, "key");
      EXPECT_EQ(unpacked.status().code(), Code::kDataLoss) << i << unpacked.status().message();
      EXPECT_FALSE(Exists(back_)) << i;
    }
    std::filesystem::remove(to_);
  }
}

TEST_F(PackTest, StopsUnpackingAtTheLimit) {
  // 20 MB of nothing are less than 1 kB.
  const std::string bomb =
      testing::Run({"sh", "-c", "head -c 20000000 /dev/zero | zstd -cq"}).output;
  ASSERT_LT(bomb.size(), 10'000U);
  dir_.Write("to", bomb);
  const Result<Unpacked> unpacked = Unpack(files_, to_, ".zst", back_, "", 19'999'999, Patience());
  EXPECT_EQ(unpacked.status().code(), Code::kResourceExhausted);
  EXPECT_FALSE(Exists(back_));
  dir_.Write("to", testing::Run({"zstd", "-cq"}, "12345").output);
  EXPECT_EQ(Unpack(files_, to_, ".zst", back_, "", 4, Patience()).status().code(),
            Code::kResourceExhausted);
  EXPECT_TRUE(Unpack(files_, to_, ".zst", back_, "", 5, Patience()).ok());
}

// The n-th call fails, for n = 1, 2, 3 … until none does.
TEST(PackFaults, LeaveNothingBehindAndNothingUnsynced) {
  const std::string content = MakeContent();
  const PackOptions options{.compress = true, .level = 1};
  int n = 1;
  for (bool whole = false; !whole; ++n) {
    ASSERT_LT(n, 100);
    SCOPED_TRACE(n);
    MemoryFiles disk;
    FaultyFiles files(disk);
    ASSERT_TRUE(disk.MakeDirectories("/d").ok());
    ASSERT_TRUE((*disk.Create("/d/from"))->Append(std::as_bytes(std::span(content))).ok());
    files.FailNth(n);
    const Result<Packed> packed =
        Pack(files, "/d/from", Sha256Of(content), "/d/to", options, Patience());
    whole = !files.failed();
    EXPECT_EQ(packed.ok(), whole);
    EXPECT_EQ(disk.Stat("/d/to").ok(), whole);
    if (!whole) continue;
    files.FailNever();
    ASSERT_TRUE(disk.SyncDirectory("/d").ok());
    disk.CutPower([](std::size_t) { return false; });
    EXPECT_EQ(disk.Stat("/d/to")->size_bytes, packed->size_bytes);
    EXPECT_EQ(Unpack(files, "/d/to", ".zst", "/d/back", "", kNoLimit, Patience())->sha256,
              Sha256Of(content));
  }
  EXPECT_GT(n, 10);
}

TEST(PackFaults, ReachTheWriterOfAnEncryptedFile) {
  const std::string content = MakeContent();
  const TempDir dir;
  ASSERT_EQ(testing::Run({"age-keygen", "-o", dir / "key"}).exit_code, 0);
  const std::string key(Trim(testing::Run({"age-keygen", "-y", dir / "key"}).output));
  MemoryFiles disk;
  FaultyFiles files(disk);
  ASSERT_TRUE(disk.MakeDirectories("/d").ok());
  ASSERT_TRUE((*disk.Create("/d/from"))->Append(std::as_bytes(std::span(content))).ok());
  for (const FileOperation fault :
       {FileOperation::kAppend, FileOperation::kSync, FileOperation::kClose}) {
    files.FailWhere(
        [&](FileOperation operation, const Files::Path&) { return operation == fault; });
    const Result<Packed> packed =
        Pack(files, "/d/from", Sha256Of(content), "/d/to", {.age_recipients = {key}}, Patience());
    EXPECT_EQ(packed.status().code(), Code::kResourceExhausted);
    EXPECT_FALSE(disk.Stat("/d/to").ok());
  }
}

}  // namespace
}  // namespace warden::offsite
