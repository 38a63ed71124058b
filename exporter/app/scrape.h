// The page of /metrics, and the parts of it that other pages share: ask first, then render.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "exporter/app/runtime.h"
#include "exporter/collector/observer.h"
#include "exporter/http/server.h"
#include "exporter/metrics/build_info.h"
#include "exporter/metrics/instruments.h"
#include "exporter/metrics/page.h"
#include "exporter/metrics/process.h"

namespace warden::app {

// What a scrape asks for.
struct Selection {
  bool clusters = false;  // asks every etcd
  bool backups = false;   // the catalogues
  bool self = false;      // what this process knows of itself
};

// From the values of `collect[]`, as node_exporter has it; none selects everything. An unknown one
// is kInvalidArgument and names those there are.
Result<Selection> ParseSelection(const http::Query& query);

// How long the answer to this request may take, by its X-Prometheus-Scrape-Timeout-Seconds. A
// header that makes no sense is counted and stands for the configured timeout.
Milliseconds RequestBudget(Runtime& runtime, const http::Request& request);

// Waits for the observation, remembers what it says, and adds the cluster's families.
void RenderCluster(metrics::Page& page, Runtime& runtime, ClusterRuntime& cluster,
                   const collector::Observed& observed, Milliseconds budget);

// What the newest good backup holds.
struct SavedState {
  std::uint64_t cluster_id = 0;
  std::int64_t revision = 0;
};
// Adds what the cluster's catalogue, jobs, copies and drills say; nothing without a backup section.
// Returns the state of the newest good backup, if there is one that tells.
std::optional<SavedState> RenderBackups(metrics::Page& page, const Env& env,
                                        const ClusterRuntime& cluster);
// What a restore of that would lose now; nothing if either is unknown, or the cluster is another.
void RenderAtRisk(metrics::Page& page, const ClusterRuntime& cluster,
                  const collector::Observed& observed, const std::optional<SavedState>& saved);

// What the process knows of itself. Pure, in all situations the same families.
struct Self {
  std::size_t queued = 0;  // backups, of all clusters
  etcd::ChannelStates channels;
  const metrics::Instruments& instruments;
  metrics::BuildInfo build;
  metrics::ProcessStats process;
};
void RenderSelf(metrics::Page& page, const Self& self);

// The selected parts. Returns within the budget, whatever the clusters do.
metrics::Page Scrape(Runtime& runtime, const Selection& selection, Milliseconds budget);

// 200 with a page, and 503 to a scrape or probe that Runtime::Admit refused.
http::Response PageResponse(const metrics::Page& page);
http::Response BusyResponse();

// GET /metrics. 400 for an unknown selection, 503 at once if too many scrapes are being answered;
// one that wants only `self` always gets it.
http::Response AnswerMetrics(Runtime& runtime, const http::Request& request);

}  // namespace warden::app
