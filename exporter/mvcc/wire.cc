#include "exporter/mvcc/wire.h"

namespace warden::mvcc {
namespace {

constexpr std::uint32_t kNumberMax = (1U << 29) - 1;

}  // namespace

bool WireReader::Varint(std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < rest_.size() && i < 10; ++i) {
    const auto byte = static_cast<std::uint8_t>(rest_[i]);
    value |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if ((byte & 0x80U) != 0) continue;
    // Ten bytes hold 70 bits, an integer has 64.
    if (i == 9 && byte > 1) return false;
    rest_.remove_prefix(i + 1);
    return true;
  }
  return false;
}

bool WireReader::Next() {
  if (rest_.empty()) {
    complete_ = true;
    return false;
  }
  std::uint64_t tag = 0;
  if (!Varint(tag) || (tag >> 3) == 0 || (tag >> 3) > kNumberMax) return false;
  number_ = static_cast<std::uint32_t>(tag >> 3);
  type_ = static_cast<std::uint32_t>(tag & 7);
  std::uint64_t length = 0;
  switch (type_) {
    case 0:
      return Varint(varint_);
    case 1:
      length = 8;
      break;
    case 2:
      if (!Varint(length)) return false;
      break;
    case 5:
      length = 4;
      break;
    default:
      return false;  // groups: nobody writes them any more
  }
  if (length > rest_.size()) return false;
  bytes_ = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return true;
}

}  // namespace warden::mvcc
