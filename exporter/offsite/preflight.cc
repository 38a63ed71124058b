#include "exporter/offsite/preflight.h"

#include <algorithm>

#include "exporter/base/process.h"
#include "exporter/offsite/rclone.h"

namespace warden::offsite {
namespace {

// Empty if the remote is known.
std::string CheckRemoteIsKnown(const config::DestinationConfig& destination,
                               const Deadline& deadline) {
  const std::string name = RemoteName(destination.remote);
  if (name.empty()) return "";
  const auto known = Rclone::ListRemotes(destination.rclone_config, deadline);
  if (!known.ok()) return known.error().message();
  if (std::ranges::find(*known, name) != known->end()) return "";
  return "remote " + name + " is not in " +
         (destination.rclone_config.empty() ? "rclone's configuration"
                                            : destination.rclone_config.string());
}

}  // namespace

std::vector<std::string> FindObstacles(const std::vector<config::ClusterConfig>& clusters,
                                       const Deadline& deadline) {
  std::vector<std::string> obstacles;
  const bool has_rclone = FindProgram("rclone").has_value();
  const bool has_age = FindProgram("age").has_value();
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    if (!clusters[i].backup) continue;
    const std::vector<config::DestinationConfig>& all = clusters[i].backup->destinations;
    for (std::size_t j = 0; j < all.size(); ++j) {
      const std::string where =
          "clusters[" + std::to_string(i) + "].backup.destinations[" + std::to_string(j) + "]: ";
      if (!has_rclone) {
        obstacles.push_back(where + "rclone is not installed, or not in PATH");
      } else if (std::string unknown = CheckRemoteIsKnown(all[j], deadline); !unknown.empty()) {
        obstacles.push_back(where + unknown);
      }
      if (all[j].encrypts() && !has_age) {
        obstacles.push_back(where + "age is not installed, or not in PATH");
      }
    }
  }
  return obstacles;
}

}  // namespace warden::offsite
