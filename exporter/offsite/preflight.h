// What copies need of this machine, looked at before the first one is made.
#pragma once

#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/config/config.h"

namespace warden::offsite {

// Why copies to the destinations of these clusters cannot work, each a line that begins with the
// place in the configuration: rclone or age is not installed, or the remote is unknown to rclone.
// Asks no destination. Blocks for some seconds at most.
std::vector<std::string> FindObstacles(const std::vector<config::ClusterConfig>& clusters,
                                       const Deadline& deadline);

}  // namespace warden::offsite
