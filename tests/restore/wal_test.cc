// The log is taken apart here by a reader of its own; the checksums are those of the files that
// etcd's tools wrote for the same three members.
#include "exporter/restore/wal.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "exporter/base/crc32c.h"
#include "exporter/mvcc/wire.h"
#include "tests/restore/three_members.h"
#include "tests/support/bolt_builder.h"

namespace warden::restore {
namespace {

using mvcc::WireReader;
using testing::WireBytes;
using testing::WireVarint;

constexpr Target kTargets[] = {Target::k34, Target::k35, Target::k36, Target::k37};

struct Record {
  std::uint64_t type = 0;
  std::uint64_t crc = 0;
  std::string data;
};

// One frame off the front.
Record TakeRecord(std::string_view& wal) {
  Record record;
  std::uint64_t field = 0;
  std::memcpy(&field, wal.data(), sizeof field);
  const std::uint64_t length = field & ((1ULL << 56) - 1);
  const std::uint64_t padding = (field >> 63) == 0 ? 0 : field >> 56 & 7;
  EXPECT_EQ((length + padding) % 8, 0U);
  EXPECT_EQ(wal.substr(8 + length, padding), std::string(padding, '\0'));
  WireReader reader(wal.substr(8, length));
  while (reader.Next()) {
    if (reader.number() == 1) record.type = reader.varint();
    if (reader.number() == 2) record.crc = reader.varint();
    if (reader.number() == 3) record.data = reader.bytes();
  }
  EXPECT_TRUE(reader.complete());
  wal.remove_prefix(8 + length + padding);
  return record;
}

std::vector<Record> TakeApart(const std::string& bytes) {
  std::vector<Record> records;
  std::string_view rest = bytes;
  while (rest.size() > 8) records.push_back(TakeRecord(rest));
  EXPECT_TRUE(rest.empty());
  return records;
}

std::vector<Record> Records(Target target) {
  const NewCluster cluster = ThreeMembers();
  return TakeApart(WalBytes(cluster, cluster.members[0], target));
}

TEST(Wal, IsTheOneThatEtcdsToolsWrite) {
  struct Case {
    Target target;
    std::size_t bytes;
    std::uint64_t last_crc;  // of everything that is in the file
  };
  const Case cases[] = {
      {Target::k34, 520, 3645493789},
      {Target::k35, 560, 660533423},
      {Target::k36, 560, 660533423},
      {Target::k37, 552, 1528836863},
  };
  const NewCluster cluster = ThreeMembers();
  for (const Case& each : cases) {
    SCOPED_TRACE(TargetName(each.target));
    const std::string bytes = WalBytes(cluster, cluster.members[0], each.target);
    EXPECT_EQ(bytes.size(), each.bytes);
    EXPECT_EQ(TakeApart(bytes).back().crc, each.last_crc);
  }
}

TEST(Wal, AddsEveryMemberAndCommitsIt) {
  for (const Target target : kTargets) {
    SCOPED_TRACE(TargetName(target));
    const std::vector<Record> records = Records(target);
    std::vector<std::uint64_t> types;
    types.reserve(records.size());
    for (const Record& record : records) types.push_back(record.type);
    ASSERT_EQ(types, (std::vector<std::uint64_t>{4, 1, 5, 2, 2, 2, 3, 5}));
    EXPECT_EQ(records[1].data, WireVarint(1, kFirstId) + WireVarint(2, kClusterId));
    EXPECT_EQ(records[2].data, WireVarint(1, 0) + WireVarint(2, 0));
    const std::string no_id = target < Target::k37 ? WireVarint(1, 0) : "";
    const std::string change =
        no_id + WireVarint(2, 0) + WireVarint(3, kSecondId) + WireBytes(4, kSecondJson);
    EXPECT_EQ(records[4].data,
              WireVarint(1, 1) + WireVarint(2, 1) + WireVarint(3, 2) + WireBytes(4, change));
    EXPECT_EQ(records[6].data, WireVarint(1, 1) + WireVarint(2, kFirstId) + WireVarint(3, 3));
    const std::string voters =
        target == Target::k34 ? "" : WireBytes(3, ConfStateMessage(ThreeMembers(), target));
    EXPECT_EQ(records[7].data, WireVarint(1, 3) + WireVarint(2, 1) + voters);
  }
}

TEST(Wal, ChecksumsEveryRecordWithAllBeforeIt) {
  for (const Target target : kTargets) {
    Crc32c crc;
    for (const Record& record : Records(target)) {
      EXPECT_EQ(record.crc, crc.Add(record.data).value());
    }
  }
}

TEST(Wal, SaysWhoseItIs) {
  const NewCluster cluster = ThreeMembers();
  const std::vector<Record> first = Records(Target::k36);
  const std::vector<Record> third = TakeApart(WalBytes(cluster, cluster.members[2], Target::k36));
  ASSERT_EQ(first.size(), third.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].type, third[i].type);
    EXPECT_EQ(first[i].data == third[i].data, i != 1) << i;
  }
  EXPECT_EQ(third[1].data, WireVarint(1, kThirdId) + WireVarint(2, kClusterId));
}

TEST(Wal, OfOneMemberHasOneEntry) {
  const auto cluster = ParseInitialCluster("default=http://localhost:2380", "etcd-cluster");
  ASSERT_TRUE(cluster.ok());
  const std::vector<Record> records =
      TakeApart(WalBytes(*cluster, cluster->members[0], Target::k37));
  ASSERT_EQ(records.size(), 6U);
  EXPECT_EQ(records[4].data, WireVarint(1, 1) + WireVarint(2, 0x8e9e05c52164694d) +
                                 WireVarint(3, LastIndex(*cluster)));
  EXPECT_EQ(LastIndex(*cluster), 1U);
}

}  // namespace
}  // namespace warden::restore
