#include "exporter/app/build.h"

#include "exporter/base/x509.h"
#include "exporter/etcd/cluster.h"

namespace warden::app {

metrics::BuildInfo CurrentBuild() {
#if defined(__clang__)
  const std::string compiler = "clang " __clang_version__;
#else
  const std::string compiler = "gcc " __VERSION__;
#endif
  return {.version = WARDEN_VERSION,
          .revision = std::string(Revision()),
          .branch = std::string(Branch()),
          .compiler = compiler,
          .grpc_version = etcd::GrpcVersion(),
          .openssl_version = OpenSslVersion()};
}

}  // namespace warden::app
