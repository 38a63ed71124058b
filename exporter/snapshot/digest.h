// SHA-256, the digest of snapshots: of a stream as it comes, and of a file.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

namespace warden::snapshot {

inline constexpr std::size_t kDigestBytes = 32;

// Not thread-safe.
class Sha256 {
 public:
  Sha256();

  void Add(std::string_view bytes);
  // Of all bytes so far, raw; more may follow.
  std::string Digest() const;

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace warden::snapshot
