#include "exporter/restore/kubeadm_inspect.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/config/endpoint.h"
#include "exporter/config/static_pod.h"

namespace warden::restore {
namespace {

using config::StaticPod;
using Path = Files::Path;

constexpr std::size_t kManifestBytesMax = 1 << 20;

// Where a program of the control plane listens unless its manifest says otherwise.
struct DefaultPort {
  std::string_view name;
  std::string_view port;
};
constexpr DefaultPort kDefaultPorts[] = {
    {"kube-apiserver", "6443"}, {"kube-controller-manager", "10257"}, {"kube-scheduler", "10259"}};

// What listens on every address of the machine is asked for at its own.
std::string Reachable(std::string_view host) {
  if (host.empty() || host == "0.0.0.0") return "127.0.0.1";
  if (host == "[::]" || host == "::") return "[::1]";
  return host.find(':') != std::string_view::npos && !host.starts_with('[')
             ? "[" + std::string(host) + "]"
             : std::string(host);
}

// "https://0.0.0.0:2379" becomes "https://127.0.0.1:2379".
std::string ReachableUrl(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t colon = url.rfind(':');
  if (colon == std::string_view::npos || colon < host) return std::string(url);
  return std::string(url.substr(0, host)) + Reachable(url.substr(host, colon - host)) +
         std::string(url.substr(colon));
}

std::vector<std::string> UrlsOf(const StaticPod& pod, std::string_view flag,
                                std::string_view otherwise) {
  const std::string* text = pod.EtcdSetting(flag);
  std::vector<std::string> urls;
  for (const std::string_view url : Split(text == nullptr ? otherwise : *text, ',')) {
    if (!Trim(url).empty()) urls.push_back(ReachableUrl(Trim(url)));
  }
  return urls;
}

bool IsSet(const StaticPod& pod, std::string_view flag) {
  const std::string* text = pod.EtcdSetting(flag);
  return text != nullptr && *text != "false";
}

class Inspection {
 public:
  Inspection(Files& files, const Plan& plan, const MemberPlace& place,
             const KubeadmNodeOptions& options, const Path& holding)
      : files_(files), plan_(plan), place_(place), options_(options), holding_(holding) {
    node_.procedure.manifests = options.manifests;
  }

  Result<KubeadmNode> Inspect() {
    CheckDirectories();
    if (const auto etcd = Read(kEtcdPod)) {
      InspectEtcd(*etcd);
    } else if (problems_.empty()) {
      problems_.push_back("there is no " + (options_.manifests / FileOf(kEtcdPod)).string());
    }
    for (const std::string& name : options_.control_plane) {
      if (const auto pod = Read(name)) InspectControlPlane(name, *pod);
    }
    if (problems_.empty()) return std::move(node_);
    return Status(Code::kFailedPrecondition, Join(problems_, "; "));
  }

 private:
  static std::string FileOf(std::string_view name) { return std::string(name) + ".yaml"; }

  void Check(const Status& status) {
    if (!status.ok()) problems_.push_back(status.message());
  }

  void CheckDirectories() {
    const Path parent = options_.HoldingParent();
    const Path below = parent.lexically_relative(options_.manifests);
    if (!below.empty() && *below.begin() != "..") {
      problems_.push_back("what is moved aside must not lie in " + options_.manifests.string() +
                          ", where the kubelet would start it");
      return;
    }
    for (const Path& directory : {options_.manifests, parent}) CheckRights(directory);
    const auto from = files_.Device(options_.manifests);
    const auto to = files_.Device(parent);
    if (from.ok() && to.ok() && *from != *to) {
      problems_.push_back(options_.manifests.string() + " and " + parent.string() +
                          " are on two file systems, so nothing can be renamed between them");
    }
  }

  // Giving a directory to whom it belongs changes nothing, and asks for the rights to change it.
  void CheckRights(const Path& directory) {
    const Result<FileOwner> owner = files_.Owner(directory);
    Check(owner.ok() ? files_.ChangeOwner(directory, *owner) : owner.error());
  }

  // nullopt: it is not there, or is a problem.
  std::optional<StaticPod> Read(std::string_view name) {
    const Path here = options_.manifests / FileOf(name);
    Path file = here;
    Result<std::string> text = files_.ReadAll(here, kManifestBytesMax);
    if (text.status().code() == Code::kNotFound && !holding_.empty()) {
      file = holding_ / FileOf(name);
      text = files_.ReadAll(file, kManifestBytesMax);
    }
    if (text.status().code() == Code::kNotFound) return std::nullopt;
    if (!text.ok()) {
      Check(text.error());
      return std::nullopt;
    }
    Result<StaticPod> pod = config::ParseStaticPod(*text, name, file);
    Check(pod.status());
    return pod.ok() ? std::optional(*std::move(pod)) : std::nullopt;
  }

  void Add(std::string_view name, const std::vector<std::string>& addresses) {
    for (const std::string& address : addresses) {
      Check(config::ParseEndpoint(address).status().WithContext(FileOf(name)));
    }
    node_.procedure.pods.push_back(
        {.name = std::string(name), .file = FileOf(name), .addresses = addresses});
  }

  void InspectEtcd(const StaticPod& pod) {
    const std::string* name = pod.EtcdSetting("name");
    if (name == nullptr || *name != place_.name) {
      problems_.push_back("etcd.yaml is of the member \"" +
                          (name == nullptr ? "default" : ToSingleLine(*name, 64)) +
                          "\", not of \"" + place_.name + "\"");
    }
    for (const char* flag : {"config-file", "force-new-cluster"}) {
      if (!IsSet(pod, flag)) continue;
      problems_.push_back(std::string("etcd.yaml has --") + flag +
                          ", with which nobody knows here what its etcd would do");
    }
    if (!pod.host_network) {
      problems_.push_back("etcd.yaml has no hostNetwork, so its ports cannot be seen from here");
    }
    CheckPlaces(pod);
    CheckVersion(pod);
    CheckCluster(pod);
    std::vector<std::string> addresses = UrlsOf(pod, "listen-client-urls", "http://localhost:2379");
    const std::vector<std::string> peer_urls =
        UrlsOf(pod, "listen-peer-urls", "http://localhost:2380");
    if (addresses.empty() || peer_urls.empty()) {
      problems_.push_back("etcd.yaml lets etcd listen nowhere");
      return;
    }
    node_.procedure.client_url = addresses.front();
    node_.procedure.peer_url = peer_urls.front();
    addresses.insert(addresses.end(), peer_urls.begin(), peer_urls.end());
    for (const std::string& url : UrlsOf(pod, "listen-metrics-urls", "")) addresses.push_back(url);
    Add(kEtcdPod, addresses);
  }

  void CheckPlaces(const StaticPod& pod) {
    const auto check = [&](std::string_view flag, const std::optional<Path>& planned) {
      const std::string* text = pod.EtcdSetting(flag);
      if (text == nullptr && !planned) return;
      const std::string shown = std::string("etcd.yaml has ") + (text == nullptr ? "no --" : "--") +
                                std::string(flag) + (text == nullptr ? "" : " " + *text);
      const std::string wanted =
          planned ? ", the plan " + planned->string() : ", the plan has none";
      if (text == nullptr || !planned) {
        problems_.push_back(shown + wanted);
        return;
      }
      const std::optional<Path> host = pod.HostPath(*text);
      if (!host) {
        problems_.push_back(shown + ", which is in no hostPath volume");
      } else if (*host != planned->lexically_normal()) {
        problems_.push_back(shown + ", which is " + host->string() + " of this machine" + wanted);
      }
    };
    check("data-dir", place_.data_dir);
    check("wal-dir", place_.wal_dir);
  }

  void CheckVersion(const StaticPod& pod) {
    const auto version = config::ImageVersion(pod.image);
    if (!version) {
      Remark("the image \"" + ToSingleLine(pod.image, 128) +
             "\" names no version; the plan is for etcd " + std::string(TargetName(plan_.target)));
      return;
    }
    const Result<Target> target = ParseTarget(*version);
    if (target.ok() && *target == plan_.target) return;
    problems_.push_back("etcd.yaml runs etcd " + *version + ", the plan is for " +
                        std::string(TargetName(plan_.target)));
  }

  // What etcd does not read once it has data, but people do.
  void CheckCluster(const StaticPod& pod) {
    const std::string* initial = pod.EtcdSetting("initial-cluster");
    const auto parts = [](std::string_view text) {
      const std::vector<std::string_view> split = Split(text, ',');
      return std::multiset<std::string_view>(split.begin(), split.end());
    };
    if (initial != nullptr && parts(*initial) != parts(plan_.InitialCluster())) {
      Remark("etcd.yaml has --initial-cluster " + *initial + ", the plan " +
             plan_.InitialCluster() + "; etcd takes what its data says");
    }
    const NewMember* member = plan_.cluster.Find(place_.name);
    const std::string* own = pod.EtcdSetting("initial-advertise-peer-urls");
    if (own != nullptr && member != nullptr && parts(*own) != parts(Join(member->peer_urls, ","))) {
      Remark("etcd.yaml has --initial-advertise-peer-urls " + *own + ", the plan " +
             Join(member->peer_urls, ",") + ", where the others will look for this member");
    }
  }

  void InspectControlPlane(const std::string& name, const StaticPod& pod) {
    const auto* known = std::ranges::find(kDefaultPorts, name, &DefaultPort::name);
    const std::string* port = pod.Flag("secure-port");
    const std::string* bind = pod.Flag("bind-address");
    std::vector<std::string> addresses;
    const std::string number = port != nullptr                    ? *port
                               : known != std::end(kDefaultPorts) ? std::string(known->port)
                                                                  : "0";
    // 0: it does not listen.
    if (number != "0") addresses.push_back(Reachable(bind == nullptr ? "" : *bind) + ":" + number);
    Add(name, addresses);
  }

  void Remark(std::string text) { node_.remarks.push_back(std::move(text)); }

  Files& files_;
  const Plan& plan_;
  const MemberPlace& place_;
  const KubeadmNodeOptions& options_;
  const Path& holding_;
  KubeadmNode node_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<KubeadmNode> InspectNode(Files& files, const Plan& plan, const std::string& member,
                                const KubeadmNodeOptions& options, const Path& holding) {
  const MemberPlace* place = plan.PlaceOf(member);
  if (place == nullptr) {
    return Status(Code::kInvalidArgument, "the plan has no member \"" + member + "\"");
  }
  return Inspection(files, plan, *place, options, holding).Inspect();
}

}  // namespace warden::restore
