#include "exporter/offsite/digests.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "exporter/base/text.h"

namespace warden::offsite {

void Digester::Free::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

Digester::Context Digester::Start(const EVP_MD* kind) {
  Context context(EVP_MD_CTX_new());
  if (!context || EVP_DigestInit_ex(context.get(), kind, nullptr) != 1) return nullptr;
  return context;
}

Digester::Digester()
    : md5_(Start(EVP_md5())), sha1_(Start(EVP_sha1())), sha256_(Start(EVP_sha256())) {
  // There is no OpenSSL without SHA-256 but one that is out of memory.
  if (!sha256_) std::abort();
}

void Digester::Add(std::span<const std::byte> bytes) {
  for (const Context* context : {&md5_, &sha1_, &sha256_}) {
    // Once begun, a digest does not fail.
    if (*context) EVP_DigestUpdate(context->get(), bytes.data(), bytes.size());
  }
}

std::string Digester::HexOf(const Context& context) {
  if (!context) return "";
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  return FormatHex(std::span<const std::uint8_t>(digest.data(), size));
}

Digests Digester::Finish() {
  return {.md5 = HexOf(md5_), .sha1 = HexOf(sha1_), .sha256 = HexOf(sha256_)};
}

}  // namespace warden::offsite
