#include "exporter/mvcc/key_table.h"

#include <xxhash.h>

#include <random>

namespace warden::mvcc {
namespace {

std::uint64_t Seed() {
  static const std::uint64_t seed = [] {
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
  }();
  return seed;
}

}  // namespace

Fingerprint FingerprintOf(std::string_view key) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), Seed());
  return {.place = hash.high64, .check = hash.low64 == 0 ? 1 : hash.low64};
}

std::uint64_t HashOf(std::string_view bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), Seed());
}

}  // namespace warden::mvcc
