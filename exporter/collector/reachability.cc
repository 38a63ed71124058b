#include <algorithm>

#include "exporter/collector/render.h"
#include "exporter/etcd/membership.h"
#include "exporter/metrics/instruments.h"
#include "exporter/metrics/labels.h"

namespace warden::collector {
namespace {

using metrics::Label;
using metrics::Page;
using metrics::Rpc;

void RenderEndpoint(Page& page, const std::string& name, const etcd::EndpointView& view) {
  const Label cluster{metrics::kClusterLabel, name};
  const Label endpoint{metrics::kEndpointLabel, view.endpoint.url};
  page.Gauge("endpoint_up",
             "1 if the endpoint, configured or discovered, answered Status within the scrape "
             "budget; a server that refuses our user is up, see endpoint_rpc_success.",
             etcd::IsAnswered(view.status) ? 1 : 0, {cluster, endpoint});
  page.Gauge("endpoint_tls", "1 if the endpoint is dialled with TLS.", view.endpoint.tls ? 1 : 0,
             {cluster, endpoint});
  const std::string& url = view.endpoint.url;
  RenderRpc(page, name, url, Rpc::kStatus, view.status.ok(), view.status.duration);
  if (view.member_list) {
    RenderRpc(page, name, url, Rpc::kMemberList, view.member_list->ok(),
              view.member_list->duration);
  }
}

void RenderSampleSkew(Page& page, const Label& cluster, const Subject& subject) {
  SteadyTime first = SteadyTime::max();
  SteadyTime last = SteadyTime::min();
  for (const auto& [id, endpoint] : etcd::StatusByMember(subject.view, subject.cluster_id())) {
    first = std::min(first, endpoint->status.finished);
    last = std::max(last, endpoint->status.finished);
  }
  if (first > last) return;
  page.Gauge(
      "scrape_sample_skew_seconds",
      "Time between the first and the last Status answer: members compared with each other may "
      "differ by what the cluster did meanwhile.",
      ToSeconds(last - first), {cluster});
}

bool IsUp(const Subject& subject) {
  const auto main = etcd::MainClusterId(subject.view, subject.cluster_id());
  return std::any_of(subject.view.endpoints.begin(), subject.view.endpoints.end(),
                     [&](const etcd::EndpointView& view) {
                       const auto sender = etcd::IdentityOf(view);
                       const bool stranger = sender && sender->cluster_id != main;
                       return etcd::IsAnswered(view.status) && !stranger;
                     });
}

}  // namespace

void RenderRpc(Page& page, const std::string& cluster, const std::string& url, Rpc rpc, bool ok,
               Nanoseconds duration) {
  const Label cluster_label{metrics::kClusterLabel, cluster};
  const Label endpoint{metrics::kEndpointLabel, url};
  const Label call{metrics::kRpcLabel, metrics::RpcName(rpc)};
  page.Gauge("endpoint_rpc_success",
             "1 if the call to the endpoint succeeded in this scrape, for hash_kv in the last "
             "consistency check; absent if it was not sent, as a learner answers Status only.",
             ok ? 1 : 0, {cluster_label, endpoint, call});
  page.Gauge("endpoint_rpc_duration_seconds",
             "Time from sending the call to its answer, its failure or the end of the budget.",
             ToSeconds(duration), {cluster_label, endpoint, call});
}

void RenderReachability(Page& page, const Subject& subject) {
  const Label cluster{metrics::kClusterLabel, subject.cluster};
  page.Gauge("up",
             "1 if at least one endpoint of the cluster answered Status within the scrape budget; "
             "one that turns out to belong to another cluster does not count.",
             IsUp(subject) ? 1 : 0, {cluster});
  for (const etcd::EndpointView& view : subject.view.endpoints) {
    RenderEndpoint(page, subject.cluster, view);
  }
  page.Gauge("scrape_duration_seconds", "Time that asking all endpoints at once took.",
             ToSeconds(subject.view.duration), {cluster});
  page.Gauge("scrape_timeout_seconds",
             "Budget of this scrape: the least of the configured timeout and what Prometheus' own "
             "leaves after the configured offset.",
             ToSeconds(subject.budget), {cluster});
  page.Gauge("scrape_shared",
             "1 if this page was rendered from a fan-out that a concurrent scrape had started.",
             subject.shared ? 1 : 0, {cluster});
  RenderSampleSkew(page, cluster, subject);
}

void RenderChannels(Page& page, const etcd::ChannelStates& channels) {
  for (const auto& [state, count] : channels) {
    page.Gauge("exporter_grpc_channels",
               "Connections to etcd by their state; idle ones connect when they are used.", count,
               {{"state", std::string(state)}});
  }
}

}  // namespace warden::collector
