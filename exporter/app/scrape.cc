#include "exporter/app/scrape.h"

#include <vector>

#include "exporter/app/build.h"
#include "exporter/backup/render.h"
#include "exporter/collector/budget.h"
#include "exporter/collector/render.h"
#include "exporter/metrics/process.h"

namespace warden::app {
namespace {

void RenderCluster(metrics::Page& page, ClusterRuntime& cluster,
                   const collector::Observed& observed, Milliseconds budget) {
  const etcd::ClusterView& view = observed.observation->Wait();
  cluster.observer->Remember(view);
  collector::Render(page, {.cluster = cluster.config.name,
                           .view = view,
                           .known = cluster.observer->Known(),
                           .budget = budget,
                           .shared = observed.shared,
                           .quota_backend_bytes = cluster.config.quota_backend_bytes});
}

void RenderBackups(metrics::Page& page, const Env& env, const ClusterRuntime& cluster) {
  backup::Subject subject{.cluster = cluster.config.name,
                          .listing = {},
                          .jobs = cluster.worker->History(),
                          .objective = cluster.config.backup->objective,
                          .free_bytes = {},
                          .now = env.clock.Now()};
  if (auto listing = cluster.worker->List(); listing.ok()) {
    subject.listing = *std::move(listing);
  } else {
    env.log.Log(LogLevel::kError, "cannot read the catalogue",
                {{"etcd_cluster", cluster.config.name}, {"error", listing.error()}});
  }
  if (const auto free = env.files.FreeBytes(cluster.worker->directory()); free.ok()) {
    subject.free_bytes = *free;
  }
  backup::Render(page, subject);
}

void RenderSelf(metrics::Page& page, Runtime& runtime) {
  std::size_t queued = 0;
  for (const ClusterRuntime& cluster : runtime.clusters()) {
    if (cluster.worker) queued += cluster.worker->QueueDepth();
  }
  page.Gauge("webhook_queue_depth", "Backups requested and not yet started.",
             static_cast<double>(queued), {});
  page.Add(runtime.instruments().Collect());
  metrics::RenderBuildInfo(page, CurrentBuild());
  metrics::RenderProcess(page, metrics::ReadProcess(runtime.env().files));
}

}  // namespace

std::string Scrape(Runtime& runtime, std::optional<std::string_view> timeout_header) {
  const Milliseconds budget = collector::ScrapeBudget(timeout_header, runtime.config().scrape);
  const Deadline deadline{.at = runtime.env().clock.Steady() + budget,
                          .stop = runtime.stop_token()};
  std::vector<collector::Observed> observed;
  for (ClusterRuntime& cluster : runtime.clusters()) {
    observed.push_back(cluster.observer->Observe(deadline));
  }
  metrics::Page page;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    RenderCluster(page, runtime.clusters()[i], observed[i], budget);
  }
  for (const ClusterRuntime& cluster : runtime.clusters()) {
    if (cluster.worker) RenderBackups(page, runtime.env(), cluster);
  }
  RenderSelf(page, runtime);
  return page.Text();
}

}  // namespace warden::app
