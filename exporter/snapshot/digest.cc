#include "exporter/snapshot/digest.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace warden::snapshot {
namespace {

// OpenSSL's digests fail only for want of memory or of the algorithm; neither leaves anything to
// do.
void Require(int result) {
  if (result != 1) std::abort();
}

}  // namespace

void Sha256::Free::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  Require(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Sha256::Add(std::string_view bytes) {
  Require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::string Sha256::Digest() const {
  const std::unique_ptr<EVP_MD_CTX, Free> copy(EVP_MD_CTX_new());
  Require(EVP_MD_CTX_copy_ex(copy.get(), context_.get()));
  std::string digest(kDigestBytes, '\0');
  unsigned size = 0;
  Require(EVP_DigestFinal_ex(copy.get(), reinterpret_cast<unsigned char*>(digest.data()), &size));
  return digest;
}

}  // namespace warden::snapshot
