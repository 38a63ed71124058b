#include "exporter/restore/kubeadm_peers.h"

#include <algorithm>
#include <utility>

#include "exporter/base/text.h"

namespace warden::restore {

KubeadmPeers::KubeadmPeers(const Plan& plan, const std::string& member, KubeadmProcedure& procedure,
                           NodeProbes& node)
    : plan_(plan), procedure_(procedure), node_(node) {
  if (const NewMember* own = plan.cluster.Find(member)) own_ = own->peer_urls;
  for (const OldMember& old : plan.snapshot.members) {
    const std::string name = old.name.empty() ? "member " + FormatId(old.id) : old.name;
    for (const std::string& url : old.peer_urls) Add(name, url, old.client_urls);
  }
  for (const NewMember& other : plan.cluster.members) {
    for (const std::string& url : other.peer_urls) Add(other.name, url, {});
  }
}

void KubeadmPeers::Add(const std::string& name, const std::string& url,
                       std::vector<std::string> client_urls) {
  const auto is_same = [&](const std::string& other) { return ToLower(other) == ToLower(url); };
  const bool known = std::ranges::any_of(peers_, is_same, &Peer::url);
  if (known || std::ranges::any_of(own_, is_same)) return;
  peers_.push_back({.name = name, .url = url, .client_urls = std::move(client_urls)});
}

std::vector<const KubeadmPeers::Peer*> KubeadmPeers::Unseen() const {
  std::vector<const Peer*> unseen;
  for (const Peer& peer : peers_) {
    if (std::ranges::count(procedure_.seen_down, peer.url) == 0) unseen.push_back(&peer);
  }
  return unseen;
}

Result<bool> KubeadmPeers::Look(const std::stop_token& stop) {
  bool found = false;
  for (const Peer* peer : Unseen()) {
    const Result<bool> listens = node_.Listens(peer->url, stop);
    if (!listens.ok()) return listens.error().WithContext(peer->name);
    // A stop also ends the wait for an answer, which then says nothing.
    if (stop.stop_requested()) return Status(Code::kCancelled, "stopped");
    if (*listens) continue;
    procedure_.seen_down.push_back(peer->url);
    found = true;
  }
  return found;
}

Result<bool> KubeadmPeers::AskForNewMember(const std::stop_token& stop) {
  const std::vector<const Peer*> unseen = Unseen();
  if (unseen.empty()) return false;
  const Peer& peer = *unseen[asked_++ % unseen.size()];
  for (const std::string& url : peer.client_urls) {
    const Result<std::uint64_t> cluster = node_.ClusterAt(url, stop);
    if (stop.stop_requested()) return Status(Code::kCancelled, "stopped");
    if (!cluster.ok() || *cluster != plan_.cluster.id) continue;
    procedure_.seen_down.push_back(peer.url);
    return true;
  }
  return false;
}

std::string KubeadmPeers::Missing() const {
  std::vector<std::string> names;
  for (const Peer* peer : Unseen()) names.push_back(peer->name + " (" + peer->url + ")");
  return Join(names, ", ");
}

}  // namespace warden::restore
