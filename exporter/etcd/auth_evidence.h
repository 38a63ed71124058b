// What the calls of one fan-out tell about whether etcd asks for users.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

#include "exporter/etcd/view.h"

namespace warden::etcd {

// A refusal carries no cluster id, so who refused shows only once the view is complete. Not
// thread-safe.
class AuthEvidence {
 public:
  // A call over the endpoint failed: for want of a user or of its rights it proves that the server
  // asks for users.
  void Failed(std::size_t endpoint, Reason reason);
  // Status was answered to a call without token or client certificate. It proves that nobody is
  // asked, unless the version tells everybody.
  void AnsweredAnybody(std::size_t endpoint);
  // Authenticate has told; what was refused before it did tells nothing any more.
  void Authenticated();

  // Whether the cluster `main` asks for users; nullopt if nothing tells. What strangers do is
  // ignored; who does not say who it is may be one, if a member of the cluster answers anybody.
  std::optional<bool> Verdict(const ClusterView& view, std::optional<std::uint64_t> main) const;

 private:
  std::set<std::size_t> refused_;
  std::set<std::size_t> anybody_;
};

}  // namespace warden::etcd
