// Everything that one configuration asks for, built and owned: the clusters with their connections,
// and the backup workers. A reload builds the next one, which takes over what has not changed.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/app/common.h"
#include "exporter/app/endpoint_log.h"
#include "exporter/backup/worker.h"
#include "exporter/collector/certificates.h"
#include "exporter/collector/hashkv.h"
#include "exporter/collector/observer.h"
#include "exporter/config/config.h"
#include "exporter/etcd/cluster.h"
#include "exporter/offsite/copier.h"
#include "exporter/restore/drill_history.h"
#include "exporter/restore/drill_worker.h"

namespace warden::app {

class Targets;

// Null without a backup section, or one without destinations.
std::shared_ptr<offsite::Copier> MakeCopier(const config::ClusterConfig& config, const Env& env,
                                            metrics::Instruments& instruments);

// One cluster under one configuration of it; runtimes share it for as long as that stays the same.
struct ClusterRuntime {
  ClusterRuntime(config::ClusterConfig its_config, std::shared_ptr<etcd::Cluster> its_cluster,
                 const Env& env, metrics::Instruments& instruments,
                 std::shared_ptr<backup::Worker> its_worker,
                 std::shared_ptr<restore::DrillWorker> its_drills)
      : config(std::move(its_config)),
        cluster(std::move(its_cluster)),
        observer(std::make_unique<collector::ClusterObserver>(config.name, *cluster, instruments,
                                                              config.discover)),
        certificates(std::make_unique<collector::CertificateFiles>(config.tls)),
        hash_checker(config.hashkv ? std::make_unique<collector::HashChecker>(
                                         config.name, config.hashkv->interval,
                                         collector::HashTools{*cluster, env.clock, instruments,
                                                              [known_to = observer.get()] {
                                                                return known_to->Known();
                                                              }},
                                         env.log)
                                   : nullptr),
        worker(std::move(its_worker)),
        copier(MakeCopier(config, env, instruments)),
        drills(std::move(its_drills)),
        drill_history(config.backup ? std::make_unique<restore::DrillHistory>(
                                          env.files, config.backup->directory, env.log)
                                    : nullptr),
        endpoint_log(config.name) {}

  const config::ClusterConfig config;
  // Members are destroyed from the bottom up: the checker ends before what it uses. The worker,
  // which runtimes share, keeps the connections that it uses alive itself.
  const std::shared_ptr<etcd::Cluster> cluster;
  const std::unique_ptr<collector::ClusterObserver> observer;
  const std::unique_ptr<collector::CertificateFiles> certificates;
  const std::unique_ptr<collector::HashChecker> hash_checker;  // null without a hashkv section
  // Null without a backup section. It outlives a change of the cluster's configuration.
  const std::shared_ptr<backup::Worker> worker;
  const std::shared_ptr<offsite::Copier> copier;  // null without destinations
  // Null without a section `drill`. It outlives a change that has nothing to do with backups.
  const std::shared_ptr<restore::DrillWorker> drills;
  const std::unique_ptr<restore::DrillHistory> drill_history;  // null without a backup section
  EndpointLog endpoint_log;
};

// Thread-safe. Nothing of it waits for etcd but an observation.
class Runtime {
 public:
  using Clusters = std::vector<std::shared_ptr<ClusterRuntime>>;

  // Opens the backup directories; nothing runs yet, and nothing of `previous` is touched. No etcd
  // is waited for: one that cannot be reached is a fact to report, not an error. The failure names
  // what cannot be used. From `previous` it takes every cluster that is configured as it was, with
  // its connections and tokens, and those of probes' targets if `probe` is as it was; of one that
  // has changed, the worker of an unchanged directory with its job in flight, and the member list
  // last seen if an endpoint stayed. `common` outlives it.
  static Result<std::shared_ptr<Runtime>> Build(config::ValidConfig config, Common& common,
                                                const Runtime* previous = nullptr);

  // Gives every cluster its series; call it before the first request.
  void Declare();

  // Lets the workers taken over use the new connections from their next try on, and starts the
  // others. Ends the drills that are no more asked for. Call it once, with what Build was given.
  void Start(const Runtime* previous = nullptr);

  // What this runtime has no use for any more ends: workers are stopped, which may take a moment
  // (their jobs stay on disk), and the series of clusters that are gone are forgotten.
  void Retire(const Runtime& previous);

  const config::ValidConfig& config() const { return config_; }
  const Clusters& clusters() const { return clusters_; }
  // The cluster of that name, or nullptr.
  std::shared_ptr<ClusterRuntime> FindCluster(std::string_view name) const;
  // What /probe?target= may ask; null without a section `probe`.
  Targets* targets() const { return targets_.get(); }
  // The job of that id, whichever cluster it belongs to.
  std::optional<backup::Job> FindJob(std::string_view id) const;

  // Expires once all of it is destroyed.
  std::weak_ptr<const void> life() const { return life_; }

  // A place among the scrapes and probes answered at once; null, and counted, if there is none.
  Admission::Permit Admit();

  const Env& env() const { return common_.env; }
  metrics::Instruments& instruments() { return common_.instruments; }
  std::stop_token stop_token() const { return common_.stop.get_token(); }
  Mutex& decision_mutex() { return common_.decision_mutex; }

 private:
  Runtime(config::ValidConfig config, Common& common)
      : config_(std::move(config)), common_(common) {}
  Status Add(const config::ClusterConfig& config, const Runtime* previous);
  Result<std::shared_ptr<backup::Worker>> TakeOrOpenWorker(
      const config::ClusterConfig& config, const std::shared_ptr<etcd::Cluster>& cluster,
      const Runtime* previous) const;
  // What the cluster's worker is to work with.
  backup::Settings MakeSettings(const ClusterRuntime& cluster) const;
  Result<std::unique_ptr<backup::Worker>> OpenWorker(
      const config::ClusterConfig& config, const std::shared_ptr<etcd::Cluster>& cluster) const;
  // Null without a section `drill`.
  std::shared_ptr<restore::DrillWorker> TakeOrMakeDrills(const config::ClusterConfig& config,
                                                         const Runtime* previous) const;
  // Ends what drills of `previous` this has no use for, and starts its own.
  void StartDrills(const Runtime* previous);
  bool Uses(const backup::Worker& worker) const;
  bool Uses(const restore::DrillWorker& drills) const;

  const std::shared_ptr<const bool> life_ = std::make_shared<bool>(true);  // first: ends last
  const config::ValidConfig config_;
  Common& common_;
  Clusters clusters_;
  std::shared_ptr<Targets> targets_;
};

}  // namespace warden::app
