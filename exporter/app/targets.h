// Servers that a request names (/probe?target=): who may be named, and what is dialled for it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "exporter/app/runtime.h"
#include "exporter/base/mutex.h"
#include "exporter/base/resolver.h"
#include "exporter/config/config.h"
#include "exporter/metrics/instruments.h"

namespace warden::app {

// One dialled server. Its cluster is named after the target, as "10.0.0.1:2379".
struct Target {
  Target(const config::ClusterConfig& config, const Env& env);

  // Its own and never exported: the names of targets come from outside and are not counted.
  metrics::Instruments instruments;
  ClusterRuntime runtime;
};

// Connections and tokens are kept for the next probe of the same target, for kIdleMax after the
// last one and kTargetsMax of them at most. Thread-safe.
class Targets {
 public:
  // The resolver and the environment outlive the object.
  Targets(config::ProbeConfig config, Resolver& resolver, const Env& env);

  const config::ProbeConfig& config() const { return config_; }

  // What to ask for "host:port". A name that is not allowed itself is looked up; all its addresses
  // must be allowed, and the first of them is dialled, so that no second look-up leads elsewhere.
  // kInvalidArgument: malformed, or no such module. kPermissionDenied: not allowed; the message is
  // the same for every name, whether or not it exists and whatever its addresses are, for whoever
  // may ask should not learn that. Any other failure: the look-up may succeed another time.
  Result<std::shared_ptr<Target>> Find(const std::string& target, const std::string& module,
                                       SteadyTime deadline) WARDEN_EXCLUDES(mutex_);

  static constexpr std::size_t kTargetsMax = 256;
  static constexpr Seconds kIdleMax{600};

 private:
  struct Entry {
    std::shared_ptr<Target> target;
    SteadyTime last_used;
  };

  Result<const config::ProbeModule*> FindModule(const std::string& name) const;
  // The endpoint to dial, with the address in place of the name where it was looked up.
  Result<config::ClusterConfig> Resolve(const std::string& target,
                                        const config::ProbeModule& module,
                                        SteadyTime deadline) const;

  // Refused: the reason is for the log alone.
  Status NotAllowed(const std::string& target, std::string_view reason) const;
  // The address to dial instead of the name.
  Result<IpAddress> LookUp(const std::string& target, const std::string& host,
                           SteadyTime deadline) const;

  const config::ProbeConfig config_;
  Resolver& resolver_;
  const Env env_;

  Mutex mutex_;
  // By module and dialled address.
  std::map<std::pair<std::string, std::string>, Entry> entries_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::app
