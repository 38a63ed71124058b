// Which meta page serves, and what is no database at all.
#include "exporter/bbolt/database.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/bbolt/check.h"

namespace warden::bbolt {
namespace {

using testing::BoltFile;
using testing::Check;
using testing::Checked;
using testing::Keys;
using testing::Lines;
using testing::MemoryFile;
namespace bolt = testing::bolt;

// Page 2 is the only leaf of the bucket, page 3 that of the root.
BoltFile Small() {
  return BoltFile({{"a", Keys(3)}});
}

struct Refusal {
  const char* what;
  std::function<void(BoltFile&)> damage;
  Code code;
  const char* message;
};

void ExpectRefused(const std::vector<Refusal>& refusals) {
  for (const Refusal& each : refusals) {
    SCOPED_TRACE(each.what);
    BoltFile file = Small();
    each.damage(file);
    const Checked checked = Check(file);
    EXPECT_EQ(checked.opened.code(), each.code);
    EXPECT_EQ(checked.opened.message(), each.message);
  }
}

TEST(Database, TellsFilesThatAreNoDatabase) {
  constexpr auto kNone = "not an etcd database: it has no bbolt meta page";
  ExpectRefused({
      {"empty", [](auto& f) { f.bytes().clear(); }, Code::kInvalidArgument, kNone},
      {"one byte", [](auto& f) { f.bytes() = "x"; }, Code::kInvalidArgument, kNone},
      {"less than a meta page", [](auto& f) { f.bytes().resize(79); }, Code::kInvalidArgument,
       kNone},
      {"text", [](auto& f) { f.bytes() = std::string(9000, 'x'); }, Code::kInvalidArgument, kNone},
      {"zeros", [](auto& f) { f.bytes() = std::string(9000, '\0'); }, Code::kInvalidArgument,
       kNone},
      {"the other byte order", [](auto& f) { f.SetMetas(bolt::kMagic, 0xEDDA0CED); },
       Code::kUnimplemented, "a bbolt file of a big-endian machine, which is not supported"},
  });
}

TEST(Database, SaysWhatIsWrongWithTheFirstMetaPageIfBothAreDamaged) {
  ExpectRefused({
      {"checksum", [](auto& f) { f.SetMetas(bolt::kChecksum, 1); }, Code::kDataLoss,
       "both meta pages are damaged; the first: the checksum of the meta page is wrong"},
      {"version", [](auto& f) { f.SetMetas(bolt::kVersion, 3); }, Code::kDataLoss,
       "both meta pages are damaged; the first: bbolt version 3, known is 2"},
      {"flags", [](auto& f) { f.SetMetas(bolt::kFlags, 2); }, Code::kDataLoss,
       "both meta pages are damaged; the first: the page header is not that of meta page 0"},
      {"id", [](auto& f) { f.SetMetas(bolt::kId, 5); }, Code::kDataLoss,
       "both meta pages are damaged; the first: the page header is not that of meta page 0"},
      {"page size 0", [](auto& f) { f.SetMetas(bolt::kPageSize, 0); }, Code::kDataLoss,
       "both meta pages are damaged; the first: a page size of 0 bytes"},
      {"page size below the least", [](auto& f) { f.SetMetas(bolt::kPageSize, 512); },
       Code::kDataLoss, "both meta pages are damaged; the first: a page size of 512 bytes"},
      {"page size no power of 2", [](auto& f) { f.SetMetas(bolt::kPageSize, 4095); },
       Code::kDataLoss, "both meta pages are damaged; the first: a page size of 4095 bytes"},
      {"page size huge", [](auto& f) { f.SetMetas(bolt::kPageSize, 1U << 25); }, Code::kDataLoss,
       "both meta pages are damaged; the first: a page size of 33554432 bytes"},
  });
}

TEST(Database, RefusesAMetaPageThatPointsOutOfTheFile) {
  ExpectRefused({
      {"cut", [](auto& f) { f.bytes().pop_back(); }, Code::kDataLoss,
       "it is cut short: 4 pages of 4096 bytes are in use, the database has 16383 bytes"},
      {"cut behind the first meta page", [](auto& f) { f.bytes().resize(4096); }, Code::kDataLoss,
       "it is cut short: 4 pages of 4096 bytes are in use, the database has 4096 bytes"},
      {"high-water", [](auto& f) { f.SetMetas(bolt::kPageCount, ~0ULL); }, Code::kDataLoss,
       "it is cut short: 18446744073709551615 pages of 4096 bytes are in use, the database has "
       "16384 bytes"},
      {"another page size", [](auto& f) { f.SetMetas(bolt::kPageSize, 8192); }, Code::kDataLoss,
       "it is cut short: 4 pages of 8192 bytes are in use, the database has 16384 bytes"},
      {"no pages", [](auto& f) { f.SetMetas(bolt::kPageCount, 0); }, Code::kDataLoss,
       "the root page 3 is out of bounds"},
      {"root on a meta page", [](auto& f) { f.SetMetas(bolt::kRoot, 1); }, Code::kDataLoss,
       "the root page 1 is out of bounds"},
      {"root past the end", [](auto& f) { f.SetMetas(bolt::kRoot, 4); }, Code::kDataLoss,
       "the root page 4 is out of bounds"},
      {"freelist on a meta page", [](auto& f) { f.SetMetas(bolt::kFreelist, 0); }, Code::kDataLoss,
       "the freelist page 0 is out of bounds"},
      {"freelist past the end", [](auto& f) { f.SetMetas(bolt::kFreelist, 4); }, Code::kDataLoss,
       "the freelist page 4 is out of bounds"},
  });
}

TEST(Database, GoesOnWithOneMetaPageAndWarns) {
  struct Case {
    PageId damaged;
    Lines warnings;
  };
  const Case cases[] = {
      {0, {"page 0: the checksum of the meta page is wrong; the other meta page serves"}},
      {1, {"page 1: the checksum of the meta page is wrong; the other meta page serves"}},
  };
  for (const std::uint32_t page_size : {1024U, 4096U, 65'536U}) {
    for (const Case& each : cases) {
      BoltFile file({{"a", Keys(3)}}, {.page_size = page_size});
      file.Set(each.damaged, bolt::kChecksum, 1);
      const Checked checked = Check(file);
      EXPECT_TRUE(checked.opened.ok()) << checked.opened.message();
      EXPECT_EQ(checked.warnings, each.warnings);
      EXPECT_EQ(checked.findings, Lines());
      EXPECT_EQ(checked.buckets.at("a").size(), 3U);
    }
  }
}

TEST(Database, FindsTheSecondMetaPageBehindAFirstThatIsGone) {
  BoltFile file = Small();
  file.bytes().replace(0, 4096, 4096, '\0');
  EXPECT_EQ(Check(file).warnings,
            Lines{"page 0: not a bbolt meta page; the other meta page serves"});
}

TEST(Database, TakesTheNewerOfTwoMetaPages) {
  struct Case {
    std::uint64_t first, second, taken;
  };
  for (const Case& each : {Case{8, 7, 8}, Case{8, 9, 9}, Case{1, ~0ULL, ~0ULL}}) {
    BoltFile file = Small();
    file.Set(0, bolt::kTransaction, each.first).Set(1, bolt::kTransaction, each.second);
    // Where the older one points does not matter.
    file.Set(each.taken == each.first ? 1 : 0, bolt::kRoot, 1'000'000);
    const MemoryFile memory(file.bytes());
    Findings warnings;
    const auto database = Database::Open(memory, memory.size(), warnings);
    ASSERT_TRUE(database.ok()) << database.error().message();
    EXPECT_EQ(database->meta().transaction, each.taken);
    EXPECT_EQ(database->meta().root, 3U);
    EXPECT_EQ(database->meta().page_count, 4U);
    EXPECT_EQ(database->used_bytes(), 16'384U);
    EXPECT_FALSE(database->meta().has_freelist());
    EXPECT_EQ(warnings.count(), 0U);
  }
}

TEST(Database, IsTheFirstBytesOfTheFileAndNoMore) {
  BoltFile file = Small();
  file.bytes() += std::string(32, 'd');  // as the digest behind a snapshot
  const MemoryFile memory(file.bytes());
  EXPECT_EQ(Check(memory, memory.size() - 32).findings, Lines());
  Findings warnings;
  const auto database = Database::Open(memory, memory.size() - 32, warnings);
  std::byte byte{};
  EXPECT_TRUE(database->Read(16'383, {&byte, 1}).ok());
  EXPECT_EQ(database->Read(16'384, {&byte, 1}).message(), "past the end of the database");
  EXPECT_EQ(database->Read(~0ULL, {&byte, 1}).message(), "past the end of the database");
}

}  // namespace
}  // namespace warden::bbolt
