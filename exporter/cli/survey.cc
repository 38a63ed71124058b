#include "exporter/cli/survey.h"

#include <algorithm>
#include <map>
#include <set>

#include "exporter/base/text.h"
#include "exporter/etcd/membership.h"

namespace warden::cli {
namespace {

// What one endpoint said.
struct Answer {
  config::Endpoint endpoint;
  etcd::RpcOutcome<etcd::MemberStatus> status;
  std::optional<etcd::RpcOutcome<etcd::MemberList>> member_list;
};

std::vector<Answer> Answers(const etcd::ClusterView& view) {
  std::vector<Answer> answers;
  for (const etcd::EndpointView& endpoint : view.endpoints) {
    answers.push_back({endpoint.endpoint, endpoint.status, endpoint.member_list});
  }
  return answers;
}

// Client URLs of the members that have not answered, but for those asked already.
std::vector<config::Endpoint> Unasked(const etcd::MemberList& members,
                                      const std::vector<Answer>& answers) {
  std::set<std::uint64_t> answered;
  std::set<std::string> asked;
  for (const Answer& answer : answers) {
    asked.insert(answer.endpoint.url);
    if (answer.status.ok()) answered.insert(answer.status.value->member_id);
  }
  std::vector<config::Endpoint> endpoints;
  for (const etcd::Member& member : members) {
    if (answered.contains(member.id)) continue;
    for (const std::string& url : member.client_urls) {
      const auto endpoint = config::ParseEndpoint(url);
      if (endpoint.ok() && asked.insert(url).second) endpoints.push_back(*endpoint);
    }
  }
  return endpoints;
}

// What the cluster is, as far as it is known.
struct Known {
  std::optional<std::uint64_t> cluster_id;
  etcd::MemberList members;

  bool Lists(std::uint64_t id) const {
    return std::any_of(members.begin(), members.end(),
                       [id](const etcd::Member& member) { return member.id == id; });
  }
};

std::vector<std::string> FaultsOf(const etcd::MemberStatus& status, const Known& known) {
  std::vector<std::string> faults;
  if (known.cluster_id && status.cluster_id != *known.cluster_id) {
    faults.push_back("belongs to another cluster, " + FormatId(status.cluster_id));
  }
  if (status.leader_id == 0) faults.emplace_back("knows no leader");
  for (const etcd::Alarm& alarm : status.alarms) {
    const std::string name = "alarm " + std::string(etcd::AlarmName(alarm.type));
    if (alarm.member_id == status.member_id || alarm.member_id == 0) {
      faults.push_back(name);
    } else if (!known.Lists(alarm.member_id)) {
      // It stops the writes of all, and has no row of its own.
      faults.push_back(name + " of " + FormatId(alarm.member_id) + ", which is no member");
    }
  }
  return faults;
}

Report ReportMember(const etcd::Member& member, const std::vector<Answer>& answers,
                    const Known& known) {
  Report report{.endpoint = Join(member.client_urls, ","), .listed = member};
  for (const Answer& answer : answers) {
    if (!answer.status.ok() || answer.status.value->member_id != member.id) continue;
    report.endpoint = answer.endpoint.url;
    report.status = answer.status.value;
    report.faults = FaultsOf(*report.status, known);
    return report;
  }
  if (member.name.empty()) {
    report.faults.emplace_back("was added to the cluster but never started");
    return report;
  }
  for (const Answer& answer : answers) {
    const auto& urls = member.client_urls;
    if (std::find(urls.begin(), urls.end(), answer.endpoint.url) == urls.end()) continue;
    report.faults.push_back("unreachable: " + answer.status.error->message);
  }
  if (report.faults.empty()) report.faults.emplace_back("unreachable: it has no usable client URL");
  return report;
}

// Why a member that answers is in no list.
std::string WhyUnlisted(const Answer& answer) {
  if (answer.member_list && answer.member_list->error) {
    return "member list: " + answer.member_list->error->message;
  }
  return "is in no member list";
}

// Endpoints that belong to no listed member, as far as anybody knows.
std::vector<Report> ReportOthers(const std::vector<Answer>& answers, const Known& known) {
  std::set<std::string> urls;
  for (const etcd::Member& member : known.members) {
    urls.insert(member.client_urls.begin(), member.client_urls.end());
  }
  std::vector<Report> reports;
  for (const Answer& answer : answers) {
    Report report{.endpoint = answer.endpoint.url, .status = answer.status.value};
    if (answer.status.ok()) {
      if (known.Lists(report.status->member_id)) continue;
      report.faults = FaultsOf(*report.status, known);
      report.faults.push_back(WhyUnlisted(answer));
    } else {
      if (urls.contains(answer.endpoint.url)) continue;
      report.faults.push_back("unreachable: " + answer.status.error->message);
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace

std::vector<Report> Survey(const etcd::ClusterOptions& options, const Clock& clock,
                           const Deadline& deadline) {
  // One endpoint that hangs must leave time to ask the members that only the list names.
  const SteadyTime now = clock.Steady();
  const Deadline first_half{.at = now + (deadline.at - now) / 2, .stop = deadline.stop};
  const auto cluster = etcd::MakeCluster(options, clock);
  const auto first = cluster->Observe(first_half);
  const etcd::ClusterView& view = first->Wait();
  std::vector<Answer> answers = Answers(view);
  const Known known{.cluster_id = etcd::MainClusterId(view),
                    .members = etcd::AgreedMembers(view).value_or(etcd::MemberList())};
  const std::vector<config::Endpoint> unasked = Unasked(known.members, answers);
  if (!unasked.empty()) {
    etcd::ClusterOptions rest = options;
    rest.endpoints = unasked;
    const auto others = etcd::MakeCluster(rest, clock);
    const auto second = others->Observe(deadline);
    for (Answer& answer : Answers(second->Wait())) answers.push_back(std::move(answer));
  }
  std::vector<Report> reports;
  for (const etcd::Member& member : known.members) {
    reports.push_back(ReportMember(member, answers, known));
  }
  for (Report& report : ReportOthers(answers, known)) {
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace warden::cli
