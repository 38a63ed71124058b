#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>

#include "exporter/base/text.h"
#include "exporter/http/server.h"

namespace warden::http {
namespace {

constexpr std::string_view kScheme = "bearer ";

std::array<unsigned char, SHA256_DIGEST_LENGTH> Digest(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

}  // namespace

bool HasBearerToken(const Request& request, std::string_view token) {
  if (token.empty()) return false;
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end()) return false;
  const std::string_view value = Trim(header->second);
  if (ToLower(value.substr(0, kScheme.size())) != kScheme) return false;
  // Digests have one length, so the time says nothing about how much of the token was right.
  const auto given = Digest(Trim(value.substr(kScheme.size())));
  const auto wanted = Digest(token);
  return CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace warden::http
