// The expiry of the certificate that a server presents.
#pragma once

#include <grpcpp/security/auth_context.h>

#include <optional>
#include <string>

#include "exporter/base/mutex.h"
#include "exporter/etcd/view.h"

namespace warden::etcd {

// Parses a certificate when it changes and not at every call. One per connection. Thread-safe.
class CertificateCache {
 public:
  // Of the connection that a finished call went over; nullopt without TLS, if there was no
  // connection, or if the certificate cannot be read.
  std::optional<ServerCertificate> Of(const grpc::AuthContext& peer) WARDEN_EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::string leaf_ WARDEN_GUARDED_BY(mutex_);   // PEM
  std::string chain_ WARDEN_GUARDED_BY(mutex_);  // PEM
  std::optional<ServerCertificate> parsed_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::etcd
