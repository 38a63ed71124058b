// Bytes as etcd's files spell them: Protobuf's wire format, and integers of eight bytes.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace warden::restore {

// Writes one message, field by field in the order of the calls. A field is written whatever its
// value: with etcd's messages (proto2) it makes a difference whether a zero stands there.
class MessageWriter {
 public:
  MessageWriter& Varint(std::uint32_t number, std::uint64_t value);
  MessageWriter& Bytes(std::uint32_t number, std::string_view bytes);

  const std::string& bytes() const { return bytes_; }

 private:
  void Append(std::uint64_t value);

  std::string bytes_;
};

std::string BigEndian64(std::uint64_t value);
std::string LittleEndian64(std::uint64_t value);

}  // namespace warden::restore
