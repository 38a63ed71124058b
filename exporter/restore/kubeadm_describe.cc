#include "exporter/base/text.h"
#include "exporter/restore/kubeadm.h"

namespace warden::restore {
namespace {

std::string Manifests(const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names) files.push_back(name + ".yaml");
  return Join(files, ", ");
}

std::vector<std::string> StepsOf(const Plan& plan, const MemberPlace& place,
                                 const KubeadmOptions& options) {
  const std::string manifests = options.node.manifests.string();
  const std::string holding = options.node.HoldingOf("<id>").string();
  std::vector<std::string> others;
  for (const MemberPlace& other : plan.places) {
    if (other.name != place.name) others.push_back(other.name);
  }
  const std::size_t count = plan.places.size();
  const std::string wal = place.wal_dir ? " and " + place.wal_dir->string() : "";
  return {
      "prepare: write the new data beside " + place.data_dir.string() + wal +
          " and prove it; etcd may run on",
      "stop: move " + Manifests(options.node.control_plane) +
          " (those that are there) and etcd.yaml " + "from " + manifests + " to " + holding +
          ", one after the other, each until its ports, its containers and the lock on the "
          "database are gone",
      others.empty() ? "peers: wait until every member of the old cluster was seen down"
                     : "peers: wait until " + Join(others, ", ") +
                           " and every member of the old cluster were seen down",
      "swap: rename the old data aside, the new to " + place.data_dir.string() + wal,
      "etcd: move etcd.yaml back to " + manifests +
          ", and wait for a linearizable read, which takes " + std::to_string(count / 2 + 1) +
          " of " + std::to_string(count) + " members",
      "start: move " + Manifests(options.node.control_plane) +
          " back, one after the other, each until it listens",
      "finish: write the receipt beside " + place.data_dir.string(),
  };
}

}  // namespace

std::vector<std::string> DescribeKubeadm(const Plan& plan, const KubeadmOptions& options) {
  std::vector<std::string> lines = {
      "On all nodes at the same time; or one after the other, with --until stopped on each, then",
      "--until swapped on each, then --until etcd, then without. What fails in 2 to 6 is undone."};
  for (const MemberPlace& place : plan.places) {
    const NewMember* member = plan.cluster.Find(place.name);
    const std::string urls = member == nullptr ? "" : " (" + Join(member->peer_urls, ", ") + ")";
    lines.push_back("");
    lines.push_back("node of " + place.name + urls + ":");
    int number = 0;
    for (const std::string& step : StepsOf(plan, place, options)) {
      lines.push_back("  " + std::to_string(++number) + ". " + step);
    }
  }
  return lines;
}

}  // namespace warden::restore
