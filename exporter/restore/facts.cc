#include "exporter/restore/facts.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/mvcc/hashes.h"
#include "exporter/mvcc/key_space.h"

namespace warden::restore {
namespace {

constexpr std::string_view kKubernetesPrefix = "/registry/";

std::vector<OldMember> OldMembers(const etcd::MemberList& list) {
  std::vector<OldMember> members;
  for (const etcd::Member& member : list) {
    members.push_back({.id = member.id,
                       .name = member.name,
                       .peer_urls = member.peer_urls,
                       .client_urls = member.client_urls,
                       .is_learner = member.is_learner});
  }
  return members;
}

bool HoldsKubernetes(const mvcc::Census& census) {
  const auto prefixes = census.Prefixes(mvcc::Census::kPrefixesMax);
  return std::ranges::any_of(prefixes, [](const mvcc::NamedPrefix& prefix) {
    return prefix.prefix.starts_with(kKubernetesPrefix) && prefix.count.live_keys > 0;
  });
}

SnapshotFacts FactsOf(const snapshot::Verification& verification) {
  const mvcc::Inspection& inspection = *verification.inspection;
  const mvcc::Contents& contents = inspection.contents;
  SnapshotFacts facts;
  facts.size_bytes = verification.size_bytes;
  facts.database_bytes = verification.database_bytes;
  facts.sha256 = verification.sha256;
  facts.tree_bytes = inspection.tree_bytes;
  facts.storage_version = contents.storage_version;
  facts.cluster_version = contents.cluster_version;
  facts.revision = inspection.revision();
  const std::int64_t compacted = contents.compaction().revision;
  facts.compact_revision = compacted == 0 ? -1 : compacted;
  facts.keys = inspection.census.live_keys();
  facts.leases = contents.leases;
  facts.auth_enabled = contents.auth_enabled;
  facts.users = contents.user_count;
  for (const etcd::Alarm& alarm : contents.alarms) {
    facts.alarms.push_back(std::string(etcd::AlarmName(alarm.type)) + " of " +
                           FormatId(alarm.member_id));
  }
  facts.members = OldMembers(contents.members);
  facts.removed_members = contents.removed_members;
  facts.holds_kubernetes = HoldsKubernetes(inspection.census);
  return facts;
}

// nullopt where no file can tell: with some compactions it depends on the member.
Result<std::optional<std::uint32_t>> HashOf(Files& files, const Files::Path& path,
                                            const SnapshotFacts& facts,
                                            const std::stop_token& stop) {
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, files.Open(path));
  WARDEN_ASSIGN_OR_RETURN(const mvcc::KeySpace keys,
                          mvcc::KeySpace::Open(*file, facts.database_bytes));
  const Result<std::uint32_t> hash =
      mvcc::HashKv(keys, facts.revision, facts.compact_revision, stop);
  if (hash.ok()) return std::optional(*hash);
  if (hash.error().code() == Code::kFailedPrecondition) return std::optional<std::uint32_t>();
  return hash.error();
}

Status CompareWithManifest(const backup::Manifest& manifest, const SnapshotFacts& facts) {
  if (!manifest.quarantined.empty()) {
    return {Code::kFailedPrecondition,
            "backup " + manifest.id + " is in quarantine (" + manifest.quarantined +
                "); to restore it all the same, name its file instead of its id"};
  }
  if (manifest.sha256 == facts.sha256) return {};
  return {Code::kDataLoss, "the file of backup " + manifest.id +
                               " is not the one that was taken: its SHA-256 is " + facts.sha256 +
                               ", the manifest's " + manifest.sha256};
}

}  // namespace

Result<ReadFacts> GatherFacts(Files& files, const Files::Path& path,
                              const std::optional<backup::Manifest>& manifest,
                              const snapshot::VerifyOptions& options) {
  WARDEN_ASSIGN_OR_RETURN(const snapshot::Verification verification,
                          snapshot::VerifyFile(files, path, options));
  if (!verification.ok()) {
    return Status(Code::kDataLoss, path.string() + " is damaged: " + verification.FirstFinding());
  }
  ReadFacts read{.facts = FactsOf(verification), .remarks = {}};
  SnapshotFacts& facts = read.facts;
  facts.file = path.string();
  WARDEN_ASSIGN_OR_RETURN(facts.hash, HashOf(files, path, facts, options.stop));
  if (manifest) {
    WARDEN_RETURN_IF_ERROR(CompareWithManifest(*manifest, facts));
    facts.backup_id = manifest->id;
    facts.cluster_id = manifest->cluster_id;
    facts.etcd_version = manifest->etcd_version;
    facts.taken = manifest->started;
    for (const std::string& note : manifest->notes) {
      read.remarks.push_back({.is_risk = false, .about = "backup", .text = note});
    }
  }
  if (!verification.has_trailer) {
    read.remarks.push_back(
        {.is_risk = true,
         .about = "digest",
         .text = "the file has no SHA-256 trailer (a copied member/snap/db): its structure is "
                 "sound, but nothing proves its values"});
  }
  for (const std::string& warning : verification.warnings) {
    read.remarks.push_back({.is_risk = false, .about = "snapshot", .text = warning});
  }
  if (const auto& downgrade = verification.inspection->contents.downgrade;
      downgrade && downgrade->enabled) {
    read.remarks.push_back(
        {.is_risk = true,
         .about = "downgrade",
         .text =
             "the snapshot was taken during a downgrade to " +
             ToSingleLine(downgrade->target_version, 32) +
             ", which the restored cluster takes up again; `etcdctl downgrade cancel` ends it"});
  }
  return read;
}

}  // namespace warden::restore
