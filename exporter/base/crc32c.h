// CRC-32C (Castagnoli), as etcd's hashes, its WAL and .snap files use it.
#pragma once

#include <cstdint>
#include <string_view>

namespace warden {

// A value; not thread-safe.
class Crc32c {
 public:
  Crc32c() = default;
  // Goes on where a sum with this value ended.
  explicit Crc32c(std::uint32_t value) : state_(~value) {}

  Crc32c& Add(std::string_view bytes);
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xFFFFFFFF;
};

}  // namespace warden
