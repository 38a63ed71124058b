#include "exporter/etcd/auth_evidence.h"

#include <algorithm>

#include "exporter/etcd/membership.h"

namespace warden::etcd {
namespace {

// Since the fix of CVE-2026-33413, and in all of 3.6, Status is for authenticated users only.
bool StatusNeedsUser(std::string_view version) {
  if (VersionAtLeast(version, 3, 6)) return true;
  if (VersionAtLeast(version, 3, 5)) return VersionAtLeast(version, 3, 5, 28);
  return VersionAtLeast(version, 3, 4, 42);
}

}  // namespace

void AuthEvidence::Failed(std::size_t endpoint, Reason reason) {
  if (reason != Reason::kUnauthenticated && reason != Reason::kPermissionDenied) return;
  refused_.insert(endpoint);
}

void AuthEvidence::AnsweredAnybody(std::size_t endpoint) {
  anybody_.insert(endpoint);
}

void AuthEvidence::Authenticated() {
  refused_.clear();
}

std::optional<bool> AuthEvidence::Verdict(const ClusterView& view,
                                          std::optional<std::uint64_t> main) const {
  const bool open = std::any_of(anybody_.begin(), anybody_.end(), [&](std::size_t i) {
    const auto& status = view.endpoints.at(i).status;
    return status.ok() && status.value->cluster_id == main &&
           StatusNeedsUser(status.value->version);
  });
  const bool refused = std::any_of(refused_.begin(), refused_.end(), [&](std::size_t i) {
    const auto identity = IdentityOf(view.endpoints.at(i));
    return identity ? identity->cluster_id == main : !open;
  });
  if (refused) return true;
  return open ? std::optional(false) : std::nullopt;
}

}  // namespace warden::etcd
