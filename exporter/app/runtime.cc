#include "exporter/app/runtime.h"

#include <algorithm>
#include <utility>

#include "exporter/app/targets.h"
#include "exporter/base/host.h"
#include "exporter/restore/drill.h"
#include "exporter/restore/drill_programs.h"

namespace warden::app {
namespace {

constexpr int kOpenTries = 20;
constexpr Milliseconds kOpenPause{100};

// One endpoint in common: the same cluster as before, reached in another way.
bool LooksTheSame(const config::ClusterConfig& one, const config::ClusterConfig& other) {
  return std::any_of(one.endpoints.begin(), one.endpoints.end(),
                     [&](const config::Endpoint& endpoint) {
                       return std::find(other.endpoints.begin(), other.endpoints.end(), endpoint) !=
                              other.endpoints.end();
                     });
}

etcd::ClusterOptions ClusterOptionsOf(const config::ClusterConfig& config) {
  return {.endpoints = config.endpoints,
          .tls = config.tls,
          .auth = config.auth,
          .backup_auth = config.backup_auth,
          .on_token_refresh = {}};
}

}  // namespace

std::shared_ptr<offsite::Copier> MakeCopier(const config::ClusterConfig& config, const Env& env,
                                            metrics::Instruments& instruments) {
  if (!config.backup || config.backup->destinations.empty()) return nullptr;
  return std::make_shared<offsite::Copier>(
      offsite::CopySource{.cluster = config.name, .directory = config.backup->directory},
      config.backup->destinations, offsite::CopyTools{env.files, env.clock, env.log, instruments});
}

Result<std::shared_ptr<Runtime>> Runtime::Build(config::ValidConfig config, Common& common,
                                                const Runtime* previous) {
  std::shared_ptr<Runtime> runtime(new Runtime(std::move(config), common));  // NOLINT: private
  for (const config::ClusterConfig& cluster : runtime->config()->clusters) {
    WARDEN_RETURN_IF_ERROR(runtime->Add(cluster, previous).WithContext("cluster " + cluster.name));
  }
  if (const auto& probe = runtime->config()->probe; probe) {
    const bool same = previous && previous->targets_ && previous->targets_->config() == *probe;
    runtime->targets_ =
        same ? previous->targets_ : std::make_shared<Targets>(*probe, common.resolver, common.env);
  }
  return runtime;
}

Status Runtime::Add(const config::ClusterConfig& config, const Runtime* previous) {
  std::shared_ptr<ClusterRuntime> before;
  if (previous != nullptr) before = previous->FindCluster(config.name);
  if (before && before->config == config) {
    clusters_.push_back(std::move(before));
    return {};
  }
  metrics::Instruments& instruments = common_.instruments;
  etcd::ClusterOptions options = ClusterOptionsOf(config);
  options.on_token_refresh = [&instruments, name = config.name] {
    instruments.TokenRefreshed(name);
  };
  std::shared_ptr<etcd::Cluster> cluster = etcd::MakeCluster(options, env().clock);
  std::shared_ptr<backup::Worker> worker;
  if (config.backup) {
    WARDEN_ASSIGN_OR_RETURN(worker, TakeOrOpenWorker(config, cluster, previous));
  }
  auto runtime =
      std::make_shared<ClusterRuntime>(config, std::move(cluster), env(), instruments,
                                       std::move(worker), TakeOrMakeDrills(config, previous));
  if (before && LooksTheSame(before->config, config)) {
    runtime->observer->Inherit(*before->observer);
    if (runtime->hash_checker && before->hash_checker) {
      runtime->hash_checker->Inherit(*before->hash_checker);
    }
  }
  clusters_.push_back(std::move(runtime));
  return {};
}

Result<std::shared_ptr<backup::Worker>> Runtime::TakeOrOpenWorker(
    const config::ClusterConfig& config, const std::shared_ptr<etcd::Cluster>& cluster,
    const Runtime* previous) const {
  const Files::Path& directory = config.backup->directory;
  for (const auto& before : previous != nullptr ? previous->clusters() : Clusters()) {
    if (!before->worker || before->worker->directory() != directory) continue;
    if (before->config.name == config.name) return before->worker;
    return Status(Code::kFailedPrecondition,
                  directory.string() + ": still holds the backups of cluster " +
                      before->config.name + "; to hand the directory on, first reload without it");
  }
  // At a start, a command that takes a backup by itself may be about to end.
  const int tries = previous == nullptr ? kOpenTries : 1;
  Result<std::unique_ptr<backup::Worker>> worker = OpenWorker(config, cluster);
  for (int i = 1; i < tries && worker.status().code() == Code::kFailedPrecondition; ++i) {
    Pause(kOpenPause, stop_token());
    worker = OpenWorker(config, cluster);
  }
  if (!worker.ok()) return worker.error();
  return std::shared_ptr<backup::Worker>(*std::move(worker));
}

Result<std::unique_ptr<backup::Worker>> Runtime::OpenWorker(
    const config::ClusterConfig& config, const std::shared_ptr<etcd::Cluster>& cluster) const {
  return backup::Worker::Open(config.name, config.backup->directory,
                              {.cluster = cluster, .config = *config.backup},
                              {env().files, env().clock, env().log, common_.instruments});
}

std::shared_ptr<restore::DrillWorker> Runtime::TakeOrMakeDrills(const config::ClusterConfig& config,
                                                                const Runtime* previous) const {
  if (!config.backup || !config.backup->drill) return nullptr;
  const std::shared_ptr<ClusterRuntime> before =
      previous != nullptr ? previous->FindCluster(config.name) : nullptr;
  if (before && before->drills && before->drills->Serves(config.name, *config.backup)) {
    return before->drills;
  }
  const Env& env = common_.env;
  return std::make_shared<restore::DrillWorker>(
      config.name, *config.backup,
      restore::DrillWorkerTools{
          .files = env.files,
          .clock = env.clock,
          .log = env.log,
          .turn = common_.drill_turn,
          .run =
              [env](const restore::DrillRequest& request, const std::stop_token& stop) {
                return restore::RunDrill(
                    request,
                    {.files = env.files, .clock = env.clock, .log = env.log, .on_step = {}}, stop);
              },
          .find = restore::FindEtcdPrograms});
}

void Runtime::StartDrills(const Runtime* previous) {
  // First, for what they were at is told by files that the next ones read.
  for (const auto& before : previous != nullptr ? previous->clusters() : Clusters()) {
    if (before->drills && !Uses(*before->drills)) before->drills->Stop();
  }
  for (const auto& cluster : clusters_) {
    const bool runs = previous != nullptr && cluster->drills && previous->Uses(*cluster->drills);
    if (cluster->drills && !runs) cluster->drills->Start(stop_token());
  }
}

backup::Settings Runtime::MakeSettings(const ClusterRuntime& cluster) const {
  const config::ClusterConfig& config = cluster.config;
  backup::Settings settings{.cluster = cluster.cluster, .config = *config.backup};
  if (cluster.hash_checker) {
    settings.distrust = [mismatched = cluster.hash_checker->mismatched()] {
      const int members = mismatched->load();
      if (members == 0) return std::string();
      return "the last consistency check found " + std::to_string(members) +
             " members that hold other data than the rest";
    };
  }
  if (const auto& lock = config.backup->lock) {
    settings.lock = etcd::MakeWorkLock(
        ClusterOptionsOf(config),
        {.prefix = lock->prefix, .holder = ProcessName(), .ttl = lock->ttl}, env().clock);
  }
  settings.highest_revision =
      [highest = cluster.observer->highest_revision()]() -> std::optional<backup::RevisionMark> {
    const auto seen = highest->Get();
    if (!seen) return std::nullopt;
    return backup::RevisionMark{
        .cluster_id = seen->cluster_id, .revision = seen->revision, .at = seen->at};
  };
  if (cluster.copier) {
    settings.on_kept = [copier = std::weak_ptr(cluster.copier)] {
      if (const auto alive = copier.lock()) alive->Wake();
    };
  }
  return settings;
}

void Runtime::Declare() {
  for (const auto& cluster : clusters_) {
    instruments().DeclareCluster(cluster->config.name, cluster->worker != nullptr);
  }
}

void Runtime::Start(const Runtime* previous) {
  for (const auto& cluster : clusters_) {
    const bool is_new = !previous || previous->FindCluster(cluster->config.name) != cluster;
    if (is_new && cluster->hash_checker) cluster->hash_checker->Start(stop_token());
    if (!cluster->worker) continue;
    if (previous != nullptr && previous->Uses(*cluster->worker)) {
      if (is_new) cluster->worker->Use(MakeSettings(*cluster));
    } else {
      cluster->worker->Use(MakeSettings(*cluster));
      cluster->worker->Start(stop_token());
    }
    if (is_new && cluster->copier) cluster->copier->Start(stop_token());
  }
  StartDrills(previous);
}

void Runtime::Retire(const Runtime& previous) {
  for (const auto& before : previous.clusters()) {
    if (before->worker && !Uses(*before->worker)) before->worker->Retire();
    if (!FindCluster(before->config.name)) instruments().ForgetCluster(before->config.name);
  }
}

bool Runtime::Uses(const backup::Worker& worker) const {
  return std::any_of(clusters_.begin(), clusters_.end(),
                     [&](const auto& cluster) { return cluster->worker.get() == &worker; });
}

bool Runtime::Uses(const restore::DrillWorker& drills) const {
  return std::any_of(clusters_.begin(), clusters_.end(),
                     [&](const auto& cluster) { return cluster->drills.get() == &drills; });
}

std::shared_ptr<ClusterRuntime> Runtime::FindCluster(std::string_view name) const {
  for (const auto& cluster : clusters_) {
    if (cluster->config.name == name) return cluster;
  }
  return nullptr;
}

std::optional<backup::Job> Runtime::FindJob(std::string_view id) const {
  for (const auto& cluster : clusters_) {
    if (!cluster->worker) continue;
    if (auto job = cluster->worker->Find(id)) return job;
  }
  return std::nullopt;
}

Admission::Permit Runtime::Admit() {
  Admission::Permit permit = common_.admission.TryEnter(config()->scrape.max_concurrent);
  if (!permit) instruments().ScrapeRejected(metrics::Rejection::kOverload);
  return permit;
}

}  // namespace warden::app
