#include "exporter/mvcc/wire.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/bolt_builder.h"

namespace warden::mvcc {
namespace {

using testing::WireBytes;
using testing::WireVarint;

// Every field as "number=value", then whether that was all.
std::string Fields(std::string_view bytes) {
  std::string text;
  WireReader field(bytes);
  while (field.Next()) {
    text += std::to_string(field.number()) + "=";
    if (field.is_varint()) {
      text += std::to_string(field.varint());
    } else {
      text += (field.is_bytes() ? "\"" : "'") + std::string(field.bytes()) + "\"";
    }
    text += " ";
  }
  return text + (field.complete() ? "." : "?");
}

struct Case {
  std::string bytes;
  std::string fields;
};

TEST(WireReader, ReadsFieldAfterField) {
  const Case cases[] = {
      {"", "."},
      {WireVarint(1, 0), "1=0 ."},
      {WireVarint(1, 127) + WireVarint(2, 128), "1=127 2=128 ."},
      {WireVarint(3, ~0ULL), "3=18446744073709551615 ."},
      {WireBytes(1, ""), "1=\"\" ."},
      {WireBytes(1, "key") + WireVarint(2, 300), "1=\"key\" 2=300 ."},
      {WireBytes(2, std::string(200, 'x')), "2=\"" + std::string(200, 'x') + "\" ."},
      {std::string("\x09") + "12345678", "1='12345678\" ."},
      {std::string("\x0d") + "1234", "1='1234\" ."},
      {WireVarint((1U << 29) - 1, 5), "536870911=5 ."},
      // Longer than need be, as the format allows.
      {std::string("\x08\x85\x80\x00", 4), "1=5 ."},
      {WireVarint(1, 1) + WireVarint(1, 2), "1=1 1=2 ."},
  };
  for (const Case& each : cases) EXPECT_EQ(Fields(each.bytes), each.fields);
}

TEST(WireReader, StopsAtTheFirstByteThatIsNoField) {
  const std::string good = WireVarint(1, 7);
  const Case cases[] = {
      {"no number after its tag", "\x08"},
      {"a number without end", "\x08\xff\xff"},
      {"a number of eleven bytes", "\x08" + std::string(10, '\xff') + "\x01"},
      {"a number of 65 bits", "\x08" + std::string(9, '\xff') + "\x02"},
      {"a tag without end", "\x80"},
      {"field 0", std::string("\0\0", 2)},
      {"a field number past the last", WireVarint(1U << 28, 5).insert(4, 1, '\xff')},
      {"a length without text", "\x0a"},
      {"a text cut short", "\x0a\x03xy"},
      {"a text of 2^64-1 bytes", "\x0a" + std::string(9, '\xff') + "\x01xy"},
      {"8 bytes cut short",
       "\x09"
       "1234567"},
      {"4 bytes cut short",
       "\x0d"
       "123"},
      {"the start of a group", "\x0b"},
      {"the end of a group", "\x0c"},
      {"type 6", "\x0e"},
      {"type 7", "\x0f"},
  };
  for (const auto& [what, bytes] : cases) {
    EXPECT_EQ(Fields(bytes), "?") << what;
    EXPECT_EQ(Fields(good + bytes), "1=7 ?") << what;
  }
}

TEST(WireReader, GivesNegativeIntegersAsTheyAreWritten) {
  const std::string bytes = WireVarint(1, static_cast<std::uint64_t>(-5));
  WireReader field(bytes);
  ASSERT_TRUE(field.Next());
  EXPECT_EQ(field.integer(), -5);
}

}  // namespace
}  // namespace warden::mvcc
