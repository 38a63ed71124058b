#include "exporter/snapshot/stream_check.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

#include "exporter/base/text.h"

namespace warden::snapshot {
namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::uint64_t kSectorBytes = 512;

Status Broken(const std::string& what) {
  return Status(Code::kDataLoss, "snapshot stream: " + what);
}

// OpenSSL's digests fail only for want of memory or of the algorithm; neither leaves anything to
// do.
void Require(int result) {
  if (result != 1) std::abort();
}

}  // namespace

void StreamCheck::FreeDigest::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

StreamCheck::StreamCheck() : digest_(EVP_MD_CTX_new()) {
  Require(EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr));
}

StreamCheck::~StreamCheck() = default;

Status StreamCheck::Accept(std::uint64_t remaining_bytes, std::string_view blob) {
  if (blob.empty()) return Broken("the server sent an empty message; its disk may be failing");
  if (!started_) {
    started_ = true;
    total_ = remaining_bytes + blob.size();
    if (total_ < remaining_bytes) return Broken("the announced size overflows");
  }
  if (received_ < total_) {
    if (blob.size() > total_ - received_) return Broken("more bytes than announced");
    received_ += blob.size();
    if (remaining_bytes != total_ - received_) {
      return Broken("the server says " + std::to_string(remaining_bytes) + " bytes remain, but " +
                    std::to_string(total_ - received_) + " do");
    }
    Update(blob);
    if (received_ == total_) {
      const std::unique_ptr<EVP_MD_CTX, FreeDigest> copy(EVP_MD_CTX_new());
      Require(EVP_MD_CTX_copy_ex(copy.get(), digest_.get()));
      database_sha256_ = Final(copy.get());
    }
    return {};
  }
  if (remaining_bytes != 0 || trailer_.size() + blob.size() > kDigestBytes) {
    return Broken("more bytes than announced");
  }
  trailer_ += blob;
  Update(blob);
  return {};
}

Result<StreamSummary> StreamCheck::Finish() {
  if (!started_) return Broken("it ended before the first byte");
  if (received_ < total_) {
    return Broken("it ended after " + std::to_string(received_) + " of " + std::to_string(total_) +
                  " bytes");
  }
  if (trailer_.size() != kDigestBytes) return Broken("it ended without the SHA-256 digest");
  const auto* trailer = reinterpret_cast<const std::uint8_t*>(trailer_.data());
  if (FormatHex({trailer, kDigestBytes}) != database_sha256_) {
    return Broken("the SHA-256 digest does not match the bytes received");
  }
  if (total_ % kSectorBytes != 0) {
    return Broken("the database is not a whole number of pages: " + std::to_string(total_) +
                  " bytes");
  }
  return StreamSummary{.size_bytes = total_ + kDigestBytes,
                       .sha256 = Final(digest_.get()),
                       .database_sha256 = database_sha256_};
}

void StreamCheck::Update(std::string_view bytes) {
  Require(EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size()));
}

std::string StreamCheck::Final(EVP_MD_CTX* context) {
  std::array<std::uint8_t, kDigestBytes> digest{};
  unsigned size = 0;
  Require(EVP_DigestFinal_ex(context, digest.data(), &size));
  return FormatHex(digest);
}

}  // namespace warden::snapshot
