#include "exporter/app/host.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporter/app/heartbeat.h"
#include "exporter/base/text.h"

namespace warden::app {
namespace {

// What an operator asked for and should not forget.
void WarnAboutUnverified(const config::Config& config, Logger& log) {
  constexpr std::string_view kWarning =
      "insecure_skip_verify: whoever answers is taken for etcd and is sent the password";
  for (const config::ClusterConfig& cluster : config.clusters) {
    if (!cluster.tls.insecure_skip_verify) continue;
    log.Log(LogLevel::kWarn, kWarning, {{"etcd_cluster", cluster.name}});
  }
  if (!config.probe) return;
  for (const config::ProbeModule& module : config.probe->modules) {
    if (!module.tls.insecure_skip_verify) continue;
    log.Log(LogLevel::kWarn, kWarning, {{"module", module.name}});
  }
}

void LogChanges(const config::Config& before, const config::Config& after, Logger& log) {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> removed;
  for (const config::ClusterConfig& cluster : after.clusters) {
    const config::ClusterConfig* old = before.FindCluster(cluster.name);
    if (old == nullptr) {
      added.push_back(cluster.name);
    } else if (*old != cluster) {
      changed.push_back(cluster.name);
    }
  }
  for (const config::ClusterConfig& cluster : before.clusters) {
    if (after.FindCluster(cluster.name) == nullptr) removed.push_back(cluster.name);
  }
  log.Log(LogLevel::kInfo, "reloaded the configuration",
          {{"clusters", after.clusters.size()},
           {"added", Join(added, ",")},
           {"changed", Join(changed, ",")},
           {"removed", Join(removed, ",")}});
}

}  // namespace

Result<std::unique_ptr<Host>> Host::Open(std::filesystem::path config_file, const Env& env) {
  std::unique_ptr<Host> host(new Host(std::move(config_file), env));  // NOLINT: private
  WARDEN_ASSIGN_OR_RETURN(config::ValidConfig config, config::Load(host->config_file_));
  WarnAboutUnverified(*config, env.log);
  WARDEN_ASSIGN_OR_RETURN(std::shared_ptr<Runtime> runtime,
                          Runtime::Build(std::move(config), host->common_));
  runtime->Declare();
  RestoreHeartbeat(*runtime);
  host->common_.instruments.ConfigLoaded(true, env.clock.Now());
  MutexLock lock(host->mutex_);
  host->runtime_ = std::move(runtime);
  return host;
}

void Host::Start() {
  runtime()->Start();
  EndTurn();
}

std::shared_ptr<Runtime> Host::runtime() const {
  MutexLock lock(mutex_);
  return runtime_;
}

bool Host::TryBeginTurn() {
  MutexLock lock(mutex_);
  return !std::exchange(busy_, true);
}

void Host::BeginTurn() {
  MutexLock lock(mutex_);
  while (busy_) changed_.Wait(mutex_);
  busy_ = true;
}

void Host::EndTurn() {
  MutexLock lock(mutex_);
  busy_ = false;
  changed_.NotifyAll();
}

Status Host::Reload() {
  BeginTurn();
  return ReloadInTurn();
}

Status Host::TryReload() {
  if (!TryBeginTurn()) return {Code::kUnavailable, "a reload is already under way; try again"};
  return ReloadInTurn();
}

Status Host::ReloadInTurn() {
  struct Turn {
    ~Turn() { host.EndTurn(); }
    Host& host;
  };
  const Turn turn{*this};
  Status done = ReloadAlone();
  const Env& env = common_.env;
  common_.instruments.ConfigLoaded(done.ok(), env.clock.Now());
  if (!done.ok()) {
    env.log.Log(LogLevel::kError, "cannot reload the configuration, keeping the old one",
                {{"error", done}});
  }
  return done;
}

Status Host::ReloadAlone() {
  WARDEN_ASSIGN_OR_RETURN(config::ValidConfig config, config::Load(config_file_));
  const std::shared_ptr<Runtime> before = runtime();
  if (config.text() == before->config().text()) {
    common_.env.log.Log(LogLevel::kInfo, "the configuration has not changed");
    return {};
  }
  WARDEN_RETURN_IF_ERROR(AwaitDrained());
  WARDEN_ASSIGN_OR_RETURN(const std::shared_ptr<Runtime> next,
                          Runtime::Build(std::move(config), common_, before.get()));
  // Nothing fails from here on.
  next->Declare();
  next->Start(before.get());
  {
    MutexLock lock(mutex_);
    runtime_ = next;
  }
  next->Retire(*before);
  draining_ = {.life = before->life(), .patience = before->config()->scrape.timeout + Seconds(5)};
  WarnAboutUnverified(*next->config(), common_.env.log);
  LogChanges(*before->config(), *next->config(), common_.env.log);
  return {};
}

// Its last requests may hold what the next runtime needs, such as the lock of a catalogue; and so
// there are never more than two.
Status Host::AwaitDrained() const {
  constexpr Milliseconds kStep{10};
  const SteadyTime end = common_.env.clock.Steady() + draining_.patience;
  while (!draining_.life.expired()) {
    if (common_.stop.stop_requested()) return Status(Code::kCancelled, "etcd-warden is stopping");
    if (common_.env.clock.Steady() >= end) {
      return Status(Code::kUnavailable,
                    "requests from before the last reload are still being answered; try again");
    }
    std::this_thread::sleep_for(kStep);
  }
  return {};
}

}  // namespace warden::app
