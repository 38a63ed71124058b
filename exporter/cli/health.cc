#include <memory>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/cli/connection.h"
#include "exporter/cli/output.h"

namespace warden::cli {
namespace {

const Row kHeader = {"ENDPOINT", "HEALTH", "TOOK", "ERROR"};

struct Flags {
  ConnectionFlags connection;
  FormatFlag format;
};

// A read that goes through says nothing of alarms, which stop writes: they come with Status.
std::string AlarmsOf(const etcd::EndpointView& endpoint) {
  if (!endpoint.status.ok()) return "";
  std::vector<std::string> names;
  for (const etcd::Alarm& alarm : endpoint.status.value->alarms) {
    names.emplace_back(etcd::AlarmName(alarm.type));
  }
  return names.empty() ? "" : "active alarms: " + Join(names, ", ");
}

int RunHealth(Console& console, const Flags& flags, const Clock& clock,
              const ConnectionFlags::Target& target) {
  const auto cluster = etcd::MakeCluster(target.options, clock);
  const auto observation = cluster->Observe(target.deadline);
  const std::vector<etcd::EndpointHealth> answers = cluster->CheckHealth(target.deadline);
  const etcd::ClusterView& view = observation->Wait();
  std::vector<Row> rows;
  Json json = Json::array();
  bool all_healthy = true;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const etcd::EndpointHealth& answer = answers[i];
    const std::string error = answer.error ? answer.error->message : AlarmsOf(view.endpoints[i]);
    const bool healthy = error.empty() && !answer.error;
    all_healthy = all_healthy && healthy;
    rows.push_back({answer.endpoint.url, healthy ? "true" : "false",
                    FormatDuration(std::chrono::ceil<Milliseconds>(answer.duration)), error});
    json.push_back({{"endpoint", answer.endpoint.url},
                    {"healthy", healthy},
                    {"took_seconds", ToSeconds(answer.duration)},
                    {"error", healthy ? Json(nullptr) : Json(error)}});
  }
  Print(console, flags.format.format(), kHeader, rows, json);
  return all_healthy ? kSuccess : kFailed;
}

}  // namespace

Run DeclareHealth(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->connection.Declare(app, "5s");
  flags->format.Declare(app);
  return OnTarget(std::move(flags), RunHealth);
}

}  // namespace warden::cli
