#include <algorithm>

#include "exporter/collector/render.h"
#include "exporter/metrics/instruments.h"
#include "exporter/metrics/labels.h"

namespace warden::collector {
namespace {

using metrics::Label;
using metrics::Page;
using metrics::Rpc;

template <typename T>
void RenderRpc(Page& page, const Label& cluster, const Label& endpoint, Rpc name,
               const etcd::RpcOutcome<T>& outcome) {
  const Label rpc{metrics::kRpcLabel, metrics::RpcName(name)};
  page.Gauge(
      "endpoint_rpc_success",
      "1 if the call to the endpoint succeeded in this scrape; absent if it was not sent, as a "
      "learner answers Status only.",
      outcome.ok() ? 1 : 0, {cluster, endpoint, rpc});
  page.Gauge("endpoint_rpc_duration_seconds",
             "Time from sending the call to its answer, its failure or the end of the budget.",
             ToSeconds(outcome.duration), {cluster, endpoint, rpc});
}

void RenderEndpoint(Page& page, const Label& cluster, const etcd::EndpointView& view) {
  const Label endpoint{metrics::kEndpointLabel, view.endpoint.url};
  page.Gauge("endpoint_up",
             "1 if the configured endpoint answered Status within the scrape budget.",
             view.status.ok() ? 1 : 0, {cluster, endpoint});
  page.Gauge("endpoint_tls", "1 if the endpoint is dialled with TLS.", view.endpoint.tls ? 1 : 0,
             {cluster, endpoint});
  RenderRpc(page, cluster, endpoint, Rpc::kStatus, view.status);
  if (view.member_list) {
    RenderRpc(page, cluster, endpoint, Rpc::kMemberList, *view.member_list);
  }
}

void RenderSampleSkew(Page& page, const Label& cluster, const etcd::ClusterView& view) {
  SteadyTime first = SteadyTime::max();
  SteadyTime last = SteadyTime::min();
  for (const etcd::EndpointView& endpoint : view.endpoints) {
    if (!endpoint.status.ok()) continue;
    first = std::min(first, endpoint.status.finished);
    last = std::max(last, endpoint.status.finished);
  }
  if (first > last) return;
  page.Gauge(
      "scrape_sample_skew_seconds",
      "Time between the first and the last Status answer: members compared with each other may "
      "differ by what the cluster did meanwhile.",
      ToSeconds(last - first), {cluster});
}

}  // namespace

void RenderReachability(Page& page, const Subject& subject) {
  const Label cluster{metrics::kClusterLabel, subject.cluster};
  const bool up = std::any_of(subject.view.endpoints.begin(), subject.view.endpoints.end(),
                              [](const etcd::EndpointView& view) { return view.status.ok(); });
  page.Gauge("up",
             "1 if at least one endpoint of the cluster answered Status within the scrape budget.",
             up ? 1 : 0, {cluster});
  for (const etcd::EndpointView& view : subject.view.endpoints) RenderEndpoint(page, cluster, view);
  page.Gauge("scrape_duration_seconds", "Time that asking all endpoints at once took.",
             ToSeconds(subject.view.duration), {cluster});
  page.Gauge("scrape_timeout_seconds",
             "Budget of this scrape: the least of the configured timeout and what Prometheus' own "
             "leaves after the configured offset.",
             ToSeconds(subject.budget), {cluster});
  page.Gauge("scrape_shared",
             "1 if this page was rendered from a fan-out that a concurrent scrape had started.",
             subject.shared ? 1 : 0, {cluster});
  RenderSampleSkew(page, cluster, subject.view);
}

}  // namespace warden::collector
