// Levels 0 to 2 of files on a disk, whole and damaged.
#include "exporter/snapshot/verify.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/support/bolt_builder.h"
#include "tests/support/etcd_database.h"
#include "tests/support/faulty_files.h"
#include "tests/support/process.h"
#include "tests/support/snapshot_stream.h"
#include "tests/support/temp_dir.h"

namespace warden::snapshot {
namespace {

namespace fs = std::filesystem;
using testing::BoltFile;
using testing::EtcdBuckets;
using testing::FileOperation;
namespace bolt = testing::bolt;

std::string WithTrailer(const std::string& database) {
  return database + testing::Sha256(database);
}
// Damage of level 1 and of level 2.
std::string WithABrokenPage() {
  BoltFile file(EtcdBuckets());
  file.Set(file.RootOf("key"), bolt::kFlags, 0);
  return file.bytes();
}
std::string WithoutLeases() {
  testing::BoltBuckets buckets = EtcdBuckets();
  buckets.erase("lease");
  return BoltFile(buckets).bytes();
}

class VerifyTest : public ::testing::Test {
 protected:
  Result<Verification> VerifyBytes(const std::string& bytes, const VerifyOptions& options = {}) {
    path_ = dir_.Write("x.db", bytes);
    return VerifyFile(files_, path_, options);
  }
  // What sha256sum says of the bytes.
  std::string SumOf(const std::string& bytes) {
    return testing::Run({"sha256sum"}, bytes).output.substr(0, 64);
  }
  // Something happens between the reading and the look whether anything has.
  Code CodeIfMeanwhile(const std::function<void()>& change) {
    int opened = 0;
    files_.FailWhere([&](FileOperation operation, const Files::Path&) {
      if (operation == FileOperation::kRead && ++opened == 2) change();
      return false;
    });
    const auto verification = VerifyBytes(WithTrailer(BoltFile(EtcdBuckets()).bytes()));
    files_.FailNever();
    EXPECT_EQ(opened, 2);
    return verification.status().code();
  }

  testing::TempDir dir_;
  PosixFiles posix_;
  testing::FaultyFiles files_{posix_};
  fs::path path_;
};

TEST_F(VerifyTest, AWholeSnapshotReachesLevelTwo) {
  const std::string database = testing::MakeEtcdDatabase(3 << 20);
  const auto verification = VerifyBytes(WithTrailer(database));
  ASSERT_TRUE(verification.ok()) << verification.error().message();
  EXPECT_TRUE(verification->ok());
  EXPECT_EQ(verification->level(), Level::kMeaning);
  EXPECT_EQ(verification->FirstFinding(), "");
  EXPECT_TRUE(verification->has_trailer);
  EXPECT_EQ(verification->size_bytes, database.size() + 32);
  EXPECT_EQ(verification->database_bytes, database.size());
  EXPECT_EQ(verification->sha256, SumOf(WithTrailer(database)));
  EXPECT_EQ(verification->database_sha256, SumOf(database));
  EXPECT_EQ(verification->inspection->revision(), testing::kDatabaseRevision);
}

TEST_F(VerifyTest, ADatabaseWithoutATrailerReachesLevelTwo) {
  const std::string database = BoltFile(EtcdBuckets()).bytes();
  const auto verification = VerifyBytes(database);
  ASSERT_TRUE(verification.ok()) << verification.error().message();
  EXPECT_EQ(verification->level(), Level::kMeaning);
  EXPECT_FALSE(verification->has_trailer);
  EXPECT_EQ(verification->database_bytes, database.size());
  EXPECT_EQ(verification->sha256, SumOf(database));
  EXPECT_EQ(verification->database_sha256, verification->sha256);
}

TEST_F(VerifyTest, NamesTheLevelThatIsNotReached) {
  const std::string good = BoltFile(EtcdBuckets()).bytes();
  const std::string trailer = "level 0: the SHA-256 trailer does not match the database";
  const std::string broken = "level 1: page 2: neither a branch nor a leaf";
  const std::string missing = "level 2: bucket \"lease\" is missing";
  struct Case {
    std::string name;
    std::string bytes;
    Level level;
    std::string finding;  // its start
  };
  const Case cases[] = {
      {"the trailer of another file", good + testing::Sha256("x"), Level::kNone, trailer},
      {"a wrong trailer and a broken page", WithABrokenPage() + testing::Sha256("x"), Level::kNone,
       trailer},
      {"a broken page, as it was sent", WithTrailer(WithABrokenPage()), Level::kTransport, broken},
      {"a broken page, without a trailer", WithABrokenPage(), Level::kNone, broken},
      {"a missing bucket, as it was sent", WithTrailer(WithoutLeases()), Level::kStructure,
       missing},
      {"a missing bucket, without a trailer", WithoutLeases(), Level::kStructure, missing},
  };
  for (const Case& each : cases) {
    const auto verification = VerifyBytes(each.bytes);
    ASSERT_TRUE(verification.ok()) << each.name << ": " << verification.error().message();
    EXPECT_FALSE(verification->ok()) << each.name;
    EXPECT_EQ(verification->level(), each.level) << each.name;
    EXPECT_TRUE(verification->FirstFinding().starts_with(each.finding))
        << each.name << ": " << verification->FirstFinding();
  }
}

// The digests of such a file are not waited for, so level 0 may be reached or not.
TEST_F(VerifyTest, ProvesNothingOfWhatIsNoDatabase) {
  const std::string good = BoltFile(EtcdBuckets()).bytes();
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(32, 'x'), std::string(8192, 'x'),
        WithTrailer(std::string(8192, 'x')), good.substr(0, good.size() / 2),
        WithTrailer(good.substr(0, good.size() / 2))}) {
    const auto verification = VerifyBytes(bytes);
    ASSERT_TRUE(verification.ok()) << bytes.size() << ": " << verification.error().message();
    EXPECT_FALSE(verification->ok()) << bytes.size();
    EXPECT_LE(verification->level(), Level::kTransport) << bytes.size();
    EXPECT_FALSE(verification->inspection) << bytes.size();
    EXPECT_EQ(verification->structure.size(), 1U) << bytes.size();
    EXPECT_EQ(verification->size_bytes, bytes.size());
  }
}

TEST_F(VerifyTest, WithoutDigestsNobodyLooksAtTheTrailer) {
  const auto verification = VerifyBytes(BoltFile(EtcdBuckets()).bytes() + testing::Sha256("x"),
                                        {.with_digests = false, .stop = {}, .progress = {}});
  ASSERT_TRUE(verification.ok()) << verification.error().message();
  EXPECT_EQ(verification->level(), Level::kMeaning);
  EXPECT_TRUE(verification->has_trailer);
  EXPECT_EQ(verification->sha256, "");
  EXPECT_EQ(verification->database_sha256, "");
  const auto broken = VerifyBytes(WithTrailer(WithABrokenPage()),
                                  {.with_digests = false, .stop = {}, .progress = {}});
  EXPECT_EQ(broken->level(), Level::kNone) << "level 0 is not proven either";
}

TEST_F(VerifyTest, CountsTheFindingsThatItDoesNotList) {
  testing::BoltBuckets buckets = EtcdBuckets();
  for (int n = 0; n < 150; ++n) {
    buckets["key"].values[testing::RevisionKey(100 + n)] = "\xff no record";
  }
  const auto verification = VerifyBytes(BoltFile(buckets).bytes());
  ASSERT_TRUE(verification.ok()) << verification.error().message();
  EXPECT_EQ(verification->meaning.size(), 100U);
  EXPECT_EQ(verification->more_findings, 50U);
  EXPECT_EQ(verification->level(), Level::kStructure);
}

TEST_F(VerifyTest, AFileThatShrinksWhileItIsReadProvesNothing) {
  const std::string database = testing::MakeEtcdDatabase(4 << 20);
  bool is_first = true;
  // After the first of the four reads of the digests.
  const auto shrink = [&](std::uint64_t, std::uint64_t) {
    if (std::exchange(is_first, false)) fs::resize_file(path_, 1 << 20);
  };
  const auto verification = VerifyBytes(database, {.stop = {}, .progress = shrink});
  EXPECT_EQ(verification.status().code(), Code::kAborted) << verification.status().message();
  EXPECT_TRUE(verification.status().message().starts_with(path_.string()))
      << verification.status().message();
}

TEST_F(VerifyTest, AFileThatIsChangedOrReplacedMeanwhileProvesNothing) {
  const std::string whole = WithTrailer(BoltFile(EtcdBuckets()).bytes());
  EXPECT_EQ(CodeIfMeanwhile([] {}), Code::kOk) << "the tests of it work";
  EXPECT_EQ(CodeIfMeanwhile([&] { fs::resize_file(path_, 100); }), Code::kAborted);
  EXPECT_EQ(CodeIfMeanwhile([&] { fs::resize_file(path_, 1 << 20); }), Code::kAborted);
  EXPECT_EQ(CodeIfMeanwhile([&] {
              // The same size; the time is what a write leaves, later than the file's own.
              fs::last_write_time(path_, fs::last_write_time(path_) + Seconds(1));
            }),
            Code::kAborted);
  EXPECT_EQ(CodeIfMeanwhile([&] { fs::rename(dir_.Write("y.db", whole), path_); }), Code::kAborted)
      << "even by the same bytes";
  EXPECT_EQ(CodeIfMeanwhile([&] { fs::remove(path_); }), Code::kNotFound);
}

TEST_F(VerifyTest, CannotVerifyWhatItCannotOpen) {
  EXPECT_EQ(VerifyFile(files_, dir_ / "nothing", {}).status().code(), Code::kNotFound);
}

TEST_F(VerifyTest, EndsWhenItIsStopped) {
  const std::string database = testing::MakeEtcdDatabase(4 << 20);
  for (const bool with_digests : {true, false}) {
    std::stop_source before;
    before.request_stop();
    const auto none = VerifyBytes(
        database, {.with_digests = with_digests, .stop = before.get_token(), .progress = {}});
    EXPECT_EQ(none.status().code(), Code::kCancelled) << with_digests;
  }
  std::stop_source meanwhile;
  std::uint64_t read = 0;
  const auto stop_it = [&](std::uint64_t done, std::uint64_t) {
    read = done;
    meanwhile.request_stop();
  };
  const auto half = VerifyBytes(database, {.stop = meanwhile.get_token(), .progress = stop_it});
  EXPECT_EQ(half.status().code(), Code::kCancelled);
  EXPECT_EQ(read, 1U << 20) << "and reads no further";
}

TEST_F(VerifyTest, TellsHowFarItHasCome) {
  const std::string file = WithTrailer(testing::MakeEtcdDatabase((2 << 20) + 4096));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> steps;
  const auto note = [&](std::uint64_t done, std::uint64_t total) {
    steps.emplace_back(done, total);
  };
  ASSERT_TRUE(VerifyBytes(file, {.stop = {}, .progress = note}).ok());
  ASSERT_GE(steps.size(), 3U);
  std::uint64_t last = 0;
  for (const auto& [done, total] : steps) {
    EXPECT_EQ(total, file.size());
    EXPECT_GT(done, last);
    last = done;
  }
  EXPECT_EQ(steps.back().first, file.size());
}

TEST(ExtentOf, TellsATrailerByTheSize) {
  for (const std::uint64_t size : {32ULL, 544ULL, 20'480'032ULL}) {
    const Result<Extent> extent = ExtentOf(size);
    ASSERT_TRUE(extent.ok()) << size;
    EXPECT_TRUE(extent->has_trailer) << size;
    EXPECT_EQ(extent->size_bytes, size);
    EXPECT_EQ(extent->database_bytes, size - 32);
  }
  for (const std::uint64_t size : {0ULL, 512ULL, 20'480'000ULL}) {
    const Result<Extent> extent = ExtentOf(size);
    ASSERT_TRUE(extent.ok()) << size;
    EXPECT_FALSE(extent->has_trailer) << size;
    EXPECT_EQ(extent->database_bytes, size);
  }
  for (const std::uint64_t size : {1ULL, 31ULL, 33ULL, 64ULL, 511ULL, 20'480'031ULL}) {
    EXPECT_EQ(ExtentOf(size).status().code(), Code::kDataLoss) << size;
  }
  EXPECT_EQ(ExtentOf(1034).status().message(),
            "cut short: it ends with 10 bytes, which are neither a page nor a SHA-256 trailer");
}

TEST_F(VerifyTest, AFileThatEndsInTheMiddleOfItsTrailerIsCutShort) {
  const std::string whole = WithTrailer(BoltFile(EtcdBuckets()).bytes());
  const auto verification = VerifyBytes(whole.substr(0, whole.size() - 1));
  ASSERT_TRUE(verification.ok()) << verification.error().message();
  EXPECT_EQ(verification->level(), Level::kNone);
  EXPECT_EQ(verification->FirstFinding(),
            "level 0: cut short: it ends with 31 bytes, which are neither a page nor a SHA-256 "
            "trailer");
}

TEST_F(VerifyTest, TheTrailerCanBeCheckedAlone) {
  const std::string good = BoltFile(EtcdBuckets()).bytes();
  const std::tuple<std::string, Code> cases[] = {{good, Code::kOk},
                                                 {WithTrailer(good), Code::kOk},
                                                 {good + testing::Sha256("x"), Code::kDataLoss}};
  for (const auto& [bytes, code] : cases) {
    const auto file = files_.Open(dir_.Write("x.db", bytes));
    EXPECT_EQ(CheckTrailer(**file, *ExtentOf(bytes.size()), {}).code(), code) << bytes.size();
  }
}

}  // namespace
}  // namespace warden::snapshot
