#include "exporter/collector/certificates.h"

#include <string>
#include <system_error>

#include "exporter/base/x509.h"
#include "exporter/collector/render.h"
#include "exporter/metrics/labels.h"

namespace warden::collector {
namespace {

void RenderNotAfter(metrics::Page& page, const Subject& subject, const std::string& endpoint,
                    const char* use, WallTime not_after) {
  page.Gauge(
      "certificate_not_after_timestamp_seconds",
      "When the certificate expires; server_leaf and server_chain as the endpoint presented them "
      "(server_chain is the earliest of all it sent), client and ca as in the configured files.",
      ToUnixSeconds(not_after),
      {{metrics::kClusterLabel, subject.cluster},
       {metrics::kEndpointLabel, endpoint},
       {"use", use}});
}

}  // namespace

std::optional<WallTime> CachedCertificate::NotAfter() {
  if (path_.empty()) return std::nullopt;
  // The version is taken first: what changes in between is read again by the next scrape.
  std::error_code failed;
  Version version;
  version.modified = std::filesystem::last_write_time(path_, failed);
  if (failed) return std::nullopt;
  version.size = std::filesystem::file_size(path_, failed);
  if (failed) return std::nullopt;
  {
    MutexLock lock(mutex_);
    if (version_ == version) return not_after_;
  }
  const Result<WallTime> read = EarliestNotAfterInFile(path_);
  MutexLock lock(mutex_);
  version_ = version;
  not_after_ = read.ok() ? std::optional(*read) : std::nullopt;
  return not_after_;
}

void RenderCertificates(metrics::Page& page, const Subject& subject) {
  for (const etcd::EndpointView& endpoint : subject.view.endpoints) {
    if (!endpoint.certificate) continue;
    const std::string& url = endpoint.endpoint.url;
    RenderNotAfter(page, subject, url, "server_leaf", endpoint.certificate->leaf_not_after);
    RenderNotAfter(page, subject, url, "server_chain", endpoint.certificate->chain_not_after);
  }
  const CertificateTimes& files = subject.certificates;
  if (files.client) RenderNotAfter(page, subject, "", "client", *files.client);
  if (files.ca) RenderNotAfter(page, subject, "", "ca", *files.ca);
}

}  // namespace warden::collector
