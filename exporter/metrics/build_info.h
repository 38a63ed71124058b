// Which program answers.
#pragma once

#include <string>

#include "exporter/metrics/page.h"

namespace warden::metrics {

struct BuildInfo {
  std::string version;   // of etcd-warden
  std::string revision;  // commit
  std::string branch;
  std::string compiler;  // name and version
  std::string grpc_version;
  std::string openssl_version;
};

// Adds exporter_build_info.
void RenderBuildInfo(Page& page, const BuildInfo& build);

}  // namespace warden::metrics
