#include "exporter/config/config.h"

#include <algorithm>

#include "exporter/base/x509.h"

namespace warden::config {

const ClusterConfig* Config::FindCluster(std::string_view name) const {
  const auto found =
      std::find_if(clusters.begin(), clusters.end(),
                   [&](const ClusterConfig& cluster) { return cluster.name == name; });
  return found == clusters.end() ? nullptr : &*found;
}

Status CheckTls(const TlsConfig& tls) {
  if (!tls.ca_file.empty()) WARDEN_RETURN_IF_ERROR(CheckCertificateFile(tls.ca_file));
  if (tls.cert_file.empty() && tls.key_file.empty()) return Status();
  if (tls.key_file.empty()) {
    return {Code::kInvalidArgument,
            tls.cert_file.string() + ": the client certificate needs its key as well"};
  }
  if (tls.cert_file.empty()) {
    return {Code::kInvalidArgument,
            tls.key_file.string() + ": the client key needs its certificate as well"};
  }
  return CheckKeyPair(tls.cert_file, tls.key_file);
}

}  // namespace warden::config
