// What a control-plane node and its neighbours are asked while their etcd is exchanged, and all
// that takes time; another one in tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/resolver.h"
#include "exporter/base/result.h"
#include "exporter/config/config.h"

namespace warden::restore {

// For one thread. A stop ends each call soon, with kCancelled or with what it means anyway.
class NodeProbes {
 public:
  virtual ~NodeProbes() = default;

  // Whether anybody listens there: "host:port" or an URL with both. A machine that does not answer
  // within 2 s is one where nobody does.
  virtual Result<bool> Listens(const std::string& address, const std::stop_token& stop) = 0;

  // The ids of the containers of that name that run; nullopt if this machine has no crictl.
  virtual Result<std::optional<std::vector<std::string>>> Containers(
      const std::string& name, const std::stop_token& stop) = 0;

  // Whether CheckHealth of that URL can be asked at all: kInvalidArgument says what is missing.
  virtual Status CanCheckHealth(const std::string& client_url) = 0;
  // A linearizable read through that member; 3 s at most.
  virtual Status CheckHealth(const std::string& client_url, const std::stop_token& stop) = 0;

  // Of which cluster the member is that serves clients there; 1 s at most.
  virtual Result<std::uint64_t> ClusterAt(const std::string& client_url,
                                          const std::stop_token& stop) = 0;

  // Lets time pass, or returns at a stop.
  virtual void Wait(Milliseconds pause, const std::stop_token& stop) = 0;
};

// Of this machine. `tls` is for https:// URLs; `crictl` is a path, a name in PATH, or empty.
std::unique_ptr<NodeProbes> MakeNodeProbes(const config::TlsConfig& tls, const std::string& crictl,
                                           const Clock& clock);

}  // namespace warden::restore
