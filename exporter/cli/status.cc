#include <memory>
#include <ostream>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/cli/connection.h"
#include "exporter/cli/output.h"
#include "exporter/cli/survey.h"

namespace warden::cli {
namespace {

const Row kHeader = {"ENDPOINT",
                     "ID",
                     "NAME",
                     "VERSION",
                     "DB SIZE",
                     "IN USE",
                     "IS LEADER",
                     "IS LEARNER",
                     "RAFT TERM",
                     "RAFT INDEX",
                     "RAFT APPLIED INDEX",
                     "ERRORS",
                     "STATE"};

std::string Bool(bool value) {
  return value ? "true" : "false";
}

std::string StateOf(const Report& report) {
  return report.faults.empty() ? "ok" : "FAULTY";
}

Row ToRow(const Report& report) {
  const std::string name = report.listed ? report.listed->name : "";
  if (!report.status) {
    const std::string id = report.listed ? FormatId(report.listed->id) : "";
    return {report.endpoint, id, name, "", "", "", "", "", "", "", "", "", StateOf(report)};
  }
  const etcd::MemberStatus& status = *report.status;
  return {report.endpoint,
          FormatId(status.member_id),
          name,
          status.version,
          FormatBytes(static_cast<std::uint64_t>(status.db_bytes)),
          FormatBytes(static_cast<std::uint64_t>(status.db_in_use_bytes)),
          Bool(status.leader_id == status.member_id),
          Bool(status.is_learner),
          std::to_string(status.raft_term),
          std::to_string(status.raft_index),
          std::to_string(status.raft_applied_index),
          Join(status.errors, ", "),
          StateOf(report)};
}

Json ToJson(const Report& report) {
  Json json{{"endpoint", report.endpoint}};
  if (report.listed) {
    json["member_id"] = FormatId(report.listed->id);
    json["name"] = report.listed->name;
    json["is_learner"] = report.listed->is_learner;
  }
  if (report.status) {
    const etcd::MemberStatus& status = *report.status;
    json["member_id"] = FormatId(status.member_id);
    json["cluster_id"] = FormatId(status.cluster_id);
    json["version"] = status.version;
    if (status.storage_version) json["storage_version"] = *status.storage_version;
    json["db_size"] = status.db_bytes;
    json["db_size_in_use"] = status.db_in_use_bytes;
    if (status.quota_bytes) json["db_size_quota"] = *status.quota_bytes;
    json["is_leader"] = status.leader_id == status.member_id;
    json["is_learner"] = status.is_learner;
    json["leader"] = FormatId(status.leader_id);
    json["revision"] = status.revision;
    json["raft_term"] = status.raft_term;
    json["raft_index"] = status.raft_index;
    json["raft_applied_index"] = status.raft_applied_index;
    json["errors"] = status.errors;
  }
  json["healthy"] = report.faults.empty();
  json["faults"] = report.faults;
  return json;
}

// Name and endpoint, as far as there are any; a member that never started has neither.
std::string NameOf(const Report& report) {
  std::vector<std::string> parts;
  if (report.listed && !report.listed->name.empty()) parts.push_back(report.listed->name);
  if (!report.endpoint.empty()) parts.push_back(report.endpoint);
  if (parts.empty() && report.listed) parts.push_back("member " + FormatId(report.listed->id));
  return Join(parts, " ");
}

// Below the table, where there is room for reasons.
void PrintFaults(Console& console, const std::vector<Report>& reports) {
  for (const Report& report : reports) {
    if (report.faults.empty()) continue;
    console.out << NameOf(report) << ": " << Join(report.faults, "; ") << "\n";
  }
}

struct Flags {
  ConnectionFlags connection;
  FormatFlag format;
};

int RunStatus(Console& console, const Flags& flags, const Clock& clock,
              const ConnectionFlags::Target& target) {
  std::vector<Row> rows;
  Json json = Json::array();
  bool healthy = true;
  const std::vector<Report> reports = Survey(target.options, clock, target.deadline);
  for (const Report& report : reports) {
    rows.push_back(ToRow(report));
    json.push_back(ToJson(report));
    healthy = healthy && report.faults.empty();
  }
  Print(console, flags.format.format(), kHeader, rows, json);
  if (flags.format.format() == Format::kTable) PrintFaults(console, reports);
  return healthy ? kSuccess : kFailed;
}

}  // namespace

Run DeclareStatus(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->connection.Declare(app, "5s");
  flags->format.Declare(app);
  return OnTarget(std::move(flags), RunStatus);
}

}  // namespace warden::cli
