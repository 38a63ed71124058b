#include "exporter/app/drills.h"

#include <string>
#include <utility>

#include "exporter/base/json.h"

namespace warden::app {

http::Response ListDrills(Runtime& runtime, const http::Request& request) {
  const auto wanted = request.query.find("cluster");
  Json drills = Json::array();
  bool found = wanted == request.query.end();
  for (const auto& cluster : runtime.clusters()) {
    if (wanted != request.query.end() && cluster->config.name != wanted->second) continue;
    found = true;
    if (!cluster->drill_history) continue;
    const restore::DrillHistory::Receipts receipts = cluster->drill_history->Read();
    for (const restore::DrillReceipt& receipt : *receipts) drills.push_back(ToJson(receipt));
  }
  if (!found) return http::ErrorResponse(404, "no such cluster");
  return {.code = 200,
          .content_type = "application/json",
          .body = DumpJson({{"drills", std::move(drills)}}) + "\n"};
}

}  // namespace warden::app
