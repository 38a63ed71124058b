#include "exporter/app/runtime.h"

#include <utility>

namespace warden::app {

Result<std::unique_ptr<Runtime>> Runtime::Build(config::ValidConfig config, const Env& env) {
  std::unique_ptr<Runtime> runtime(new Runtime(std::move(config), env));  // NOLINT: private
  for (const config::ClusterConfig& cluster : runtime->config().clusters) {
    WARDEN_RETURN_IF_ERROR(runtime->Add(cluster).WithContext("cluster " + cluster.name));
  }
  return runtime;
}

Status Runtime::Add(const config::ClusterConfig& config) {
  instruments_.DeclareCluster(config.name, config.backup.has_value());
  ClusterRuntime runtime{.config = config, .cluster = {}, .observer = {}, .worker = {}};
  runtime.cluster = etcd::MakeCluster(
      {.endpoints = config.endpoints,
       .tls = config.tls,
       .auth = config.auth,
       .on_token_refresh = [this, name = config.name] { instruments_.TokenRefreshed(name); }},
      env_.clock);
  runtime.observer =
      std::make_unique<collector::ClusterObserver>(config.name, *runtime.cluster, instruments_);
  if (config.backup) {
    WARDEN_ASSIGN_OR_RETURN(
        runtime.worker,
        backup::Worker::Open(config.name, config.backup->directory,
                             {env_.files, env_.clock, env_.log, instruments_, *runtime.cluster}));
  }
  clusters_.push_back(std::move(runtime));
  return {};
}

void Runtime::StartWorkers() {
  for (const ClusterRuntime& cluster : clusters_) {
    if (cluster.worker) cluster.worker->Start(stop_token());
  }
}

std::optional<backup::Job> Runtime::FindJob(std::string_view id) const {
  for (const ClusterRuntime& cluster : clusters_) {
    if (!cluster.worker) continue;
    if (auto job = cluster.worker->Find(id)) return job;
  }
  return std::nullopt;
}

}  // namespace warden::app
