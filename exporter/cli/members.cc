#include <memory>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/cli/connection.h"
#include "exporter/cli/output.h"
#include "exporter/etcd/membership.h"

namespace warden::cli {
namespace {

const Row kHeader = {"ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"};

struct Flags {
  ConnectionFlags connection;
  FormatFlag format;
};

// Why there is no list: each endpoint's own reason.
Status NoList(const etcd::ClusterView& view) {
  std::vector<std::string> reasons;
  for (const etcd::EndpointView& endpoint : view.endpoints) {
    std::string reason = "learners do not answer it";
    if (endpoint.status.error) reason = endpoint.status.error->message;
    if (endpoint.member_list && endpoint.member_list->error) {
      reason = endpoint.member_list->error->message;
    }
    reasons.push_back(endpoint.endpoint.url + ": " + reason);
  }
  return Status(Code::kUnavailable,
                "no endpoint answered with a member list: " + Join(reasons, "; "));
}

int RunMembers(Console& console, const Flags& flags, const Clock& clock,
               const ConnectionFlags::Target& target) {
  const auto cluster = etcd::MakeCluster(target.options, clock);
  const auto observation = cluster->Observe(target.deadline);
  const auto members = etcd::AgreedMembers(observation->Wait());
  if (!members) return Fail(console, kFailed, NoList(observation->Wait()));
  std::vector<Row> rows;
  Json json = Json::array();
  for (const etcd::Member& member : *members) {
    const std::string status = member.name.empty() ? "unstarted" : "started";
    rows.push_back({FormatId(member.id), status, member.name, Join(member.peer_urls, ","),
                    Join(member.client_urls, ","), member.is_learner ? "true" : "false"});
    json.push_back({{"id", FormatId(member.id)},
                    {"status", status},
                    {"name", member.name},
                    {"peer_urls", member.peer_urls},
                    {"client_urls", member.client_urls},
                    {"is_learner", member.is_learner}});
  }
  Print(console, flags.format.format(), kHeader, rows, json);
  return kSuccess;
}

}  // namespace

Run DeclareMembers(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->connection.Declare(app, "5s");
  flags->format.Declare(app);
  return OnTarget(std::move(flags), RunMembers);
}

}  // namespace warden::cli
