#include "exporter/restore/snap_file.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "exporter/base/crc32c.h"
#include "exporter/base/json.h"
#include "exporter/mvcc/wire.h"
#include "tests/restore/three_members.h"
#include "tests/support/bolt_builder.h"

namespace warden::restore {
namespace {

using testing::WireBytes;
using testing::WireVarint;

// The fields of a message, as the numbers or the bytes they are.
struct Fields {
  std::map<std::uint32_t, std::uint64_t> numbers;
  std::map<std::uint32_t, std::string> bytes;
};

Fields FieldsOf(std::string_view message) {
  Fields fields;
  mvcc::WireReader reader(message);
  while (reader.Next()) {
    if (reader.is_varint()) fields.numbers[reader.number()] = reader.varint();
    if (reader.is_bytes()) fields.bytes[reader.number()] = reader.bytes();
  }
  EXPECT_TRUE(reader.complete());
  return fields;
}

TEST(SnapFile, IsNamedByTermAndIndex) {
  EXPECT_EQ(SnapFileName(ThreeMembers()), "0000000000000001-0000000000000003.snap");
  std::string text;
  for (int port = 1; port <= 17; ++port) {
    const std::string number = std::to_string(port);
    text.append("m").append(number).append("=http://h:").append(number).append(",");
  }
  EXPECT_EQ(SnapFileName(*ParseInitialCluster(text, "t")),
            "0000000000000001-0000000000000011.snap");
}

TEST(SnapFile, CarriesItsChecksumAndWhoVotes) {
  const NewCluster cluster = ThreeMembers();
  for (const Target target : {Target::k34, Target::k35, Target::k36, Target::k37}) {
    SCOPED_TRACE(TargetName(target));
    const Fields file = FieldsOf(SnapFileBytes(cluster, target));
    const std::string& snapshot = file.bytes.at(2);
    EXPECT_EQ(file.numbers.at(1), Crc32c().Add(snapshot).value());
    EXPECT_EQ(FieldsOf(snapshot).bytes.at(2), WireBytes(1, ConfStateMessage(cluster, target)) +
                                                  WireVarint(2, 3) + WireVarint(3, 1));
  }
}

std::string StoreOf(const NewCluster& cluster) {
  const Fields file = FieldsOf(SnapFileBytes(cluster, Target::k36));
  return FieldsOf(file.bytes.at(2)).bytes.at(1);
}

TEST(SnapFile, HoldsTheTreeThatEtcdsToolsWrite) {
  // Of 3.6.16, less the event history and the counters.
  const std::string expected = R"({"Root":{"Path":"/","CreatedIndex":0,"ModifiedIndex":0,)"
                               R"("ExpireTime":"0001-01-01T00:00:00Z","Value":"","Children":{)"
                               R"("0":{"Path":"/0","CreatedIndex":0,"ModifiedIndex":0,)"
                               R"("ExpireTime":"0001-01-01T00:00:00Z","Value":"","Children":{)"
                               R"("members":{"Path":"/0/members","CreatedIndex":1,)"
                               R"("ModifiedIndex":1,"ExpireTime":"0001-01-01T00:00:00Z",)"
                               R"("Value":"","Children":{"8e9e05c52164694d":{)"
                               R"("Path":"/0/members/8e9e05c52164694d","CreatedIndex":1,)"
                               R"("ModifiedIndex":1,"ExpireTime":"0001-01-01T00:00:00Z",)"
                               R"("Value":"","Children":{"raftAttributes":{)"
                               R"("Path":"/0/members/8e9e05c52164694d/raftAttributes",)"
                               R"("CreatedIndex":1,"ModifiedIndex":1,)"
                               R"("ExpireTime":"0001-01-01T00:00:00Z",)"
                               R"("Value":"{\"peerURLs\":[\"http://localhost:2380\"]}",)"
                               R"("Children":null}}}}}}},)"
                               R"("1":{"Path":"/1","CreatedIndex":0,"ModifiedIndex":0,)"
                               R"("ExpireTime":"0001-01-01T00:00:00Z","Value":"",)"
                               R"("Children":{}}}},"CurrentIndex":1,"CurrentVersion":2})";
  EXPECT_EQ(StoreOf(*ParseInitialCluster("default=http://localhost:2380", "etcd-cluster")),
            expected);
}

TEST(SnapFile, NumbersTheMembersInTheOrderOfTheirIds) {
  const auto store = ParseJson(StoreOf(ThreeMembers()));
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(FindInteger(*store, "CurrentIndex"), 3);
  const ParsedJson& members = store->at("/Root/Children/0/Children/members"_json_pointer);
  EXPECT_EQ(members.at("CreatedIndex"), 1);
  std::map<std::string, int> indices;
  for (const auto& [id, node] : members.at("Children").items()) {
    indices[id] = node.at("CreatedIndex").get<int>();
    EXPECT_EQ(node.at("/Children/raftAttributes/CreatedIndex"_json_pointer), indices[id]);
  }
  EXPECT_EQ(indices,
            (std::map<std::string, int>{
                {"5ec5b52f1306ad9e", 1}, {"907d1d4b1f75a362", 2}, {"cc68606c20556276", 3}}));
}

}  // namespace
}  // namespace warden::restore
