// The flags that choose a cluster: etcdctl's, or a configuration file and the name of a cluster in
// it.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/cli/command.h"
#include "exporter/cli/output.h"
#include "exporter/config/config.h"
#include "exporter/etcd/cluster.h"

namespace warden::cli {

// The one of the file's clusters that `name` means; the only one if `name` is empty. The failure
// lists the names there are.
Result<const config::ClusterConfig*> ChooseCluster(const config::Config& config,
                                                   const std::string& name);

class ConnectionFlags {
 public:
  // Declares the flags; the object outlives the parsing. `default_timeout` is that of
  // --command-timeout.
  void Declare(CLI::App& app, const std::string& default_timeout);

  // What to dial and until when. kInvalidArgument for flags that contradict each other (variables
  // of the environment give way to --config.file) or name unusable files.
  struct Target {
    etcd::ClusterOptions options;
    Deadline deadline;
  };
  Result<Target> Resolve(const Clock& clock) const;

 private:
  Result<etcd::ClusterOptions> Options() const;
  Result<Deadline> MakeDeadline(const Clock& clock) const;
  Result<etcd::ClusterOptions> FromFile() const;
  Result<etcd::ClusterOptions> FromFlags() const;

  const CLI::App* app_ = nullptr;
  std::vector<const CLI::Option*> by_hand_;  // those that --config.file takes the place of
  std::vector<std::string> endpoints_;
  std::string ca_cert_;
  std::string cert_;
  std::string key_;
  std::string user_;
  std::string password_;
  std::string timeout_;
  std::string config_file_;
  std::string cluster_;
};

// A command that dials: `body` is given what its flags, in their member `connection`, resolve to;
// flags that do not end it with kUsage and the reason.
template <typename Flags>
Run OnTarget(std::shared_ptr<Flags> flags,
             int (*body)(Console&, const Flags&, const Clock&, const ConnectionFlags::Target&)) {
  return [flags = std::move(flags), body](Console& console) {
    const SystemClock clock;
    const Result<ConnectionFlags::Target> target = flags->connection.Resolve(clock);
    if (!target.ok()) return Fail(console, kUsage, target.error());
    return body(console, *flags, clock, *target);
  };
}

}  // namespace warden::cli
