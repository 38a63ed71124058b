// Which of the URLs that members advertise to dial.
#pragma once

#include <vector>

#include "exporter/etcd/view.h"

namespace warden::etcd {

// More are left out: a member list is somebody else's word, and every URL costs a connection.
inline constexpr std::size_t kDiscoveredMax = 64;

// The members' client URLs that can be dialled and whose address (host and port, whatever the
// scheme) is neither among `configured` nor twice; sorted by URL. A member that was never started
// has none. If every configured endpoint is dialled with TLS, so is every discovered one: tokens
// are sent to all of them, and a URL in clear text is left out. "0.0.0.0" and "[::]" are what a
// server listens on and no place to go to.
std::vector<config::Endpoint> DiscoveredEndpoints(const MemberList& members,
                                                  const std::vector<config::Endpoint>& configured);

}  // namespace warden::etcd
