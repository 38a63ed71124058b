#include "exporter/app/probe.h"

#include <string>

#include "exporter/app/describe.h"
#include "exporter/app/scrape.h"
#include "exporter/app/targets.h"
#include "exporter/base/text.h"

namespace warden::app {
namespace {

using metrics::Rejection;

struct Question {
  std::string cluster;
  std::string target;
  std::string module;
  bool debug = false;
};

Result<Question> ReadQuestion(const http::Request& request) {
  Question question{.cluster = http::QueryValue(request, "cluster"),
                    .target = http::QueryValue(request, "target"),
                    .module = http::QueryValue(request, "module")};
  if (question.cluster.empty() == question.target.empty()) {
    return Status(Code::kInvalidArgument,
                  "want /probe?cluster=NAME or /probe?target=HOST:PORT&module=NAME");
  }
  const std::string debug = http::QueryValue(request, "debug");
  if (debug != "" && debug != "true" && debug != "false") {
    return Status(Code::kInvalidArgument, "debug must be true or false");
  }
  question.debug = debug == "true";
  return question;
}

http::Response Answer(Runtime& runtime, ClusterRuntime& cluster, const Deadline& deadline,
                      Milliseconds budget, bool debug) {
  const collector::Observed observed = cluster.observer->Observe(deadline);
  metrics::Page page;
  RenderCluster(page, runtime, cluster, observed, budget);
  RenderAtRisk(page, cluster, observed, RenderBackups(page, runtime.env(), cluster));
  if (!debug) return PageResponse(page);
  const std::string account = DescribeObservation({.cluster = cluster.config.name,
                                                   .view = observed.observation->Wait(),
                                                   .known = cluster.observer->Known(),
                                                   .budget = budget,
                                                   .shared = observed.shared,
                                                   .quota_backend_bytes = {}});
  return {.code = 200, .body = account + "\nMetrics:\n" + page.Text()};
}

http::Response UnknownCluster(Runtime& runtime, const std::string& name) {
  runtime.instruments().ScrapeRejected(Rejection::kUnknownCluster);
  return http::ErrorResponse(
      400, "no cluster \"" + ToSingleLine(name, 64) + "\" is configured; GET /sd lists them");
}

http::Response Refuse(Runtime& runtime, const Status& failure) {
  if (failure.code() == Code::kInvalidArgument) {
    return http::ErrorResponse(400, failure.message());
  }
  // A look-up that failed for now breaks no rule.
  if (failure.code() != Code::kPermissionDenied) {
    return http::ErrorResponse(503, failure.message());
  }
  runtime.instruments().ScrapeRejected(Rejection::kTargetNotAllowed);
  return http::ErrorResponse(403, failure.message());
}

}  // namespace

http::Response Probe(Runtime& runtime, const http::Request& request) {
  const Result<Question> question = ReadQuestion(request);
  if (!question.ok()) return http::ErrorResponse(400, question.error().message());
  std::shared_ptr<ClusterRuntime> cluster;
  if (!question->cluster.empty()) {
    cluster = runtime.FindCluster(question->cluster);
    if (!cluster) return UnknownCluster(runtime, question->cluster);
  } else if (runtime.targets() == nullptr) {
    return Refuse(runtime, {Code::kPermissionDenied,
                            "no target is allowed: the configuration has no section probe"});
  }
  const Admission::Permit permit = runtime.Admit();
  if (!permit) return BusyResponse();
  const Milliseconds budget = RequestBudget(runtime, request);
  const Deadline deadline{.at = runtime.env().clock.Steady() + budget,
                          .stop = runtime.stop_token()};
  if (!cluster) {
    const auto target = runtime.targets()->Find(question->target, question->module, deadline.at);
    if (!target.ok()) return Refuse(runtime, target.error());
    cluster = {*target, &(*target)->runtime};
  }
  return Answer(runtime, *cluster, deadline, budget, question->debug);
}

}  // namespace warden::app
