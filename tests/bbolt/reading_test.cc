// Disks that fail, files that shrink, files that are huge: findings, and memory that stays small.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <random>
#include <string>

#include "exporter/bbolt/database.h"
#include "tests/bbolt/check.h"
#include "tests/support/temp_dir.h"

namespace warden::bbolt {
namespace {

using testing::BoltBucket;
using testing::BoltBuckets;
using testing::BoltFile;
using testing::Check;
using testing::Checked;
using testing::FaultyFile;
using testing::Keys;
using testing::Lines;
namespace bolt = testing::bolt;

std::int64_t PeakMemoryKiB() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Trees of several levels, long values, a nested and an inline bucket, and a freelist.
BoltFile Rich() {
  BoltBuckets buckets;
  buckets["long"].values = {{"a", "1"}, {"b", std::string(9'000, 'x')}, {"c", "2"}};
  buckets["nested"] = Keys(4);
  buckets["nested"].buckets = {{"n", Keys(9)}};
  buckets["small"] = Keys(2);
  buckets["small"].is_inline = true;
  buckets["tree"] = Keys(9);
  return BoltFile(buckets,
                  {.page_size = 1024, .fan_out = 3, .free_pages = 3, .has_freelist = true});
}

// Whatever is read is what was written, and what is not read is named.
void ExpectHonest(const Checked& checked, const Checked& whole, const std::string& complaint) {
  if (!checked.opened.ok()) return;
  Lines complaints = checked.findings;
  complaints.insert(complaints.end(), checked.warnings.begin(), checked.warnings.end());
  ASSERT_FALSE(complaints.empty());
  bool said = false;
  for (const std::string& each : complaints) {
    said = said || each.find(complaint) != std::string::npos;
  }
  EXPECT_TRUE(said) << complaints.front();
  for (const auto& [name, values] : checked.buckets) {
    for (const auto& [key, value] : values) EXPECT_EQ(value, whole.buckets.at(name).at(key));
  }
}

TEST(Reading, NamesWhatTheDiskDoesNotGive) {
  const BoltFile file = Rich();
  const Checked whole = Check(file);
  ASSERT_EQ(whole.findings, Lines());
  FaultyFile faulty(file.bytes());
  const std::size_t end = file.At(file.freelist(), 40);  // nobody reads behind its ids
  for (faulty.fails_from = 0; faulty.fails_from < end; faulty.fails_from += 256) {
    SCOPED_TRACE(faulty.fails_from);
    ExpectHonest(Check(faulty, file.bytes().size()), whole, "Input/output error");
  }
}

TEST(Reading, NamesWhatIsGoneFromAFileThatShrank) {
  const BoltFile file = Rich();
  const Checked whole = Check(file);
  FaultyFile faulty(file.bytes());
  const std::size_t end = file.At(file.freelist(), 40);
  for (faulty.ends_at = 0; faulty.ends_at < end; faulty.ends_at += 256) {
    SCOPED_TRACE(faulty.ends_at);
    ExpectHonest(Check(faulty, file.bytes().size()), whole,
                 "the file became shorter while it was read");
  }
}

TEST(Reading, SaysWhichPageFailedAndWhy) {
  // The pages 2 and 3: the leaf of "a" and the root bucket.
  const BoltFile file({{"a", Keys(2)}});
  FaultyFile faulty(file.bytes());
  faulty.fails_from = file.At(3);
  EXPECT_EQ(Check(faulty, file.bytes().size()).findings,
            Lines{"page 3: read db: Input/output error"});
  faulty.fails_from = FaultyFile::kNever;
  faulty.ends_at = file.At(3, 100);
  EXPECT_EQ(Check(faulty, file.bytes().size()).findings,
            Lines{"page 3: the file became shorter while it was read"});
  faulty.fails_from = 0;
  EXPECT_FALSE(Check(faulty, file.bytes().size()).opened.ok());
}

TEST(Reading, TakesNoNodeOfAnyLength) {
  BoltFile file({{"a", Keys(2)}});
  file.SetMetas(bolt::kPageCount, 1'000'000).Set(2, bolt::kOverflow, 0x8000);
  const FaultyFile sparse(file.bytes());
  EXPECT_EQ(Check(sparse, 1'000'000ULL * 4096).findings,
            Lines{"page 2: it is 134221824 bytes long"});
}

TEST(Reading, CostsForASparseFileWhatItsTreeCosts) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer's calloc writes to all that it gives";
#endif
  constexpr std::uint64_t kTebibyte = 1ULL << 40;
  // Half of what one bit for each of its pages would take.
  constexpr std::int64_t kSmallKiB = 64 * 1024;
  BoltFile file({{"a", Keys(9)}}, {.page_size = 1024, .fan_out = 2});
  file.SetMetas(bolt::kPageCount, kTebibyte / 1024);
  const testing::TempDir dir;
  const auto path = dir.Write("db", file.bytes());
  std::error_code error;
  std::filesystem::resize_file(path, kTebibyte, error);
  if (error) GTEST_SKIP() << "no sparse file of a tebibyte here: " << error.message();
  const auto opened = PosixFiles().Open(path);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const std::int64_t before = PeakMemoryKiB();
  const Checked checked = Check(**opened, kTebibyte);
  EXPECT_LT(PeakMemoryKiB() - before, kSmallKiB);
  EXPECT_EQ(checked.findings, Lines());
  EXPECT_EQ(checked.buckets.at("a"), Keys(9).values);
  // With a freelist, all those pages lack in it; nobody needs to hear so of each.
  file.SetMetas(bolt::kFreelist, 20).SetMetas(bolt::kPageCount, kTebibyte / 1024);
  file.bytes().resize(21 * 1024);
  file.Set(20, bolt::kId, 20).Set(20, bolt::kFlags, 0x10);
  const FaultyFile sparse(file.bytes());
  EXPECT_EQ(Check(sparse, kTebibyte).count, Findings::kEnough);
  EXPECT_LT(PeakMemoryKiB() - before, kSmallKiB);
}

std::string RandomText(std::mt19937& random, std::size_t most) {
  std::string text(random() % most, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

TEST(Reading, FindsWhatWasWrittenWithPagesOfAnySize) {
  for (std::uint32_t page_size = 1024; page_size <= 65'536; page_size *= 2) {
    std::mt19937 random(page_size);
    BoltBuckets buckets;
    for (int i = 0; i < 5; ++i) {
      BoltBucket& bucket = buckets["bucket " + std::to_string(i)];
      for (int entries = static_cast<int>(random() % 300); entries > 0; --entries) {
        const std::size_t most = random() % 20 == 0 ? 3 * page_size : 50;
        bucket.values["k" + RandomText(random, 40)] = RandomText(random, most);
      }
      // As bbolt keeps all but the smallest.
      bucket.is_inline = false;
    }
    const Checked checked =
        Check(BoltFile(buckets, {.page_size = page_size, .fan_out = 2 + random() % 60}));
    EXPECT_EQ(checked.findings, Lines()) << page_size;
    for (const auto& [name, bucket] : buckets) {
      EXPECT_EQ(checked.buckets.at(name), bucket.values) << page_size << " " << name;
    }
  }
}

}  // namespace
}  // namespace warden::bbolt
