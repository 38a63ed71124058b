#include "exporter/metrics/build_info.h"

namespace warden::metrics {

void RenderBuildInfo(Page& page, const BuildInfo& build) {
  page.Gauge("exporter_build_info",
             "Always 1; its labels say which etcd-warden this is and what it was built with.", 1,
             {{"version", build.version},
              {"revision", build.revision},
              {"branch", build.branch},
              {"compiler", build.compiler},
              {"grpc_version", build.grpc_version},
              {"openssl_version", build.openssl_version}});
}

}  // namespace warden::metrics
