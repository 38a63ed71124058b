// What etcd sends when asked for a snapshot, to be spoilt by the test that needs a bad one.
#pragma once

#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/text.h"

namespace warden::testing {

struct StreamMessage {
  std::uint64_t remaining_bytes = 0;
  std::string blob;
  std::string version;
};

inline std::string Sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

inline std::string Sha256Hex(std::string_view bytes) {
  const std::string digest = Sha256(bytes);
  return FormatHex({reinterpret_cast<const std::uint8_t*>(digest.data()), digest.size()});
}

// Bytes that look like no pattern; other seeds give others.
inline std::string MakeDatabase(std::size_t size, std::uint32_t seed = 1) {
  std::string bytes(size, '\0');
  for (char& c : bytes) {
    seed = seed * 1'664'525 + 1'013'904'223;
    c = static_cast<char>(seed >> 24);
  }
  return bytes;
}

// The database in messages of etcd's size, then its digest in one of its own.
inline std::vector<StreamMessage> MakeStream(std::string_view database,
                                             const std::string& version = "",
                                             std::size_t message_bytes = 32 * 1024) {
  std::vector<StreamMessage> messages;
  for (std::size_t at = 0; at < database.size(); at += message_bytes) {
    const std::string_view blob = database.substr(at, message_bytes);
    messages.push_back({database.size() - at - blob.size(), std::string(blob), version});
  }
  messages.push_back({0, Sha256(database), version});
  return messages;
}

}  // namespace warden::testing
