// A cluster's families, one source file per subject. Every renderer is a pure function: the same
// values make the same page.
//
// To add a family, write one statement `page.Gauge(name, help, value, labels)` in the file of its
// subject: one sentence of help that teaches, and no sample where the value is not known. Run
// collector_test with WARDEN_UPDATE_GOLDEN=1, add the name to the list in tests/app/golden_test.cc,
// and read the difference.
#pragma once

#include <string>

#include "exporter/collector/subject.h"
#include "exporter/etcd/cluster.h"
#include "exporter/metrics/instruments.h"
#include "exporter/metrics/page.h"

namespace warden::collector {

// All of the below that is of one cluster.
void Render(metrics::Page& page, const Subject& subject);

// Who answered, how fast, and within which budget. In reachability.cc.
void RenderReachability(metrics::Page& page, const Subject& subject);

// How one call to one endpoint went. In reachability.cc.
void RenderRpc(metrics::Page& page, const std::string& cluster, const std::string& url,
               metrics::Rpc rpc, bool ok, Nanoseconds duration);

// One series per member: a listed member keeps its membership when it does not answer and loses its
// values; a member of a foreign cluster appears in member_info only. In members.cc.
void RenderMembers(metrics::Page& page, const Subject& subject);

// What only a comparison of the members can tell; what compares answers is absent when there is
// none, and what counts members is absent without a list of them. In cluster.cc.
void RenderCluster(metrics::Page& page, const Subject& subject);

// When certificates expire: those that the endpoints presented, and those of the configured files,
// the latter once per cluster with an empty etcd_endpoint. In certificates.cc.
void RenderCertificates(metrics::Page& page, const Subject& subject);

// Not of one cluster but of the process: connections to all clusters by their state. In
// reachability.cc.
void RenderChannels(metrics::Page& page, const etcd::ChannelStates& channels);

}  // namespace warden::collector
