#include <ostream>

#include "exporter/app/build.h"
#include "exporter/cli/command.h"

namespace warden::cli {

Run DeclareVersion(CLI::App&) {
  return [](Console& console) {
    const metrics::BuildInfo build = app::CurrentBuild();
    console.out << "etcd-warden, version " << build.version << " (branch: " << build.branch
                << ", revision: " << build.revision << ")\n"
                << "  compiler: " << build.compiler << "\n"
                << "  gRPC:     " << build.grpc_version << "\n"
                << "  OpenSSL:  " << build.openssl_version << "\n";
    return kSuccess;
  };
}

}  // namespace warden::cli
