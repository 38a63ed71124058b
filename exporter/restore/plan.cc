#include "exporter/restore/plan.h"

#include <algorithm>
#include <utility>

#include "exporter/base/json_fields.h"
#include "exporter/base/text.h"
#include "exporter/snapshot/digest.h"

namespace warden::restore {
namespace {

constexpr std::uint64_t kSchema = 1;

Status Bad(const std::string& what) {
  return {Code::kInvalidArgument, "the plan cannot be used: " + what};
}

Json ToJson(const OldMember& member) {
  return {{"id", FormatId(member.id)},
          {"name", member.name},
          {"peer_urls", member.peer_urls},
          {"client_urls", member.client_urls},
          {"learner", member.is_learner}};
}

Json ToJson(const SnapshotFacts& snapshot) {
  Json members = Json::array();
  for (const OldMember& member : snapshot.members) members.push_back(ToJson(member));
  return {{"file", snapshot.file},
          {"backup_id", snapshot.backup_id},
          {"size_bytes", snapshot.size_bytes},
          {"database_bytes", snapshot.database_bytes},
          {"sha256", snapshot.sha256},
          {"tree_bytes", snapshot.tree_bytes},
          {"etcd_version", snapshot.etcd_version},
          {"storage_version", snapshot.storage_version},
          {"cluster_version", snapshot.cluster_version},
          {"revision", snapshot.revision},
          {"hash", snapshot.hash ? Json(*snapshot.hash) : Json(nullptr)},
          {"compact_revision", snapshot.compact_revision},
          {"keys", snapshot.keys},
          {"leases", snapshot.leases},
          {"auth_enabled", snapshot.auth_enabled},
          {"users", snapshot.users},
          {"alarms", snapshot.alarms},
          {"cluster_id", FormatId(snapshot.cluster_id)},
          {"taken", TimeOrNull(snapshot.taken)},
          {"kubernetes", snapshot.holds_kubernetes},
          {"members", std::move(members)},
          {"removed_members", snapshot.removed_members}};
}

SnapshotFacts SnapshotFrom(JsonFields fields) {
  SnapshotFacts snapshot{.file = fields.String("file"),
                         .backup_id = fields.String("backup_id"),
                         .size_bytes = fields.Count("size_bytes"),
                         .database_bytes = fields.Count("database_bytes"),
                         .sha256 = fields.String("sha256"),
                         .tree_bytes = fields.Count("tree_bytes"),
                         .etcd_version = fields.String("etcd_version"),
                         .storage_version = fields.String("storage_version"),
                         .cluster_version = fields.String("cluster_version"),
                         .revision = fields.Integer("revision"),
                         .hash = {},
                         .compact_revision = fields.Integer("compact_revision"),
                         .keys = fields.Count("keys"),
                         .leases = fields.Count("leases"),
                         .auth_enabled = fields.Bool("auth_enabled"),
                         .users = fields.Count("users"),
                         .alarms = FindStrings(fields.object(), "alarms"),
                         .cluster_id = fields.Id("cluster_id"),
                         .taken = FindTime(fields.object(), "taken"),
                         .holds_kubernetes = fields.Bool("kubernetes"),
                         .members = {},
                         .removed_members = fields.Count("removed_members")};
  if (FindField(fields.object(), "hash") != nullptr) {
    snapshot.hash = static_cast<std::uint32_t>(fields.Count("hash"));
  }
  for (JsonFields& member : fields.Objects("members")) {
    snapshot.members.push_back({.id = member.Id("id"),
                                .name = member.String("name"),
                                .peer_urls = FindStrings(member.object(), "peer_urls"),
                                .client_urls = FindStrings(member.object(), "client_urls"),
                                .is_learner = member.Bool("learner")});
  }
  return snapshot;
}

Json MembersToJson(const Plan& plan) {
  Json members = Json::array();
  for (const MemberPlace& place : plan.places) {
    const NewMember* member = plan.cluster.Find(place.name);
    members.push_back(
        {{"name", place.name},
         {"id", FormatId(member == nullptr ? 0 : member->id)},
         {"peer_urls", member == nullptr ? std::vector<std::string>() : member->peer_urls},
         {"data_dir", place.data_dir.string()},
         {"wal_dir", place.wal_dir ? Json(place.wal_dir->string()) : Json(nullptr)}});
  }
  return members;
}

// The places of all members; their ids must be what the cluster's names and URLs give.
Result<std::vector<MemberPlace>> PlacesFrom(JsonFields& cluster, const NewCluster& ids) {
  std::vector<MemberPlace> places;
  for (JsonFields& fields : cluster.Objects("members")) {
    MemberPlace place{
        .name = fields.String("name"), .data_dir = fields.String("data_dir"), .wal_dir = {}};
    if (FindField(fields.object(), "wal_dir") != nullptr) place.wal_dir = fields.String("wal_dir");
    const NewMember* member = ids.Find(place.name);
    if (member == nullptr || member->id != fields.Id("id")) {
      return Bad("member \"" + ToSingleLine(place.name, 64) +
                 "\" has another id than follows from initial_cluster and token");
    }
    places.push_back(std::move(place));
  }
  if (!cluster.complaint() && places.size() != ids.members.size()) {
    return Bad("its members are not those of initial_cluster");
  }
  return places;
}

Json WithoutDigest(const Plan& plan) {
  Json remarks = Json::array();
  for (const Remark& remark : plan.remarks) {
    remarks.push_back({{"risk", remark.is_risk}, {"about", remark.about}, {"text", remark.text}});
  }
  Json bump = nullptr;
  if (plan.bump) bump = {{"from", plan.bump->from}, {"by", plan.bump->by}};
  return {{"schema", kSchema},
          {"id", plan.id},
          {"created", FormatTime(plan.created)},
          {"snapshot", ToJson(plan.snapshot)},
          {"etcd_version", plan.etcd_version},
          {"cluster",
           {{"id", FormatId(plan.cluster.id)},
            {"token", plan.cluster.token},
            {"initial_cluster", plan.InitialCluster()},
            {"members", MembersToJson(plan)}}},
          {"bump_revision", std::move(bump)},
          {"keep_alarms", plan.keep_alarms},
          {"remarks", std::move(remarks)}};
}

// Of the content, however it is spaced and whatever the order of its fields.
std::string DigestOf(const ParsedJson& without_digest) {
  snapshot::Sha256 sha256;
  sha256.Add(DumpJson(Json(without_digest)));
  return FormatHex(sha256.Digest());
}

}  // namespace

const MemberPlace* Plan::PlaceOf(std::string_view name) const {
  const auto found = std::ranges::find(places, name, &MemberPlace::name);
  return found == places.end() ? nullptr : &*found;
}

std::string Plan::InitialCluster() const {
  std::vector<std::string> entries;
  for (const NewMember& member : cluster.members) {
    for (const std::string& url : member.peer_urls) entries.push_back(member.name + "=" + url);
  }
  std::ranges::sort(entries);
  return Join(entries, ",");
}

std::string DigestOf(const Plan& plan) {
  return DigestOf(ParsedJson(WithoutDigest(plan)));
}

Json ToJson(const Plan& plan) {
  Json json = WithoutDigest(plan);
  json["digest"] = DigestOf(plan);
  return json;
}

Result<Plan> ParsePlan(std::string_view text) {
  Result<ParsedJson> json = ParseJson(text);
  if (!json.ok()) return Bad(json.error().message());
  JsonFields root(*json);
  const std::uint64_t schema = root.Count("schema");
  if (schema > kSchema) return Bad("it was written by a newer etcd-warden; use that version");
  const std::string digest = root.String("digest");
  if (root.complaint()) return Bad("its field \"" + *root.complaint() + "\" is missing");
  ParsedJson content = *json;
  content.erase("digest");
  if (DigestOf(content) != digest) {
    return Bad("it was changed after it was made; make a new one with the flags of restore plan");
  }
  Plan plan;
  plan.id = root.String("id");
  plan.created = root.Time("created");
  plan.snapshot = SnapshotFrom(root.Object("snapshot"));
  plan.etcd_version = root.String("etcd_version");
  WARDEN_ASSIGN_OR_RETURN(plan.target, ParseTarget(plan.etcd_version));
  JsonFields cluster = root.Object("cluster");
  WARDEN_ASSIGN_OR_RETURN(plan.cluster, ParseInitialCluster(cluster.String("initial_cluster"),
                                                            cluster.String("token")));
  if (plan.cluster.id != cluster.Id("id")) return Bad("its cluster id does not follow from it");
  WARDEN_ASSIGN_OR_RETURN(plan.places, PlacesFrom(cluster, plan.cluster));
  if (FindField(*json, "bump_revision") != nullptr) {
    JsonFields bump = root.Object("bump_revision");
    plan.bump = RevisionBump{.from = bump.Integer("from"), .by = bump.Integer("by")};
  }
  plan.keep_alarms = root.Bool("keep_alarms");
  for (JsonFields& remark : root.Objects("remarks")) {
    plan.remarks.push_back({.is_risk = remark.Bool("risk"),
                            .about = remark.String("about"),
                            .text = remark.String("text")});
  }
  if (root.complaint()) return Bad("its field \"" + *root.complaint() + "\" is missing or wrong");
  return plan;
}

DirectoryOptions OptionsOf(const Plan& plan, std::string_view member, const MemberPlace& paths) {
  return {.path = paths.data_dir,
          .wal_dir = paths.wal_dir,
          .cluster = plan.cluster,
          .name = std::string(member),
          .database = {.target = plan.target, .keep_alarms = plan.keep_alarms, .bump = plan.bump}};
}

}  // namespace warden::restore
