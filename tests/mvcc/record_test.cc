#include "exporter/mvcc/record.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/support/bolt_builder.h"

namespace warden::mvcc {
namespace {

using testing::BigEndian;
using testing::KeyValue;
using testing::KeyValueFields;
using testing::RevisionKey;
using testing::TombstoneKey;
using testing::WireBytes;
using testing::WireVarint;

TEST(ParseRevision, ReadsWhatEtcdWrites) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const Revision& revision :
       {Revision{1, 0}, Revision{1, 1}, Revision{0x0102030405060708, 0x1112131415161718},
        Revision{kMost, kMost}}) {
    const auto parsed = ParseRevision(RevisionKey(revision.main, revision.sub));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, revision);
  }
}

TEST(ParseRevision, RefusesEverythingElse) {
  struct Case {
    std::string bytes;
    std::string message;
  };
  const Case cases[] = {
      {"", "not a revision"},
      {RevisionKey(5).substr(0, 16), "not a revision"},
      {RevisionKey(5) + "_", "not a revision"},
      {TombstoneKey(5), "not a revision"},
      {BigEndian(5) + "-" + BigEndian(0), "not a revision"},
      {BigEndian(5) + BigEndian(0) + "_", "not a revision"},
      {RevisionKey(-1), "a revision out of range"},
      {RevisionKey(5, -1), "a revision out of range"},
  };
  for (const Case& each : cases) {
    const auto parsed = ParseRevision(each.bytes);
    EXPECT_EQ(parsed.status().code(), Code::kDataLoss);
    EXPECT_EQ(parsed.status().message(), each.message);
  }
}

TEST(ParseRecord, TakesAPutApart) {
  const std::string key = RevisionKey(9, 2);
  const std::string value = KeyValue({"/a", 4, 9, 3, "text", -7});
  Record record;
  ASSERT_TRUE(ParseRecord(key, value, record).ok());
  EXPECT_EQ(record.revision, (Revision{9, 2}));
  EXPECT_FALSE(record.is_tombstone);
  EXPECT_EQ(record.key, "/a");
  EXPECT_EQ(record.value, "text");
  EXPECT_EQ(record.create_revision, 4);
  EXPECT_EQ(record.version, 3);
  EXPECT_EQ(record.lease, -7);
}

TEST(ParseRecord, TakesATombstoneApart) {
  const std::string key = TombstoneKey(9);
  const std::string value = KeyValue({"/a"});
  // What the record held before is gone.
  Record record{.value = "old", .create_revision = 4, .version = 3, .lease = 7};
  ASSERT_TRUE(ParseRecord(key, value, record).ok());
  EXPECT_EQ(record.revision, (Revision{9, 0}));
  EXPECT_TRUE(record.is_tombstone);
  EXPECT_EQ(record.key, "/a");
  EXPECT_EQ(record.value, "");
  EXPECT_EQ(record.create_revision, 0);
  EXPECT_EQ(record.version, 0);
  EXPECT_EQ(record.lease, 0);
}

TEST(ParseRecord, AcceptsTheRecordsAtTheEdges) {
  const std::string all_bytes("\0\xff\n\"", 4);
  const std::vector<std::pair<std::string, std::string>> good = {
      {RevisionKey(9), KeyValue({"k", 9, 9, 1})},
      {RevisionKey(9), KeyValue({"k", 8, 9, 2})},
      {RevisionKey(9), KeyValue({"k", 1, 9, 9})},
      // Of a key that came from etcd's v2 store.
      {RevisionKey(9), KeyValue({"k", 1, 9, 1})},
      {RevisionKey(9), KeyValue({all_bytes, 9, 9, 1, all_bytes})},
      {TombstoneKey(9), KeyValue({all_bytes})},
      // What `snapshot restore --bump-revision` leaves.
      {RevisionKey(1'000'000'005), ""},
      // A field of zero is left out, but need not be.
      {RevisionKey(9), KeyValue({"k", 9, 9, 1}) + WireVarint(6, 0) + WireBytes(5, "")},
  };
  Record record;
  for (const auto& [key, value] : good) {
    EXPECT_TRUE(ParseRecord(key, value, record).ok()) << value;
  }
}

struct Bad {
  std::string key;
  std::string value;
  std::string message;
};

TEST(ParseRecord, RefusesWhatEtcdNeverWrites) {
  const std::string key = RevisionKey(9);
  const std::string good = KeyValue({"k", 9, 9, 1});
  const Bad bad[] = {
      {"", good, "not a revision"},
      {RevisionKey(9) + "x", good, "not a revision"},
      {TombstoneKey(9) + "t", good, "not a revision"},
      {RevisionKey(0), good, "a revision out of range"},
      {TombstoneKey(9, -1), KeyValue({"k"}), "a revision out of range"},
      {key, "junk", "the record is not a KeyValue"},
      {key, good.substr(0, good.size() - 1), "the record is not a KeyValue"},
      {key, good + WireVarint(7, 1), "field 7 of the record is none of a KeyValue"},
      {key, good + WireBytes(2, "9"), "field 2 of the record is none of a KeyValue"},
      {key, good + WireVarint(1, 9), "field 1 of the record is none of a KeyValue"},
      {key,
       good + "\x3d"
              "1234",
       "field 7 of the record is none of a KeyValue"},
      {key,
       good + "\x0d"
              "1234",
       "field 1 of the record is none of a KeyValue"},
      {key, WireVarint(3, 9), "a record without a key"},
      {key, KeyValue({"", 9, 9, 1}), "a record without a key"},
      {key, KeyValue({"k", 9, 0, 1}), "the record says that it is of revision 0"},
      {key, KeyValue({"k", 8, 8, 1}), "the record says that it is of revision 8"},
      {key, KeyValue({"k", 0, 9, 2}), "a create_revision of 0"},
      {key, KeyValue({"k", -3, 9, 2}), "a create_revision of -3"},
      {key, KeyValue({"k", 10, 9, 2}), "a create_revision of 10"},
      {key, KeyValue({"k", 9, 9, 0}), "version 0 of a key that is 0 revisions old"},
      {key, KeyValue({"k", 8, 9, -2}), "version -2 of a key that is 1 revisions old"},
      {key, KeyValue({"k", 8, 9, 3}), "version 3 of a key that is 1 revisions old"},
      {key, KeyValue({"k", 9, 9, 2}), "version 2 of a key that is 0 revisions old"},
  };
  Record record;
  for (const Bad& each : bad) {
    const Status parsed = ParseRecord(each.key, each.value, record);
    EXPECT_EQ(parsed.code(), Code::kDataLoss);
    EXPECT_EQ(parsed.message(), each.message);
  }
}

TEST(ParseRecord, RefusesATombstoneWithMoreThanAKey) {
  const KeyValueFields more[] = {
      {""}, {"k", 1}, {"k", 0, 9}, {"k", 0, 0, 1}, {"k", 0, 0, 0, "v"}, {"k", 0, 0, 0, "", 5}};
  Record record;
  for (const KeyValueFields& fields : more) {
    EXPECT_EQ(ParseRecord(TombstoneKey(9), KeyValue(fields), record).message(),
              "a tombstone holds a key and nothing else");
  }
  EXPECT_EQ(ParseRecord(TombstoneKey(9), "", record).message(),
            "a tombstone holds a key and nothing else");
}

TEST(PrintableKey, ShowsKeysSafelyAndEachInItsOwnWay) {
  using namespace std::string_literals;
  const std::pair<std::string, std::string> keys[] = {
      {"/registry/pods/a b", "/registry/pods/a b"},
      {"/\xC3\xA9/\xE2\x82\xAC/\xF0\x9F\x90\x8B", "/\xC3\xA9/\xE2\x82\xAC/\xF0\x9F\x90\x8B"},
      {"back\\slash", "back\\slash"},
      {"in\"side", "in\"side"},
      {"\xC2\xA0", "\xC2\xA0"},
      {"", "\"\""},
      {"\"first", "\"\\\"first\""},
      {"\"\\", "\"\\\"\\\\\""},
      {"a\nb", "\"a\\x0ab\""},
      {"\x1b[31m", "\"\\x1b[31m\""},
      {"\x7f", "\"\\x7f\""},
      {"\0"s, "\"\\x00\""},
      {"\xC2\x9B"
       "31m",
       "\"\\xc2\\x9b31m\""},
      {"\xC2\x80", "\"\\xc2\\x80\""},
      {"a\xFF", "\"a\\xff\""},
      {"\xC3", "\"\\xc3\""},
      {"\xED\xA0\x80", "\"\\xed\\xa0\\x80\""},
      {"\n\xC3\xA9", "\"\\x0a\\xc3\\xa9\""},
      {"\n\\x0a", "\"\\x0a\\\\x0a\""},
  };
  for (const auto& [key, shown] : keys) EXPECT_EQ(PrintableKey(key), shown);
}

TEST(PrintableKey, ShowsNoTwoKeysOfAFewBytesAlike) {
  const std::string alphabet("\"\\xa0\n\xC2\x9B", 8);
  std::map<std::string, std::string> keys;
  for (int code = 0; code < 8 * 8 * 8 * 8; ++code) {
    std::string key;
    for (int rest = code; rest > 0; rest /= 8) key += alphabet[static_cast<std::size_t>(rest % 8)];
    const auto [found, is_new] = keys.emplace(PrintableKey(key), key);
    EXPECT_TRUE(is_new || found->second == key) << found->first;
  }
  EXPECT_GT(keys.size(), 3'000U);
}

}  // namespace
}  // namespace warden::mvcc
