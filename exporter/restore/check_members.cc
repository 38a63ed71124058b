#include "exporter/restore/check_members.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "exporter/base/text.h"
#include "exporter/etcd/membership.h"

namespace warden::restore {
namespace {

bool Answered(const ClusterAnswers& answers, std::uint64_t id) {
  return std::ranges::any_of(answers.members, [&](const MemberAnswers& member) {
    return answers.IsOurs(member) && member.identity.member_id == id;
  });
}

std::string WhySilent(const etcd::Member& listed, const ClusterAnswers& answers) {
  if (listed.name.empty()) return "it has not started yet";
  for (const SilentEndpoint& silent : answers.silent) {
    const auto& urls = listed.client_urls;
    if (std::ranges::find(urls, silent.url) != urls.end()) return silent.why;
  }
  return "none of its client URLs could be dialled";
}

std::string WhyMissing(const etcd::Member& wanted, const ClusterAnswers& answers) {
  const std::string who = etcd::Describe(wanted);
  if (!answers.list) return who + " does not answer";
  const etcd::MemberList& list = *answers.list;
  if (const auto listed = std::ranges::find(list, wanted.id, &etcd::Member::id);
      listed != list.end()) {
    return who + " does not answer: " + WhySilent(*listed, answers);
  }
  const auto namesake = std::ranges::find(list, wanted.name, &etcd::Member::name);
  if (namesake == list.end()) return who + " is not in the member list";
  return who + " is listed with the id " + FormatId(namesake->id) +
         ", which comes of other URLs or of another token than the plan's";
}

// Of no cluster that is known, or not among `wanted`.
std::vector<std::string> Strangers(const etcd::MemberList& wanted, const ClusterAnswers& answers) {
  const auto is_wanted = [&](std::uint64_t id) {
    return std::ranges::find(wanted, id, &etcd::Member::id) != wanted.end();
  };
  std::vector<std::string> strangers;
  std::set<std::uint64_t> told;
  for (const MemberAnswers& member : answers.members) {
    const etcd::MemberIdentity& identity = member.identity;
    if (!answers.IsOurs(member)) {
      strangers.push_back(member.endpoint.url + " belongs to another cluster, " +
                          FormatId(identity.cluster_id));
    } else if (!is_wanted(identity.member_id) && told.insert(identity.member_id).second) {
      strangers.push_back(member.endpoint.url + " is the member " + FormatId(identity.member_id) +
                          ", which does not belong here");
    }
  }
  for (const etcd::Member& listed : answers.list.value_or(etcd::MemberList())) {
    if (is_wanted(listed.id) || !told.insert(listed.id).second) continue;
    strangers.push_back(etcd::Describe(listed) + " is listed, and does not belong here");
  }
  return strangers;
}

}  // namespace

etcd::MemberList WantedMembers(const ExpectedCluster& expected, const ClusterAnswers& answers) {
  if (!expected.cluster) return answers.list.value_or(etcd::MemberList());
  etcd::MemberList members;
  for (const NewMember& member : expected.cluster->members) {
    etcd::Member& wanted = members.emplace_back();
    wanted.id = member.id;
    wanted.name = member.name;
  }
  return members;
}

ClusterCheck JudgeMembers(const ExpectedCluster& expected, const ClusterAnswers& answers) {
  constexpr std::string_view kName = "members";
  const etcd::MemberList wanted = WantedMembers(expected, answers);
  std::vector<std::string> problems = Strangers(wanted, answers);
  std::size_t answered = 0;
  for (const etcd::Member& member : wanted) {
    if (Answered(answers, member.id)) {
      ++answered;
    } else {
      problems.push_back(WhyMissing(member, answers));
    }
  }
  if (!answers.list) {
    problems.emplace_back("nobody told the member list");
    for (const SilentEndpoint& silent : answers.silent) {
      problems.push_back(silent.url + ": " + silent.why);
    }
  }
  // Nobody learns by waiting who we are.
  const bool refused =
      !problems.empty() && std::ranges::any_of(answers.silent, &SilentEndpoint::refuses);
  if (refused) problems.emplace_back("give --user, of a user with the role root");
  std::string found = std::to_string(answered) + " of " + std::to_string(wanted.size()) + " answer";
  if (!problems.empty()) {
    return {kName, CheckVerdict::kFailed, found + "; " + Join(problems, "; "), !refused};
  }
  if (expected.cluster) found += ", with the ids of the plan";
  found += " (cluster " + FormatId(answers.cluster_id) + ")";
  if (!expected.cluster) found += "; no plan says which ids they ought to have";
  return {kName, CheckVerdict::kOk, found};
}

}  // namespace warden::restore
