#include "exporter/snapshot/stream_check.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/support/snapshot_stream.h"

namespace warden::snapshot {
namespace {

using testing::MakeDatabase;
using testing::MakeStream;
using testing::Sha256;
using testing::Sha256Hex;
using testing::StreamMessage;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

// How the whole stream fares: its messages until one is refused, then its end.
Result<StreamSummary> Check(const std::vector<StreamMessage>& messages) {
  StreamCheck check;
  for (const StreamMessage& message : messages) {
    WARDEN_RETURN_IF_ERROR(check.Accept(message.remaining_bytes, message.blob));
  }
  return check.Finish();
}

std::string FileOf(const std::vector<StreamMessage>& messages) {
  std::string file;
  for (const StreamMessage& message : messages) file += message.blob;
  return file;
}

struct GoodStream {
  std::size_t database_bytes;
  std::size_t message_bytes;
};

TEST(StreamCheck, AcceptsWholeStreamsHoweverTheyAreCut) {
  const std::vector<GoodStream> streams = {{512, 32 * 1024},          {4096, 1},
                                           {32 * 1024, 32 * 1024},    {3 * 32 * 1024, 32 * 1024},
                                           {20 * 1024, 32 * 1024},    {32 * 1024 + 4096, 32 * 1024},
                                           {100 * 1024, 7 * 1024 + 3}};
  for (const GoodStream& stream : streams) {
    const std::string database = MakeDatabase(stream.database_bytes);
    const auto messages = MakeStream(database, "", stream.message_bytes);
    const auto summary = Check(messages);
    ASSERT_TRUE(summary.ok()) << stream.database_bytes << ": " << summary.error().message();
    EXPECT_EQ(summary->size_bytes, database.size() + 32);
    EXPECT_EQ(summary->sha256, Sha256Hex(FileOf(messages)));
    EXPECT_EQ(summary->database_sha256, Sha256Hex(database));
  }
}

// The digests of 512 zero bytes, and of those and their digest, as sha256sum(1) prints them.
TEST(StreamCheck, DigestsAsSha256sumDoes) {
  const auto summary = Check(MakeStream(std::string(512, '\0')));
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_EQ(summary->database_sha256,
            "076a27c79e5ace2a3d47f9dd2e83e4ff6ea8872b3c2218f66c92b89b55f36560");
  EXPECT_EQ(summary->sha256, "a86fe159ba15d732734c5ee6a5d9b730681437bdea1d230a0dc7ffc468496242");
}

TEST(StreamCheck, AcceptsADigestInTwoMessages) {
  auto messages = MakeStream(MakeDatabase(4096));
  const std::string digest = messages.back().blob;
  messages.back().blob = digest.substr(0, 5);
  messages.push_back({0, digest.substr(5), ""});
  const auto summary = Check(messages);
  EXPECT_TRUE(summary.ok()) << summary.status().message();
}

TEST(StreamCheck, KnowsTheTotalFromTheFirstMessage) {
  StreamCheck check;
  EXPECT_EQ(check.total_bytes(), 0U);
  ASSERT_TRUE(check.Accept(3072, std::string(1024, 'x')).ok());
  EXPECT_EQ(check.total_bytes(), 4096U);
}

struct BadStream {
  std::string name;
  std::vector<StreamMessage> messages;
  std::string complaint;
};

std::vector<BadStream> BadStreams() {
  const std::string database = MakeDatabase(3 * 1024);
  const std::vector<StreamMessage> good = MakeStream(database, "", 1024);
  const auto spoil = [&](const auto& change) {
    std::vector<StreamMessage> messages = good;
    change(messages);
    return messages;
  };
  return {
      {"nothing", {}, "it ended before the first byte"},
      {"empty first message", {{4096, "", ""}}, "an empty message"},
      {"empty message in the middle", spoil([](auto& m) {
         m[1] = {2048, "", ""};
       }),
       "an empty message"},
      {"empty message instead of the digest", spoil([](auto& m) { m[3].blob = ""; }),
       "an empty message"},
      {"more bytes than announced", spoil([](auto& m) { m[2].blob += "x"; }),
       "more bytes than announced"},
      {"remaining too large", spoil([](auto& m) { m[1].remaining_bytes += 1; }),
       "the server says 1025 bytes remain, but 1024 do"},
      {"remaining too small", spoil([](auto& m) { m[1].remaining_bytes = 0; }),
       "the server says 0 bytes remain, but 1024 do"},
      {"remaining grows in the digest", spoil([](auto& m) { m[3].remaining_bytes = 1; }),
       "more bytes than announced"},
      {"a message is missing", spoil([](auto& m) { m.erase(m.begin() + 1); }),
       "the server says 0 bytes remain, but 1024 do"},
      {"early end", spoil([](auto& m) { m.resize(2); }), "it ended after 2048 of 3072 bytes"},
      {"missing digest", spoil([](auto& m) { m.pop_back(); }), "without the SHA-256 digest"},
      {"short digest", spoil([](auto& m) { m[3].blob.pop_back(); }), "without the SHA-256 digest"},
      {"long digest", spoil([](auto& m) { m[3].blob += "x"; }), "more bytes than announced"},
      {"bytes after the digest", spoil([](auto& m) {
         m.push_back({0, "x", ""});
       }),
       "more bytes than announced"},
      {"wrong digest", spoil([](auto& m) { m[3].blob[31] ^= 1; }), "digest does not match"},
      {"a flipped bit in the database", spoil([](auto& m) { m[1].blob[17] ^= 1; }),
       "digest does not match"},
      {"messages swapped", spoil([](auto& m) { std::swap(m[0].blob, m[1].blob); }),
       "digest does not match"},
      {"overflowing total", {{kHuge, "x", ""}}, "the announced size overflows"},
      {"no whole pages", MakeStream(MakeDatabase(1000)), "not a whole number of pages: 1000 bytes"},
      {"one byte above whole pages", MakeStream(MakeDatabase(32 * 1024 + 1)),
       "not a whole number of pages"}};
}

TEST(StreamCheck, RefusesEveryBrokenRule) {
  for (const BadStream& bad : BadStreams()) {
    const auto summary = Check(bad.messages);
    ASSERT_FALSE(summary.ok()) << bad.name;
    EXPECT_EQ(summary.error().code(), Code::kDataLoss) << bad.name;
    EXPECT_TRUE(summary.error().message().starts_with("snapshot stream: ")) << bad.name;
    EXPECT_NE(summary.error().message().find(bad.complaint), std::string::npos)
        << bad.name << ": " << summary.error().message();
  }
}

}  // namespace
}  // namespace warden::snapshot
