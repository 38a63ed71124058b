#include "exporter/snapshot/report.h"

#include <utility>

#include "exporter/base/text.h"

namespace warden::snapshot {
namespace {

Json MembersToJson(const etcd::MemberList& members) {
  Json list = Json::array();
  for (const etcd::Member& member : members) {
    list.push_back({{"id", FormatId(member.id)},
                    {"name", member.name},
                    {"peer_urls", member.peer_urls},
                    {"client_urls", member.client_urls},
                    {"is_learner", member.is_learner}});
  }
  return list;
}

Json AlarmsToJson(const std::vector<etcd::Alarm>& alarms) {
  Json list = Json::array();
  for (const etcd::Alarm& alarm : alarms) {
    list.push_back(
        {{"member_id", FormatId(alarm.member_id)}, {"alarm", etcd::AlarmName(alarm.type)}});
  }
  return list;
}

Json KeysToJson(const mvcc::Census& census) {
  Json prefixes = Json::array();
  for (const mvcc::NamedPrefix& each : census.Prefixes(kPrefixesShown)) {
    Json entry;
    if (!each.is_rest) entry["prefix"] = each.prefix;
    entry["records"] = each.count.records;
    entry["live_keys"] = each.count.live_keys;
    entry["bytes"] = each.count.bytes;
    prefixes.push_back(std::move(entry));
  }
  return {{"live", census.live_keys()},        {"records", census.records()},
          {"tombstones", census.tombstones()}, {"leased_records", census.leased_records()},
          {"bytes", census.bytes()},           {"prefixes", prefixes}};
}

}  // namespace

Json ContentsToJson(const mvcc::Inspection& inspection) {
  const mvcc::Contents& contents = inspection.contents;
  Json json{{"revision", inspection.revision()},
            {"compact_revision", contents.compaction().revision},
            {"compaction_finished", contents.compaction().is_finished},
            {"consistent_index", contents.consistent_index.value_or(0)}};
  if (contents.term) json["term"] = *contents.term;
  json["cluster_version"] = contents.cluster_version;
  json["storage_version"] = contents.storage_version;
  if (contents.downgrade) {
    json["downgrade"] = {{"enabled", contents.downgrade->enabled},
                         {"target_version", contents.downgrade->target_version}};
  }
  json["used_bytes"] = inspection.used_bytes;
  json["tree_bytes"] = inspection.tree_bytes;
  json["page_size"] = inspection.meta.page_size;
  json["keys"] = KeysToJson(inspection.census);
  json["members"] = MembersToJson(contents.members);
  json["leases"] = contents.leases;
  json["alarms"] = AlarmsToJson(contents.alarms);
  json["auth"] = {{"enabled", contents.auth_enabled},  {"revision", contents.auth_revision},
                  {"user_count", contents.user_count}, {"role_count", contents.role_count},
                  {"users", contents.users},           {"roles", contents.roles}};
  return json;
}

Json ToJson(const Verification& verification) {
  Json json{{"level", static_cast<int>(verification.level())},
            {"trailer", verification.has_trailer},
            {"digest_checked", verification.has_trailer && !verification.sha256.empty()},
            {"size_bytes", verification.size_bytes}};
  if (!verification.sha256.empty()) {
    json["sha256"] = verification.sha256;
    json["database_sha256"] = verification.database_sha256;
  }
  json["findings"] = {{"level_0", verification.transport},
                      {"level_1", verification.structure},
                      {"level_2", verification.meaning}};
  if (verification.more_findings > 0) json["more_findings"] = verification.more_findings;
  json["warnings"] = verification.warnings;
  return json;
}

Json ToJson(const Attestation& attestation) {
  Json json{{"verdict", VerdictName(attestation.verdict)},
            {"agreed", attestation.agreed},
            {"voters", attestation.voters}};
  if (!attestation.differing.empty()) json["differing"] = attestation.differing;
  if (!attestation.reason.empty()) json["reason"] = attestation.reason;
  return json;
}

}  // namespace warden::snapshot
