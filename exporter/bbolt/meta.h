// How a meta page is spelled, for what reads it and what writes it: behind the page header magic,
// version, page size and flags, 4 bytes each; then root, sequence, freelist, page count,
// transaction and checksum, 8 bytes each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "exporter/bbolt/page.h"

namespace warden::bbolt {

inline constexpr std::uint32_t kMagic = 0xED0CDAED;
inline constexpr std::uint32_t kVersion = 2;
inline constexpr PageId kNoFreelist = ~PageId{0};
inline constexpr std::uint32_t kPageSizeMin = 1024;
inline constexpr std::uint32_t kPageSizeMax = 1U << 24;

// What the checksum covers, and the checksum: FNV-1a with 64 bits.
inline constexpr std::size_t kChecksummedBytes = 56;
inline std::uint64_t MetaChecksum(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::byte byte : bytes) {
    hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace warden::bbolt
