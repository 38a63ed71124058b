#include "exporter/restore/encode.h"

namespace warden::restore {
namespace {

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kLengthDelimited = 2;

std::uint64_t Tag(std::uint32_t number, std::uint32_t type) {
  return std::uint64_t{number} << 3 | type;
}

}  // namespace

void MessageWriter::Append(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
  bytes_ += static_cast<char>(value);
}

MessageWriter& MessageWriter::Varint(std::uint32_t number, std::uint64_t value) {
  Append(Tag(number, kVarint));
  Append(value);
  return *this;
}

MessageWriter& MessageWriter::Bytes(std::uint32_t number, std::string_view bytes) {
  Append(Tag(number, kLengthDelimited));
  Append(bytes.size());
  bytes_ += bytes;
  return *this;
}

std::string BigEndian64(std::uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

std::string LittleEndian64(std::uint64_t value) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

}  // namespace warden::restore
