// What this binary is.
#pragma once

#include <string_view>

#include "exporter/metrics/build_info.h"

namespace warden::app {

metrics::BuildInfo CurrentBuild();

// The commit and the branch it was built from; "unknown" outside a git repository. In revision.cc,
// which every build writes anew.
std::string_view Revision();
std::string_view Branch();

}  // namespace warden::app
