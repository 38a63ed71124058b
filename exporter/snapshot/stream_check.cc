#include "exporter/snapshot/stream_check.h"

#include "exporter/base/text.h"

namespace warden::snapshot {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

Status Broken(const std::string& what) {
  return Status(Code::kDataLoss, "snapshot stream: " + what);
}

}  // namespace

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
    digest_.Add(blob);
    if (received_ == total_) database_digest_ = digest_.Digest();
    return {};
  }
  if (remaining_bytes != 0 || trailer_.size() + blob.size() > kDigestBytes) {
    return Broken("more bytes than announced");
  }
  trailer_ += blob;
  digest_.Add(blob);
  return {};
}

Result<StreamSummary> StreamCheck::Finish() {
  if (!started_) return Broken("it ended before the first byte");
  if (received_ < total_) {
    return Broken("it ended after " + std::to_string(received_) + " of " + std::to_string(total_) +
                  " bytes");
  }
  if (trailer_.size() != kDigestBytes) return Broken("it ended without the SHA-256 digest");
  if (trailer_ != database_digest_) {
    return Broken("the SHA-256 digest does not match the bytes received");
  }
  if (total_ % kSectorBytes != 0) {
    return Broken("the database is not a whole number of pages: " + std::to_string(total_) +
                  " bytes");
  }
  return StreamSummary{.size_bytes = total_ + kDigestBytes,
                       .sha256 = FormatHex(digest_.Digest()),
                       .database_sha256 = FormatHex(database_digest_)};
}

}  // namespace warden::snapshot
