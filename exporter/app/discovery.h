// Prometheus' HTTP service discovery (https://prometheus.io/docs/prometheus/latest/http_sd/): which
// probes there are, and where the members' own metrics are.
#pragma once

#include <string>

#include "exporter/app/public_address.h"
#include "exporter/app/runtime.h"
#include "exporter/base/json.h"
#include "exporter/http/server.h"

namespace warden::app {

// GET /sd: one target per configured cluster, which is /probe?cluster=NAME of this program. Without
// an external URL its address is what the request was sent to, and its scheme that of the job.
http::Response DiscoverProbes(const Runtime& runtime, const PublicAddress& address,
                              const http::Request& request);

// What replaces parts of the members' client URLs; empty: nothing.
struct NativeOptions {
  std::string scheme;
  std::string port;
};

// One target for each member with an HTTP client URL, labelled __meta_etcd_*. Pure.
Json NativeTargets(const std::string& cluster, const collector::KnownMembers& known,
                   const etcd::ClusterView& view, const NativeOptions& options);

// GET /sd/native: the /metrics of every listed member, at its first client URL, with __meta_etcd_*
// labels. `cluster` limits it to one; `port` and `scheme` replace those of the client URL (kubeadm
// serves metrics at http, port 2381). Asks etcd now, within scrape.timeout; a cluster that does
// not answer keeps its last list. 503, naming them, if clusters have no list yet (after a start
// during their outage), so that Prometheus keeps the targets it has: `cluster` lists the others.
// 503 also as for a scrape if too many are being answered.
http::Response DiscoverMembers(Runtime& runtime, const http::Request& request);

}  // namespace warden::app
