// GET /probe: one cluster, as Prometheus' multi-target exporters do it.
#pragma once

#include "exporter/app/runtime.h"
#include "exporter/http/server.h"

namespace warden::app {

// `cluster=NAME` asks a configured cluster; `target=HOST:PORT&module=NAME` a server that
// probe.allowed_targets allows; `debug=true` answers with an account for people, the page below it.
// 400: neither or both, an unknown cluster or module, a malformed target; 403: a target that is not
// allowed; 503: too many scrapes at once, or a name that cannot be looked up now. A cluster that
// does not answer is a page that says so.
http::Response Probe(Runtime& runtime, const http::Request& request);

}  // namespace warden::app
