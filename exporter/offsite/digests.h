// The digests by which destinations know a file, of bytes as they pass.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace warden::offsite {

// Hex. MD5 and SHA-1 are there since object stores know a file by them; one that the machine's
// OpenSSL does not offer (FIPS) is empty.
struct Digests {
  std::string md5;
  std::string sha1;
  std::string sha256;
};

// Not thread-safe.
class Digester {
 public:
  Digester();

  void Add(std::span<const std::byte> bytes);
  // Of all bytes; call once, at the end.
  Digests Finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  using Context = std::unique_ptr<EVP_MD_CTX, Free>;  // nullptr: not offered
  static Context Start(const EVP_MD* kind);
  static std::string HexOf(const Context& context);

  const Context md5_;
  const Context sha1_;
  const Context sha256_;
};

}  // namespace warden::offsite
