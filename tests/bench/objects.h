// What a Kubernetes control plane writes: many objects of a few kilobytes, some far larger, written
// again and again, some deleted, events on leases. Seeded: the same seed gives the same writes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace warden::bench {

struct Write {
  std::string key;
  std::optional<std::string> value;  // nullopt: the key is deleted
  bool leased = false;
};

// Not thread-safe.
class Objects {
 public:
  explicit Objects(std::uint64_t seed);
  Write Next();

 private:
  static constexpr std::size_t kKinds = 8;
  double Fraction();  // below 1
  std::size_t Below(std::size_t bound);
  std::string Bytes(std::size_t count);
  std::string NewKey(std::size_t kind);
  std::string Value(std::size_t kind, const std::string& key);

  std::mt19937_64 random_;
  std::string pool_;  // text of which most of a value is made, so that it compresses as such do
  std::array<std::vector<std::string>, kKinds> keys_;
};

}  // namespace warden::bench
