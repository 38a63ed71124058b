#include "exporter/app/backups.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "exporter/app/bearer.h"
#include "exporter/base/json.h"
#include "exporter/base/text.h"

namespace warden::app {
namespace {

constexpr std::size_t kClassBytesMax = 128;

http::Response JsonResponse(int code, const Json& json) {
  return {.code = code, .content_type = "application/json", .body = DumpJson(json) + "\n"};
}

// By backup: the destinations that have a copy.
std::map<std::string, Json> CopiesOf(const ClusterRuntime& cluster) {
  std::map<std::string, Json> copies;
  if (!cluster.copier) return copies;
  for (const auto& destination : cluster.copier->destinations()) {
    const auto list = destination->store().List();
    if (!list.ok()) continue;
    for (const backup::Manifest& copy : *list) {
      copies[copy.id].push_back({{"destination", destination->config().name},
                                 {"file", copy.stored->file},
                                 {"size_bytes", copy.stored->size_bytes},
                                 {"proof", copy.stored->proof}});
    }
  }
  return copies;
}

void AppendBackups(const ClusterRuntime& cluster, Json& backups, Json& strangers) {
  const Result<backup::Listing> listing = cluster.worker->List();
  if (!listing.ok()) {
    strangers.push_back({{"cluster", cluster.config.name},
                         {"name", cluster.worker->directory().string()},
                         {"reason", listing.error().message()},
                         {"damaged", true}});
    return;
  }
  std::map<std::string, Json> copies = CopiesOf(cluster);
  for (const backup::Manifest& backup : listing->backups) {
    Json json = backup::ToJson(backup);
    const auto found = copies.find(backup.id);
    json["copies"] = found == copies.end() ? Json::array() : std::move(found->second);
    if (const backup::Manifest* original = listing->OriginalOf(backup)) {
      json["duplicate_of"] = original->id;
    }
    backups.push_back(std::move(json));
  }
  for (const backup::Stranger& stranger : listing->strangers) {
    strangers.push_back({{"cluster", cluster.config.name},
                         {"name", ToValidUtf8(stranger.name)},
                         {"reason", stranger.reason},
                         {"damaged", stranger.damaged}});
  }
}

Status Wrong(const std::string& what) {
  return Status(Code::kInvalidArgument, what);
}

// An unknown field is an error: whoever misspells "hold" must not believe that it holds.
Result<backup::Order> ParseOrder(std::string_view body) {
  backup::Order order;
  if (Trim(body).empty()) return order;
  WARDEN_ASSIGN_OR_RETURN(const ParsedJson json, ParseJson(body));
  if (!json.is_object()) return Wrong("the body is no JSON object");
  for (const auto& [key, value] : json.items()) {
    if (key == "class" && value.is_string()) {
      order.backup_class = value.get<std::string>();
      const bool is_name = !order.backup_class.empty() &&
                           order.backup_class.size() <= kClassBytesMax &&
                           HasOnly(order.backup_class, "_.:-");
      if (!is_name) return Wrong("class: is no name; use letters, digits, _ . : and -");
    } else if (key == "hold" && value.is_string()) {
      WARDEN_ASSIGN_OR_RETURN(const Milliseconds hold, ParseDuration(value.get<std::string>()));
      order.hold = std::chrono::ceil<Seconds>(hold);
      if (order.hold > config::kHoldMax) return Wrong("hold: must be 10y or less");
    } else if (key == "all_members" && value.is_boolean()) {
      order.action = value.get<bool>() ? config::RuleAction::kSnapshotAllMembers
                                       : config::RuleAction::kSnapshot;
    } else {
      return Wrong(
          "\"" + ToSingleLine(key, 64) +
          "\": is unknown, or of the wrong type; known: class (a name), hold (a duration), "
          "all_members (true or false)");
    }
  }
  return order;
}

}  // namespace

http::Response ListBackups(Runtime& runtime, const http::Request& request) {
  const auto wanted = request.query.find("cluster");
  Json backups = Json::array();
  Json strangers = Json::array();
  bool found = wanted == request.query.end();
  for (const auto& cluster : runtime.clusters()) {
    if (wanted != request.query.end() && cluster->config.name != wanted->second) continue;
    found = true;
    if (cluster->worker) AppendBackups(*cluster, backups, strangers);
  }
  if (!found) return http::ErrorResponse(404, "no such cluster");
  return JsonResponse(200, {{"backups", std::move(backups)}, {"strangers", std::move(strangers)}});
}

std::optional<http::Response> AuthenticateApi(Runtime& runtime, const http::Request& request) {
  const auto& api = runtime.config()->api;
  if (!api) {
    return http::ErrorResponse(403, "the configuration has no section api, whose token this needs");
  }
  return CheckBearer(runtime.env(), request, api->bearer_token, "api");
}

http::Response RequestBackup(Runtime& runtime, const http::Request& request,
                             std::string_view rest) {
  constexpr std::string_view kSuffix = "/backups";
  if (!rest.ends_with(kSuffix)) return http::ErrorResponse(404, "no such page");
  rest.remove_suffix(kSuffix.size());
  const std::shared_ptr<ClusterRuntime> cluster = runtime.FindCluster(rest);
  if (!cluster || !cluster->worker) {
    return http::ErrorResponse(404,
                               cluster ? "the cluster has no backup section" : "no such cluster");
  }
  Result<backup::Order> order = ParseOrder(request.body);
  if (!order.ok()) return http::ErrorResponse(400, order.error().message());
  const Result<std::string> id = cluster->worker->Reserve(
      {.trigger = {.kind = metrics::Trigger::kManual}, .order = *std::move(order)});
  if (!id.ok()) return http::ErrorResponse(503, id.error().message());
  const std::optional<backup::Job> job = cluster->worker->Find(*id);
  if (const Status stored = cluster->worker->Confirm(*id); !stored.ok()) {
    runtime.env().log.Log(LogLevel::kError, "cannot store a requested backup", {{"error", stored}});
    return http::ErrorResponse(503, stored.message());
  }
  runtime.env().log.Log(LogLevel::kInfo, "backup requested over HTTP",
                        {{"etcd_cluster", cluster->config.name}, {"job", *id}});
  return JsonResponse(202, {{"job", backup::ToJson(*job)}});
}

}  // namespace warden::app
