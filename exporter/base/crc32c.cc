#include "exporter/base/crc32c.h"

#include <isa-l/crc.h>

namespace warden {

Crc32c& Crc32c::Add(std::string_view bytes) {
  // The library counts in int, and does not write through its pointer.
  constexpr std::size_t kAtOnce = std::size_t{1} << 30;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kAtOnce);
    auto* text = reinterpret_cast<unsigned char*>(const_cast<char*>(part.data()));
    state_ = crc32_iscsi(text, static_cast<int>(part.size()), state_);
    bytes.remove_prefix(part.size());
  }
  return *this;
}

}  // namespace warden
