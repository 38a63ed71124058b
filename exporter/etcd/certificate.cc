#include "exporter/etcd/certificate.h"

#include <grpc/grpc_security_constants.h>

#include <algorithm>
#include <string_view>

#include "exporter/base/x509.h"

namespace warden::etcd {
namespace {

// The text lives as long as `peer`; empty if there is none.
std::string_view Property(const grpc::AuthContext& peer, const char* name) {
  const auto values = peer.FindPropertyValues(name);
  if (values.empty()) return {};
  return {values.front().data(), values.front().size()};
}

std::optional<ServerCertificate> Parse(std::string_view leaf, std::string_view chain) {
  const auto own = NotAfterTimes(leaf);
  if (!own.ok()) return std::nullopt;
  ServerCertificate parsed{.leaf_not_after = own->front(), .chain_not_after = own->front()};
  if (const auto all = NotAfterTimes(chain); all.ok()) {
    parsed.chain_not_after =
        std::min(parsed.leaf_not_after, *std::min_element(all->begin(), all->end()));
  }
  return parsed;
}

}  // namespace

std::optional<ServerCertificate> CertificateCache::Of(const grpc::AuthContext& peer) {
  const std::string_view leaf = Property(peer, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  const std::string_view chain = Property(peer, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
  if (leaf.empty()) return std::nullopt;
  MutexLock lock(mutex_);
  if (leaf != leaf_ || chain != chain_) {
    parsed_ = Parse(leaf, chain);
    leaf_ = leaf;
    chain_ = chain;
  }
  return parsed_;
}

}  // namespace warden::etcd
