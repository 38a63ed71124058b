#include "exporter/app/routes.h"

#include <algorithm>
#include <utility>

#include "exporter/app/alerts.h"
#include "exporter/app/backups.h"
#include "exporter/app/discovery.h"
#include "exporter/app/drills.h"
#include "exporter/app/probe.h"
#include "exporter/app/scrape.h"
#include "exporter/base/json.h"
#include "exporter/webhook/notification.h"

namespace warden::app {
namespace {

using http::Request;

constexpr std::string_view kJobsPath = "/api/v1/jobs/";
constexpr std::size_t kJobsListed = 100;

http::Response JsonResponse(const Json& json) {
  return {.code = 200, .content_type = "application/json", .body = DumpJson(json) + "\n"};
}

http::Response TextResponse(int code, std::string text) {
  return {.code = code, .body = std::move(text) + "\n"};
}

http::Response ListJobs(const Runtime& runtime) {
  std::vector<backup::Job> jobs;
  for (const auto& cluster : runtime.clusters()) {
    if (!cluster->worker) continue;
    for (backup::Job& job : cluster->worker->History()) jobs.push_back(std::move(job));
  }
  std::sort(jobs.begin(), jobs.end(),
            [](const backup::Job& a, const backup::Job& b) { return a.id > b.id; });
  if (jobs.size() > kJobsListed) jobs.resize(kJobsListed);
  Json list = Json::array();
  for (const backup::Job& job : jobs) list.push_back(backup::ToJson(job));
  return JsonResponse({{"jobs", list}});
}

http::Response ShowJob(const Runtime& runtime, std::string_view id) {
  const auto job = runtime.FindJob(id);
  if (!job) return http::ErrorResponse(404, "no such job; GET /api/v1/jobs lists the known ones");
  return JsonResponse(backup::ToJson(*job));
}

http::Response Redirect(std::string location) {
  http::Response response{.code = 302};
  response.headers.emplace_back("Location", std::move(location));
  return response;
}

// A start for people who open the address in a browser; its links hold behind any proxy.
http::Response Index() {
  return {.code = 200,
          .content_type = "text/html; charset=utf-8",
          .body =
              "<!doctype html>\n<html lang=\"en\"><head><title>etcd-warden</title></head>\n"
              "<body><h1>etcd-warden</h1>\n<ul>\n"
              "<li><a href=\"metrics\">/metrics</a>: what Prometheus scrapes</li>\n"
              "<li><a href=\"sd\">/sd</a>, <a href=\"sd/native\">/sd/native</a>: service discovery "
              "of one probe per cluster, and of the members' own metrics</li>\n"
              "<li><form action=\"probe\">/probe: cluster <input name=\"cluster\"> "
              "<label><input type=\"checkbox\" name=\"debug\" value=\"true\"> with an account of "
              "every call</label> <button>ask now</button></form></li>\n"
              "<li><a href=\"api/v1/backups\">/api/v1/backups</a>: the backups</li>\n"
              "<li><a href=\"api/v1/drills\">/api/v1/drills</a>: rehearsed restores</li>\n"
              "<li><a href=\"api/v1/jobs\">/api/v1/jobs</a>: requested backups</li>\n"
              "<li><a href=\"config\">/config</a>: the configuration in use</li>\n"
              "<li><a href=\"-/healthy\">/-/healthy</a>, "
              "<a href=\"-/ready\">/-/ready</a>: for probes</li>\n"
              "</ul></body></html>\n"};
}

http::Response Readiness(Host& host) {
  return host.common().stop.stop_requested() ? TextResponse(503, "etcd-warden is shutting down")
                                             : TextResponse(200, "etcd-warden is ready");
}

// Never waits for another reload: those who ask for it at once would hold all of the server's
// threads.
http::Response Reload(Host& host) {
  const Status reloaded = host.TryReload();
  if (reloaded.ok()) return TextResponse(200, "the running configuration is that of the file");
  if (reloaded.code() != Code::kUnavailable) return TextResponse(500, reloaded.message());
  http::Response response = TextResponse(503, reloaded.message());
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

// A handler that holds the runtime for as long as it runs.
template <typename Answer>
auto WithRuntime(Host& host, Answer answer) {
  return [&host, answer](const Request& request) { return answer(*host.runtime(), request); };
}

std::vector<http::Route> ApiRoutes(Host& host, const PublicAddress& address) {
  const std::size_t skipped = address.prefix.size() + kJobsPath.size();
  const std::size_t behind = address.prefix.size() + kClustersPath.size();
  return {
      {.method = "GET", .path = "/metrics", .handler = WithRuntime(host, AnswerMetrics)},
      {.method = "GET", .path = "/probe", .handler = WithRuntime(host, Probe)},
      {.method = "GET",
       .path = "/sd",
       .handler = WithRuntime(host,
                              [address](Runtime& runtime, const Request& request) {
                                return DiscoverProbes(runtime, address, request);
                              })},
      {.method = "GET", .path = "/sd/native", .handler = WithRuntime(host, DiscoverMembers)},
      {.method = "GET",
       .path = "/config",
       .handler = WithRuntime(host,
                              [](Runtime& runtime, const Request&) {
                                return http::Response{.body = runtime.config().shown()};
                              })},
      {.method = "GET",
       .path = "/api/v1/jobs",
       .handler =
           WithRuntime(host, [](Runtime& runtime, const Request&) { return ListJobs(runtime); })},
      {.method = "GET",
       .path = std::string(kJobsPath),
       .handler = WithRuntime(host,
                              [skipped](Runtime& runtime, const Request& request) {
                                return ShowJob(runtime,
                                               std::string_view(request.path).substr(skipped));
                              })},
      {.method = "GET",
       .path = std::string(kBackupsPath),
       .handler = WithRuntime(host, ListBackups)},
      {.method = "GET", .path = std::string(kDrillsPath), .handler = WithRuntime(host, ListDrills)},
      {.method = "POST",
       .path = std::string(kClustersPath),
       .handler = WithRuntime(host,
                              [behind](Runtime& runtime, const Request& request) {
                                return RequestBackup(runtime, request,
                                                     std::string_view(request.path).substr(behind));
                              }),
       .guard = WithRuntime(host, AuthenticateApi),
       .body_bytes_max = kBackupRequestBytesMax,
       .without_web_auth = true},
      {.method = "POST",
       .path = std::string(kWebhookPath),
       .handler = WithRuntime(host, ReceiveAlerts),
       .guard = WithRuntime(host, AuthenticateWebhook),
       .body_bytes_max = webhook::kBodyBytesMax,
       .without_web_auth = true}};
}

std::vector<http::Route> ManagementRoutes(Host& host, bool health_without_auth) {
  return {{.method = "GET",
           .path = "/-/healthy",
           .handler = [](const Request&) { return TextResponse(200, "etcd-warden is healthy"); },
           .without_web_auth = health_without_auth},
          {.method = "GET",
           .path = "/-/ready",
           .handler = [&host](const Request&) { return Readiness(host); },
           .without_web_auth = health_without_auth},
          {.method = "POST", .path = "/-/reload", .handler = [&host](const Request&) {
             return Reload(host);
           }}};
}

// The page at the top, and the way there.
std::vector<http::Route> TopRoutes(const PublicAddress& address) {
  std::vector<http::Route> routes;
  routes.push_back({.method = "GET",
                    .path = address.prefix + "/",
                    .handler = [](const Request&) { return Index(); },
                    .exact = true});
  if (address.prefix.empty()) return routes;
  for (const std::string& path : {std::string("/"), address.prefix}) {
    routes.push_back(
        {.method = "GET",
         .path = path,
         .handler = [top = address.external_path + "/"](const Request&) { return Redirect(top); }});
  }
  return routes;
}

}  // namespace

std::vector<http::Route> MakeRoutes(Host& host, const RouteOptions& options) {
  std::vector<http::Route> routes = ApiRoutes(host, options.address);
  for (http::Route& route : ManagementRoutes(host, options.health_without_auth)) {
    routes.push_back(std::move(route));
  }
  for (http::Route& route : routes) route.path.insert(0, options.address.prefix);
  for (http::Route& route : TopRoutes(options.address)) routes.push_back(std::move(route));
  return routes;
}

http::Observer MakeObserver(metrics::Instruments& instruments, const RouteOptions& options) {
  return [&instruments, prefix = options.address.prefix](std::string_view handler, int code,
                                                         Nanoseconds duration) {
    if (handler.starts_with(prefix)) handler.remove_prefix(prefix.size());
    if (handler.empty()) handler = "/";
    instruments.HttpAnswered(handler, code, duration);
    if (handler == kWebhookPath) instruments.WebhookAnswered(code);
  };
}

}  // namespace warden::app
