// A fuzzer cannot guess the checksum of a meta page: it is put right before the file is read.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace warden::testing {

inline void FixMeta(std::string& file, std::size_t page_at) {
  constexpr std::uint32_t kMagic = 0xED0CDAED;
  constexpr std::size_t kBody = 16;
  constexpr std::size_t kChecksummed = 56;
  std::uint64_t hash = 0xcbf29ce484222325;
  if (file.size() < page_at + kBody + kChecksummed + sizeof(hash)) return;
  char* body = file.data() + page_at + kBody;
  if (std::memcmp(body, &kMagic, sizeof(kMagic)) != 0) return;
  for (std::size_t i = 0; i < kChecksummed; ++i) {
    hash = (hash ^ static_cast<std::uint8_t>(body[i])) * 0x100000001b3;
  }
  std::memcpy(body + kChecksummed, &hash, sizeof(hash));
}

// The input as a bbolt file whose meta pages, wherever they may stand, have the right checksums.
inline std::string WithFixedMetas(const std::uint8_t* data, std::size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  FixMeta(file, 0);
  for (std::size_t at = 1024; at < file.size(); at *= 2) FixMeta(file, at);
  return file;
}

}  // namespace warden::testing
