#include "exporter/app/routes.h"

#include <algorithm>

#include "exporter/app/alerts.h"
#include "exporter/app/scrape.h"
#include "exporter/base/json.h"
#include "exporter/collector/budget.h"
#include "exporter/metrics/page.h"
#include "exporter/webhook/notification.h"

namespace warden::app {
namespace {

constexpr std::string_view kJobsPath = "/api/v1/jobs/";
constexpr std::size_t kJobsListed = 100;

http::Response JsonResponse(const Json& json) {
  return {.code = 200, .content_type = "application/json", .body = DumpJson(json) + "\n"};
}

http::Response TextResponse(int code, std::string text) {
  return {.code = code, .body = std::move(text) + "\n"};
}

http::Response Metrics(Runtime& runtime, const http::Request& request) {
  const auto header = request.headers.find(collector::kTimeoutHeader);
  std::optional<std::string_view> timeout;
  if (header != request.headers.end()) timeout = header->second;
  return {.code = 200,
          .content_type = std::string(metrics::kTextFormat),
          .body = Scrape(runtime, timeout)};
}

http::Response ListJobs(const Runtime& runtime) {
  std::vector<backup::Job> jobs;
  for (const ClusterRuntime& cluster : runtime.clusters()) {
    if (!cluster.worker) continue;
    for (backup::Job& job : cluster.worker->History()) jobs.push_back(std::move(job));
  }
  std::sort(jobs.begin(), jobs.end(),
            [](const backup::Job& a, const backup::Job& b) { return a.id > b.id; });
  if (jobs.size() > kJobsListed) jobs.resize(kJobsListed);
  Json list = Json::array();
  for (const backup::Job& job : jobs) list.push_back(backup::ToJson(job));
  return JsonResponse({{"jobs", list}});
}

http::Response ShowJob(const Runtime& runtime, const http::Request& request) {
  const auto job = runtime.FindJob(std::string_view(request.path).substr(kJobsPath.size()));
  if (!job) return http::ErrorResponse(404, "no such job; GET /api/v1/jobs lists the known ones");
  return JsonResponse(backup::ToJson(*job));
}

// A start for people who open the address in a browser.
http::Response Index() {
  return {.code = 200,
          .content_type = "text/html; charset=utf-8",
          .body =
              "<!doctype html>\n<html lang=\"en\"><head><title>etcd-warden</title></head>\n"
              "<body><h1>etcd-warden</h1>\n<ul>\n"
              "<li><a href=\"/metrics\">/metrics</a>: what Prometheus scrapes</li>\n"
              "<li><a href=\"/api/v1/jobs\">/api/v1/jobs</a>: requested backups</li>\n"
              "<li><a href=\"/-/healthy\">/-/healthy</a>, "
              "<a href=\"/-/ready\">/-/ready</a>: for probes</li>\n"
              "</ul></body></html>\n"};
}

}  // namespace

std::vector<http::Route> MakeRoutes(Runtime& runtime) {
  const auto get = [](std::string path, http::Handler handler) {
    return http::Route{.method = "GET", .path = std::move(path), .handler = std::move(handler)};
  };
  using http::Request;
  std::vector<http::Route> routes = {
      get("/", [](const Request&) { return Index(); }),
      get("/metrics", [&runtime](const Request& r) { return Metrics(runtime, r); }),
      get("/-/healthy", [](const Request&) { return TextResponse(200, "etcd-warden is healthy"); }),
      get("/-/ready",
          [&runtime](const Request&) {
            return runtime.stop_token().stop_requested()
                       ? TextResponse(503, "etcd-warden is shutting down")
                       : TextResponse(200, "etcd-warden is ready");
          }),
      get("/api/v1/jobs", [&runtime](const Request&) { return ListJobs(runtime); }),
      get(std::string(kJobsPath), [&runtime](const Request& r) { return ShowJob(runtime, r); })};
  if (runtime.config().webhook) {
    routes.push_back(
        {.method = "POST",
         .path = std::string(kWebhookPath),
         .handler = [&runtime](const Request& r) { return ReceiveAlerts(runtime, r); },
         .guard = [&runtime](const Request& r) { return AuthenticateWebhook(runtime, r); },
         .body_bytes_max = webhook::kBodyBytesMax});
  }
  return routes;
}

}  // namespace warden::app
