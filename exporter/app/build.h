// What this binary is.
#pragma once

#include "exporter/metrics/build_info.h"

namespace warden::app {

metrics::BuildInfo CurrentBuild();

}  // namespace warden::app
