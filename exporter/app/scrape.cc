#include "exporter/app/scrape.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "exporter/app/build.h"
#include "exporter/backup/render.h"
#include "exporter/base/text.h"
#include "exporter/collector/budget.h"
#include "exporter/collector/render.h"
#include "exporter/etcd/membership.h"
#include "exporter/offsite/render.h"
#include "exporter/restore/render.h"

namespace warden::app {
namespace {

struct Part {
  std::string_view name;
  bool Selection::*selected;
};
constexpr std::array<Part, 3> kParts = {{{"clusters", &Selection::clusters},
                                         {"backups", &Selection::backups},
                                         {"self", &Selection::self}}};

Self ReadSelf(Runtime& runtime) {
  Self self{.instruments = runtime.instruments(),
            .build = CurrentBuild(),
            .process = metrics::ReadProcess(runtime.env().files)};
  for (const auto& cluster : runtime.clusters()) {
    for (const auto& [state, count] : cluster->cluster->CountChannels()) {
      self.channels[state] += count;
    }
    if (cluster->worker) self.queued += cluster->worker->QueueDepth();
  }
  return self;
}

std::vector<offsite::DestinationSubject> DestinationsOf(
    const offsite::Copier& copier, const std::optional<backup::Listing>& local) {
  std::vector<offsite::DestinationSubject> subjects;
  for (const auto& destination : copier.destinations()) {
    offsite::DestinationSubject& subject = subjects.emplace_back(offsite::DestinationSubject{
        .name = destination->config().name, .state = destination->store().State()});
    if (auto copies = destination->store().List(); copies.ok()) subject.copies = *std::move(copies);
    if (!local) continue;
    if (const auto pending = destination->Pending(*local); pending.ok()) {
      subject.pending = pending->size();
    }
  }
  return subjects;
}

void RenderDrills(metrics::Page& page, const Env& env, const ClusterRuntime& cluster) {
  restore::DrillSubject subject{.cluster = cluster.config.name, .plan = {}, .now = env.clock.Now()};
  if (cluster.drills) {
    subject.plan = {.running = cluster.drills->running(),
                    .interval = cluster.drills->Interval(),
                    .next_run = cluster.drills->NextRun(),
                    .objective = cluster.config.backup->drill->objective};
  }
  restore::RenderDrills(page, subject, *cluster.drill_history->Read());
}

}  // namespace

Result<Selection> ParseSelection(const http::Query& query) {
  const auto [begin, end] = query.equal_range("collect[]");
  if (begin == end) return Selection{.clusters = true, .backups = true, .self = true};
  Selection selection;
  for (auto value = begin; value != end; ++value) {
    bool known = false;
    for (const Part& part : kParts) {
      if (part.name != value->second) continue;
      known = selection.*part.selected = true;
    }
    if (known) continue;
    std::vector<std::string> names;
    names.reserve(kParts.size());
    for (const Part& part : kParts) names.emplace_back(part.name);
    return Status(Code::kInvalidArgument, "collect[]: \"" + ToSingleLine(value->second, 64) +
                                              "\" is none of " + Join(names, ", "));
  }
  return selection;
}

Milliseconds RequestBudget(Runtime& runtime, const http::Request& request) {
  const auto header = request.headers.find(collector::kTimeoutHeader);
  std::optional<std::string_view> timeout;
  if (header != request.headers.end()) timeout = header->second;
  const collector::Budget budget = collector::ScrapeBudget(timeout, runtime.config()->scrape);
  if (!budget.valid_header) runtime.instruments().ScrapeRejected(metrics::Rejection::kBadTimeout);
  return budget.time;
}

void RenderCluster(metrics::Page& page, Runtime& runtime, ClusterRuntime& cluster,
                   const collector::Observed& observed, Milliseconds budget) {
  const etcd::ClusterView& view = observed.observation->Wait();
  cluster.observer->Remember(view);
  cluster.endpoint_log.Note(view, runtime.env());
  collector::Render(page, {.cluster = cluster.config.name,
                           .view = view,
                           .known = cluster.observer->Known(),
                           .budget = budget,
                           .shared = observed.shared,
                           .quota_backend_bytes = cluster.config.quota_backend_bytes,
                           .expected_members = cluster.config.expected_members,
                           .certificates = cluster.certificates->Read()});
  if (cluster.hash_checker) {
    collector::RenderHashKv(page, cluster.config.name, cluster.hash_checker->interval(),
                            cluster.hash_checker->Latest());
  }
}

std::optional<SavedState> RenderBackups(metrics::Page& page, const Env& env,
                                        const ClusterRuntime& cluster) {
  if (!cluster.worker) return std::nullopt;
  backup::Subject subject{.cluster = cluster.config.name,
                          .listing = {},
                          .jobs = cluster.worker->History(),
                          .objective = cluster.config.backup->objective,
                          .free_bytes = {},
                          .next_run = cluster.worker->NextRun(),
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
  if (cluster.copier) {
    offsite::Render(page, cluster.config.name, DestinationsOf(*cluster.copier, subject.listing));
  }
  RenderDrills(page, env, cluster);
  const backup::Manifest* newest = subject.listing ? subject.listing->NewestGood() : nullptr;
  if (newest == nullptr || !newest->revision) return std::nullopt;
  return SavedState{.cluster_id = newest->cluster_id, .revision = *newest->revision};
}

void RenderAtRisk(metrics::Page& page, const ClusterRuntime& cluster,
                  const collector::Observed& observed, const std::optional<SavedState>& saved) {
  const auto known = cluster.observer->Known();
  const auto answers = etcd::StatusByMember(
      observed.observation->Wait(), known ? std::optional(known->cluster_id) : std::nullopt);
  std::optional<std::int64_t> live;
  for (const auto& [id, endpoint] : answers) {
    const etcd::MemberStatus& status = *endpoint->status.value;
    if (saved && status.cluster_id == saved->cluster_id) {
      live = std::max(live.value_or(0), status.revision);
    }
  }
  if (live) backup::RenderAtRisk(page, cluster.config.name, saved->revision, *live);
}

void RenderSelf(metrics::Page& page, const Self& self) {
  page.Gauge("webhook_queue_depth", "Backups requested and not yet started.",
             static_cast<double>(self.queued), {});
  collector::RenderChannels(page, self.channels);
  page.Add(self.instruments.Collect());
  metrics::RenderBuildInfo(page, self.build);
  metrics::RenderProcess(page, self.process);
}

metrics::Page Scrape(Runtime& runtime, const Selection& selection, Milliseconds budget) {
  metrics::Page page;
  std::vector<collector::Observed> observed;
  if (selection.clusters) {
    const Deadline deadline{.at = runtime.env().clock.Steady() + budget,
                            .stop = runtime.stop_token()};
    for (const auto& cluster : runtime.clusters()) {
      observed.push_back(cluster->observer->Observe(deadline));
    }
  }
  // The disk is read while the clusters answer.
  std::vector<std::optional<SavedState>> saved(runtime.clusters().size());
  for (std::size_t i = 0; selection.backups && i < saved.size(); ++i) {
    saved[i] = RenderBackups(page, runtime.env(), *runtime.clusters()[i]);
  }
  for (std::size_t i = 0; i < observed.size(); ++i) {
    RenderCluster(page, runtime, *runtime.clusters()[i], observed[i], budget);
    RenderAtRisk(page, *runtime.clusters()[i], observed[i], saved[i]);
  }
  if (selection.self) RenderSelf(page, ReadSelf(runtime));
  return page;
}

http::Response PageResponse(const metrics::Page& page) {
  return {.code = 200, .content_type = std::string(metrics::kTextFormat), .body = page.Text()};
}

http::Response BusyResponse() {
  http::Response response =
      http::ErrorResponse(503, "too many scrapes at once: see scrape.max_concurrent");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

http::Response AnswerMetrics(Runtime& runtime, const http::Request& request) {
  const Result<Selection> selection = ParseSelection(request.query);
  if (!selection.ok()) return http::ErrorResponse(400, selection.error().message());
  Admission::Permit permit;
  if (selection->clusters || selection->backups) {
    permit = runtime.Admit();
    if (!permit) return BusyResponse();
  }
  return PageResponse(Scrape(runtime, *selection, RequestBudget(runtime, request)));
}

}  // namespace warden::app
