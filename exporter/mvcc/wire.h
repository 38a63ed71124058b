// Protobuf's wire format, read field by field without a copy: the records of a database are read by
// the million. https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <string_view>

namespace warden::mvcc {

// A view: the bytes outlive it.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  // Moves on to the next field; false at the end and at the first byte that is none.
  bool Next();
  // After Next returned false: whether all bytes were fields.
  bool complete() const { return complete_; }

  std::uint32_t number() const { return number_; }
  bool is_varint() const { return type_ == 0; }
  bool is_bytes() const { return type_ == 2; }
  std::uint64_t varint() const { return varint_; }
  std::int64_t integer() const { return static_cast<std::int64_t>(varint_); }
  std::string_view bytes() const { return bytes_; }

 private:
  bool Varint(std::uint64_t& value);

  std::string_view rest_;
  bool complete_ = false;
  std::uint32_t number_ = 0;
  std::uint32_t type_ = 0;
  std::uint64_t varint_ = 0;
  std::string_view bytes_;
};

}  // namespace warden::mvcc
