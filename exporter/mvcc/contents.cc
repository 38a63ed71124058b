#include "exporter/mvcc/contents.h"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/base/json.h"
#include "exporter/base/text.h"
#include "exporter/mvcc/wire.h"

namespace warden::mvcc {
namespace {

Status Damaged(std::string what) {
  return Status(Code::kDataLoss, std::move(what));
}

Result<std::uint64_t> BigEndian64(std::string_view bytes) {
  if (bytes.size() != 8) return Damaged("not a number of 8 bytes");
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

// "3.6.0": digits and dots, perhaps with a suffix.
Result<std::string> Version(std::string_view text) {
  if (!etcd::VersionAtLeast(text, 0, 0)) return Damaged("not a version");
  return ToSingleLine(text, 64);
}

Status ReadMeta(std::string_view key, std::string_view value, Contents& contents) {
  if (key == "scheduledCompactRev" || key == "finishedCompactRev") {
    WARDEN_ASSIGN_OR_RETURN(const Revision revision, ParseRevision(value));
    if (revision.sub != 0) return Damaged("a compaction inside of a transaction");
    (key.starts_with('s') ? contents.scheduled_compaction : contents.finished_compaction) =
        revision;
  } else if (key == "consistent_index") {
    WARDEN_ASSIGN_OR_RETURN(contents.consistent_index, BigEndian64(value));
  } else if (key == "term") {
    WARDEN_ASSIGN_OR_RETURN(contents.term, BigEndian64(value));
  } else if (key == "storageVersion") {
    WARDEN_ASSIGN_OR_RETURN(contents.storage_version, Version(value));
  } else if (key == "confState") {
    const Result<ParsedJson> state = ParseJson(value);
    if (!state.ok() || !state->is_object()) return Damaged("not a JSON object");
  }
  return {};
}

Status ReadMember(std::string_view key, std::string_view value, Contents& contents) {
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t id, ParseId(key));
  const Result<ParsedJson> json = ParseJson(value);
  if (!json.ok() || !json->is_object()) return Damaged("not a JSON object");
  const ParsedJson* own_id = FindField(*json, "id");
  if (own_id == nullptr || !own_id->is_number_unsigned() || own_id->get<std::uint64_t>() != id) {
    return Damaged("the member's id is another than the entry's");
  }
  const ParsedJson* learner = FindField(*json, "isLearner");
  // The entries are in the order of their text, lists are in that of ids.
  etcd::MemberList& members = contents.members;
  members.insert(
      std::ranges::upper_bound(members, id, {}, &etcd::Member::id),
      {.id = id,
       .name = FindString(*json, "name").value_or(""),
       .peer_urls = FindStrings(*json, "peerURLs"),
       .client_urls = FindStrings(*json, "clientURLs"),
       .is_learner = learner != nullptr && learner->is_boolean() && learner->get<bool>()});
  return {};
}

Status ReadRemovedMember(std::string_view key, std::string_view value, Contents& contents) {
  if (!ParseId(key).ok() || value != "removed") return Damaged("not a removed member");
  ++contents.removed_members;
  return {};
}

Status ReadCluster(std::string_view key, std::string_view value, Contents& contents) {
  if (key == "clusterVersion") {
    WARDEN_ASSIGN_OR_RETURN(contents.cluster_version, Version(value));
  } else if (key == "downgrade") {
    const Result<ParsedJson> json = ParseJson(value);
    if (!json.ok() || !json->is_object()) return Damaged("not a JSON object");
    const ParsedJson* enabled = FindField(*json, "enabled");
    contents.downgrade = {
        .enabled = enabled != nullptr && enabled->is_boolean() && enabled->get<bool>(),
        .target_version = FindString(*json, "target-version").value_or("")};
  }
  return {};
}

Status ReadAlarm(std::string_view key, std::string_view value, Contents& contents) {
  etcd::Alarm alarm;
  std::uint64_t type = 0;
  WireReader field(key);
  while (field.Next()) {
    if (!field.is_varint() || field.number() > 2) return Damaged("not an alarm");
    (field.number() == 1 ? alarm.member_id : type) = field.varint();
  }
  if (!field.complete() || !value.empty() || type == 0) return Damaged("not an alarm");
  if (type == 1) alarm.type = etcd::AlarmType::kNoSpace;
  if (type == 2) alarm.type = etcd::AlarmType::kCorrupt;
  contents.alarms.push_back(alarm);
  return {};
}

Status ReadLease(std::string_view key, std::string_view value, Contents& contents) {
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t id, BigEndian64(key));
  std::uint64_t own_id = 0;
  WireReader field(value);
  while (field.Next()) {
    if (!field.is_varint() || field.number() > 3) return Damaged("not a lease");
    if (field.number() == 1) own_id = field.varint();
  }
  if (!field.complete() || own_id != id) return Damaged("not a lease, or that of another id");
  ++contents.leases;
  return {};
}

Status ReadAuth(std::string_view key, std::string_view value, Contents& contents) {
  if (key == "authEnabled") {
    if (value.size() != 1 || static_cast<std::uint8_t>(value[0]) > 1) {
      return Damaged("neither on nor off");
    }
    contents.auth_enabled = value[0] == 1;
  } else if (key == "authRevision") {
    WARDEN_ASSIGN_OR_RETURN(contents.auth_revision, BigEndian64(value));
  }
  return {};
}

// authpb.User and authpb.Role both have their name as field 1.
Status CheckNamed(std::string_view key, std::string_view value, std::uint32_t fields) {
  std::string_view name;
  WireReader field(value);
  while (field.Next()) {
    if (!field.is_bytes() || field.number() > fields) return Damaged("a field that is not known");
    if (field.number() == 1) name = field.bytes();
  }
  return field.complete() && name == key ? Status() : Damaged("it does not bear its own name");
}

Status ReadUser(std::string_view key, std::string_view value, Contents& contents) {
  ++contents.user_count;
  if (contents.users.size() < kNamesMax) contents.users.push_back(PrintableKey(key));
  return CheckNamed(key, value, 4);
}

Status ReadRole(std::string_view key, std::string_view value, Contents& contents) {
  ++contents.role_count;
  if (contents.roles.size() < kNamesMax) contents.roles.push_back(PrintableKey(key));
  return CheckNamed(key, value, 2);
}

struct BucketReader {
  std::string_view name;
  Status (*read)(std::string_view key, std::string_view value, Contents& contents);
};

constexpr std::array<BucketReader, 10> kBuckets = {{
    {"alarm", ReadAlarm},
    {"auth", ReadAuth},
    {"authRoles", ReadRole},
    {"authUsers", ReadUser},
    {"cluster", ReadCluster},
    {kKeyBucket, nullptr},
    {"lease", ReadLease},
    {"members", ReadMember},
    {"members_removed", ReadRemovedMember},
    {kMetaBucket, ReadMeta},
}};

bool IsTooLong(const Contents& contents) {
  return std::max(contents.members.size(), contents.alarms.size()) > kMembersMax;
}

}  // namespace

Compaction Contents::compaction() const {
  const std::int64_t scheduled = scheduled_compaction.value_or(Revision{}).main;
  const std::int64_t finished = finished_compaction.value_or(Revision{}).main;
  return {.revision = std::max(scheduled, finished), .is_finished = scheduled <= finished};
}

std::vector<std::string_view> RequiredBuckets() {
  std::vector<std::string_view> names;
  names.reserve(kBuckets.size());
  for (const BucketReader& bucket : kBuckets) names.push_back(bucket.name);
  return names;
}

Status ReadLeaf(std::string_view bucket, const bbolt::Node& leaf, Contents& contents) {
  const auto* known = std::ranges::find(kBuckets, bucket, &BucketReader::name);
  if (known == kBuckets.end() || known->read == nullptr) return {};
  for (std::uint32_t i = 0; i < leaf.count(); ++i) {
    const bbolt::Element entry = leaf[i];
    if (entry.flags != 0) return Damaged("a bucket inside of bucket " + std::string(bucket));
    Status read = known->read(entry.key, entry.value, contents);
    if (!read.ok()) {
      return std::move(read).WithContext(std::string(bucket) + " entry " + PrintableKey(entry.key));
    }
    if (IsTooLong(contents)) return Damaged("bucket " + std::string(bucket) + " has no end");
  }
  return {};
}

}  // namespace warden::mvcc
