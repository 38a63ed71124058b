#include "exporter/restore/encode.h"

#include <gtest/gtest.h>

#include "exporter/base/text.h"

namespace warden::restore {
namespace {

TEST(MessageWriter, WritesWhatTheFormatSays) {
  struct Case {
    MessageWriter message;
    std::string hex;
  };
  const Case cases[] = {
      {MessageWriter(), ""},
      // The examples of the format's own page.
      {MessageWriter().Varint(1, 150), "089601"},
      {MessageWriter().Bytes(2, "testing"), "120774657374696e67"},
      // A zero and an empty text are written like everything else.
      {MessageWriter().Varint(1, 0).Bytes(2, ""), "08001200"},
      {MessageWriter().Varint(1, 127).Varint(1, 128), "087f088001"},
      {MessageWriter().Varint(15, 1).Varint(16, 1), "7801800101"},
      {MessageWriter().Varint(1, ~0ULL), "08ffffffffffffffffff01"},
      {MessageWriter().Bytes(1, std::string(128, 'x')),
       "0a8001" + FormatHex(std::string(128, 'x'))},
      {MessageWriter().Bytes(1, MessageWriter().Varint(3, 2).bytes()), "0a021802"},
  };
  for (const Case& each : cases) EXPECT_EQ(FormatHex(each.message.bytes()), each.hex);
}

TEST(Integers, HaveEightBytesInEitherOrder) {
  struct Case {
    std::uint64_t value;
    std::string big, little;
  };
  const Case cases[] = {
      {0, "0000000000000000", "0000000000000000"},
      {3, "0000000000000003", "0300000000000000"},
      {0x0123456789ABCDEF, "0123456789abcdef", "efcdab8967452301"},
      {~0ULL, "ffffffffffffffff", "ffffffffffffffff"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(FormatHex(BigEndian64(each.value)), each.big);
    EXPECT_EQ(FormatHex(LittleEndian64(each.value)), each.little);
  }
}

}  // namespace
}  // namespace warden::restore
