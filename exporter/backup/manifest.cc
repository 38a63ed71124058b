#include "exporter/backup/manifest.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

#include "exporter/base/json_fields.h"
#include "exporter/base/text.h"
#include "exporter/snapshot/report.h"

namespace warden::backup {
namespace {

constexpr std::uint64_t kSchema = 1;
constexpr std::uint64_t kLevelMax = 100;  // of any schema to come
constexpr std::string_view kIdShape = "00000000T000000000Z-xxxxxxxx";

// Manifests of before level 3 say nothing of it, which is unattested.
snapshot::Attestation AttestationFromJson(const ParsedJson& json) {
  snapshot::Attestation attestation;
  const std::string verdict = FindString(json, "verdict").value_or("");
  for (const auto each : {snapshot::Verdict::kAttested, snapshot::Verdict::kMismatch}) {
    if (verdict == snapshot::VerdictName(each)) attestation.verdict = each;
  }
  attestation.agreed = static_cast<int>(FindInteger(json, "agreed").value_or(0));
  attestation.voters = static_cast<int>(FindInteger(json, "voters").value_or(0));
  attestation.differing = FindStrings(json, "differing");
  attestation.reason = FindString(json, "reason").value_or("");
  return attestation;
}

Status Damaged(const std::string& field) {
  return Status(Code::kInvalidArgument,
                "the manifest's field \"" + field + "\" is missing or wrong");
}

}  // namespace

std::string MakeId(WallTime now, std::uint32_t random) {
  // "2026-11-23T10:15:00.042Z" without its punctuation.
  std::string id = FormatTime(now);
  std::erase_if(id, [](char c) { return c == '-' || c == ':' || c == '.'; });
  std::array<char, 16> suffix{};
  std::snprintf(suffix.data(), suffix.size(), "-%08x", random);
  return id + suffix.data();
}

bool IsId(std::string_view text) {
  return std::equal(text.begin(), text.end(), kIdShape.begin(), kIdShape.end(),
                    [](char c, char shape) {
                      if (shape == '0') return c >= '0' && c <= '9';
                      if (shape == 'x') return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                      return c == shape;
                    });
}

std::string SnapshotName(std::string_view id) {
  return std::string(id) + ".db";
}

std::string ManifestName(std::string_view id) {
  return std::string(id) + ".json";
}

Manifest DescribeTaken(const snapshot::Taken& taken) {
  Manifest manifest;
  const etcd::MemberStatus& status = taken.source.status;
  manifest.cluster_id = status.cluster_id;
  manifest.member_id = status.member_id;
  manifest.member_name = taken.source.member_name;
  manifest.endpoint = taken.source.endpoint.url;
  manifest.role = snapshot::RoleName(taken.source.role);
  manifest.etcd_version = status.version;
  manifest.storage_version = taken.storage_version;
  manifest.revision_before = status.revision;
  manifest.raft_index_before = status.raft_index;
  manifest.raft_term = status.raft_term;
  manifest.size_bytes = taken.stream.size_bytes;
  manifest.sha256 = taken.stream.sha256;
  manifest.database_sha256 = taken.stream.database_sha256;
  manifest.verification_level = static_cast<int>(taken.level());
  manifest.attestation = taken.attestation;
  if (taken.attestation.verdict == snapshot::Verdict::kMismatch) {
    manifest.quarantined = snapshot::Describe(taken.attestation);
  }
  if (const auto& inspection = taken.verification.inspection) {
    manifest.revision = inspection->revision();
    manifest.contents = snapshot::ContentsToJson(*inspection);
  }
  manifest.notes = taken.notes;
  for (const std::string& warning : taken.verification.warnings) manifest.notes.push_back(warning);
  manifest.started = taken.started;
  manifest.duration = taken.duration;
  return manifest;
}

Json ToJson(const Trigger& trigger) {
  Json json{{"kind", metrics::TriggerName(trigger.kind)}};
  if (!trigger.alertname.empty()) json["alertname"] = trigger.alertname;
  if (!trigger.fingerprint.empty()) json["fingerprint"] = trigger.fingerprint;
  if (!trigger.starts_at.empty()) json["starts_at"] = trigger.starts_at;
  if (!trigger.rule.empty()) json["rule"] = trigger.rule;
  if (!trigger.schedule.empty()) json["schedule"] = trigger.schedule;
  if (!trigger.tick.empty()) json["tick"] = trigger.tick;
  return json;
}

Trigger TriggerFromJson(const ParsedJson& json) {
  const std::string kind = FindString(json, "kind").value_or("");
  return {.kind = metrics::ParseTrigger(kind).value_or(metrics::Trigger::kManual),
          .alertname = FindString(json, "alertname").value_or(""),
          .fingerprint = FindString(json, "fingerprint").value_or(""),
          .starts_at = FindString(json, "starts_at").value_or(""),
          .rule = FindString(json, "rule").value_or(""),
          .schedule = FindString(json, "schedule").value_or(""),
          .tick = FindString(json, "tick").value_or("")};
}

Json ToJson(const Hold& hold) {
  Json json{{"by", hold.by}, {"since", FormatTime(hold.since)}, {"until", TimeOrNull(hold.until)}};
  if (!hold.reason.empty()) json["reason"] = hold.reason;
  return json;
}

// A hold that cannot be read holds for ever: nothing is deleted for a typo.
std::vector<Hold> HoldsFromJson(const ParsedJson& json) {
  std::vector<Hold> holds;
  const ParsedJson* list = FindField(json, "holds");
  if (list == nullptr) return holds;
  if (!list->is_array()) return {{.by = "a list of holds that cannot be read"}};
  for (const ParsedJson& each : *list) {
    Hold& hold = holds.emplace_back();
    hold.by = FindString(each, "by").value_or("");
    hold.since = FindTime(each, "since").value_or(WallTime{});
    hold.until = FindTime(each, "until");
    hold.reason = FindString(each, "reason").value_or("");
  }
  return holds;
}

Json ToJson(const StoredForm& stored) {
  Json json{{"file", stored.file},
            {"compression", stored.compression},
            {"encryption", stored.encryption},
            {"size_bytes", stored.size_bytes},
            {"sha256", stored.sha256}};
  if (!stored.proof.empty()) json["proof"] = stored.proof;
  return json;
}

std::optional<StoredForm> StoredFormFromJson(const ParsedJson& json) {
  const ParsedJson* stored = FindField(json, "stored");
  if (stored == nullptr) return std::nullopt;
  const std::int64_t size = FindInteger(*stored, "size_bytes").value_or(0);
  return StoredForm{.file = FindString(*stored, "file").value_or(""),
                    .compression = FindString(*stored, "compression").value_or(""),
                    .encryption = FindString(*stored, "encryption").value_or(""),
                    .size_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0)),
                    .sha256 = FindString(*stored, "sha256").value_or(""),
                    .proof = FindString(*stored, "proof").value_or("")};
}

// A copy's name says what was done to the snapshot, and nothing else.
bool IsStoredName(std::string_view name, std::string_view file) {
  constexpr std::array<std::string_view, 4> kSuffixes = {"", ".zst", ".age", ".zst.age"};
  return name.starts_with(file) &&
         std::ranges::find(kSuffixes, name.substr(file.size())) != kSuffixes.end();
}

// What stands in `all` and not in `known`, object by object.
Json UnknownFields(const ParsedJson& all, const ParsedJson& known) {
  Json unknown;
  for (const auto& [key, value] : all.items()) {
    const auto found = known.find(key);
    if (found == known.end()) {
      unknown[key] = value;
    } else if (value.is_object() && found->is_object()) {
      if (Json inner = UnknownFields(value, *found); !inner.is_null()) unknown[key] = inner;
    }
  }
  return unknown;
}

void AddUnknown(Json& json, const Json& unknown) {
  for (const auto& [key, value] : unknown.items()) {
    if (!json.contains(key)) {
      json[key] = value;
    } else if (value.is_object() && json[key].is_object()) {
      AddUnknown(json[key], value);
    }
  }
}

Json VerificationToJson(const Manifest& manifest) {
  Json json{{"level", manifest.verification_level}};
  json.update(snapshot::ToJson(manifest.attestation));
  return json;
}

Json ToJson(const Manifest& manifest) {
  Json etcd{{"version", manifest.etcd_version}};
  if (!manifest.storage_version.empty()) etcd["storage_version"] = manifest.storage_version;
  Json json{{"schema", kSchema},
            {"id", manifest.id},
            {"cluster", {{"name", manifest.cluster_name}, {"id", FormatId(manifest.cluster_id)}}},
            {"member",
             {{"id", FormatId(manifest.member_id)},
              {"name", manifest.member_name},
              {"endpoint", manifest.endpoint},
              {"role", manifest.role}}},
            {"etcd", etcd},
            {"revision_before", manifest.revision_before},
            {"raft_index_before", manifest.raft_index_before},
            {"raft_term", manifest.raft_term},
            {"file", manifest.file},
            {"size_bytes", manifest.size_bytes},
            {"sha256", manifest.sha256},
            {"database_sha256", manifest.database_sha256},
            {"verification", VerificationToJson(manifest)},
            {"started", FormatTime(manifest.started)},
            {"created", FormatTime(manifest.created)},
            {"duration_seconds", ToSeconds(manifest.duration)},
            {"trigger", ToJson(manifest.trigger)},
            {"class", manifest.backup_class},
            {"job", manifest.job_id}};
  if (manifest.revision) json["revision"] = *manifest.revision;
  if (!manifest.quarantined.empty()) json["quarantined"] = manifest.quarantined;
  if (!manifest.notes.empty()) json["notes"] = manifest.notes;
  if (!manifest.contents.is_null()) json["contents"] = manifest.contents;
  for (const Hold& hold : manifest.holds) json["holds"].push_back(ToJson(hold));
  if (manifest.stored) json["stored"] = ToJson(*manifest.stored);
  AddUnknown(json, manifest.unknown);
  return json;
}

Result<Manifest> ParseManifest(std::string_view text) {
  WARDEN_ASSIGN_OR_RETURN(const ParsedJson json, ParseJson(text));
  JsonFields root(json);
  const std::uint64_t schema = root.Count("schema");
  if (schema == 0) return Damaged("schema");
  if (schema > kSchema) {
    return Status(Code::kUnimplemented,
                  "the manifest was written by a newer etcd-warden; use that version");
  }
  Manifest manifest;
  manifest.id = root.String("id");
  if (!IsId(manifest.id)) return Damaged("id");
  JsonFields cluster = root.Object("cluster");
  manifest.cluster_name = cluster.String("name");
  manifest.cluster_id = cluster.Id("id");
  JsonFields member = root.Object("member");
  manifest.member_id = member.Id("id");
  manifest.member_name = member.String("name");
  manifest.endpoint = member.String("endpoint");
  manifest.role = member.String("role");
  JsonFields etcd = root.Object("etcd");
  manifest.etcd_version = etcd.String("version");
  manifest.storage_version = etcd.OptionalString("storage_version");
  manifest.revision_before = root.Integer("revision_before");
  manifest.raft_index_before = root.Count("raft_index_before");
  manifest.raft_term = root.Count("raft_term");
  manifest.file = root.String("file");
  manifest.size_bytes = root.Count("size_bytes");
  manifest.sha256 = root.String("sha256");
  manifest.database_sha256 = root.String("database_sha256");
  JsonFields verification = root.Object("verification");
  manifest.verification_level =
      static_cast<int>(std::min<std::uint64_t>(verification.Count("level"), kLevelMax));
  manifest.attestation = AttestationFromJson(json.value("verification", ParsedJson::object()));
  if (FindField(json, "revision") != nullptr) manifest.revision = root.Integer("revision");
  manifest.quarantined = root.OptionalString("quarantined");
  const ParsedJson* quarantined = FindField(json, "quarantined");
  if (quarantined != nullptr && !quarantined->is_string()) return Damaged("quarantined");
  manifest.notes = FindStrings(json, "notes");
  if (const ParsedJson* contents = FindField(json, "contents")) manifest.contents = *contents;
  manifest.started = root.Time("started");
  manifest.created = root.Time("created");
  manifest.duration = root.Duration("duration_seconds");
  manifest.trigger = TriggerFromJson(json.value("trigger", ParsedJson::object()));
  manifest.job_id = FindString(json, "job").value_or("");
  if (root.complaint()) return Damaged(*root.complaint());
  manifest.backup_class = FindString(json, "class").value_or(std::string(config::kManualClass));
  manifest.holds = HoldsFromJson(json);
  manifest.stored = StoredFormFromJson(json);
  // A manifest cannot point out of its directory.
  if (manifest.file != SnapshotName(manifest.id)) return Damaged("file");
  if (manifest.stored && !IsStoredName(manifest.stored->file, manifest.file)) {
    return Damaged("stored.file");
  }
  // The contents are kept as they are, and large.
  Json contents = std::exchange(manifest.contents, {});
  manifest.unknown = UnknownFields(json, ParsedJson(ToJson(manifest)));
  manifest.contents = std::move(contents);
  if (manifest.unknown.is_object()) manifest.unknown.erase("contents");
  return manifest;
}

}  // namespace warden::backup
