#include "exporter/http/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "exporter/base/text.h"

namespace warden::http {
namespace {

std::array<unsigned char, SHA256_DIGEST_LENGTH> Digest(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

// What follows the scheme, which is lower case here and any case there.
std::optional<std::string_view> ReadScheme(const Request& request, std::string_view scheme) {
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end()) return std::nullopt;
  const std::string_view value = Trim(header->second);
  if (ToLower(value.substr(0, scheme.size())) != scheme) return std::nullopt;
  if (value.size() == scheme.size() || value[scheme.size()] != ' ') return std::nullopt;
  return Trim(value.substr(scheme.size()));
}

// RFC 4648 with its padding; OpenSSL alone would take spaces and forget the padding's length.
std::optional<std::string> DecodeBase64(std::string_view text) {
  const std::size_t digits = std::min(text.find('='), text.size());
  const std::size_t padding = text.size() - digits;
  const bool is_padding = text.find_first_not_of('=', digits) == std::string_view::npos;
  const auto is_digit = [](unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  if (text.empty() || text.size() % 4 != 0 || padding > 2 || !is_padding ||
      !std::ranges::all_of(text.substr(0, digits), is_digit)) {
    return std::nullopt;
  }
  std::string decoded(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size != static_cast<int>(decoded.size())) return std::nullopt;
  decoded.resize(decoded.size() - padding);
  return decoded;
}

}  // namespace

bool HasBearerToken(const Request& request, std::string_view token) {
  if (token.empty()) return false;
  const std::optional<std::string_view> sent = ReadScheme(request, "bearer");
  if (!sent) return false;
  // Digests have one length, so the time says nothing about how much of the token was right.
  const auto given = Digest(*sent);
  const auto wanted = Digest(token);
  return CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

std::optional<Credentials> ParseBasicAuth(const Request& request) {
  const std::optional<std::string_view> sent = ReadScheme(request, "basic");
  if (!sent) return std::nullopt;
  std::optional<std::string> decoded = DecodeBase64(*sent);
  if (!decoded) return std::nullopt;
  const std::size_t colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

}  // namespace warden::http
