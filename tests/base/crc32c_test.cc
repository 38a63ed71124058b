#include "exporter/base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace warden {
namespace {

// The sum as its definition has it, bit by bit.
std::uint32_t Bitwise(std::string_view bytes) {
  std::uint32_t state = 0xFFFFFFFF;
  for (const char c : bytes) {
    state ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82F63B78U : 0U);
  }
  return ~state;
}

std::string RandomBytes(std::size_t count) {
  std::mt19937 random(20'240'229);
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

struct Known {
  std::string bytes;
  std::uint32_t sum;
};

// The check value of the CRC catalogue, and the examples of RFC 3720, appendix B.4.
TEST(Crc32c, GivesThePublishedSums) {
  std::string up;
  for (int i = 0; i < 32; ++i) up += static_cast<char>(i);
  const Known known[] = {
      {"", 0},
      {"123456789", 0xE3069283},
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xFF'), 0x62A8AB43},
      {up, 0x46DD794E},
      {std::string(up.rbegin(), up.rend()), 0x113FDB5C},
  };
  for (const Known& each : known) EXPECT_EQ(Crc32c().Add(each.bytes).value(), each.sum);
}

TEST(Crc32c, AgreesWithItsDefinitionAtEveryLengthAndAlignment) {
  const std::string bytes = RandomBytes(600);
  for (std::size_t start = 0; start < 9; ++start) {
    for (std::size_t length = 0; start + length <= bytes.size(); length += 1 + length / 7) {
      const std::string_view part = std::string_view(bytes).substr(start, length);
      ASSERT_EQ(Crc32c().Add(part).value(), Bitwise(part)) << start << ", " << length;
    }
  }
}

TEST(Crc32c, AddsPartsLikeTheWhole) {
  const std::string bytes = RandomBytes(300);
  const std::uint32_t whole = Crc32c().Add(bytes).value();
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Crc32c crc;
    crc.Add(bytes.substr(0, cut)).Add("").Add(bytes.substr(cut));
    ASSERT_EQ(crc.value(), whole) << cut;
    ASSERT_EQ(crc.value(), whole) << "asked twice";
    const std::uint32_t head = Crc32c().Add(bytes.substr(0, cut)).value();
    ASSERT_EQ(Crc32c(head).Add(bytes.substr(cut)).value(), whole) << cut;
  }
}

}  // namespace
}  // namespace warden
