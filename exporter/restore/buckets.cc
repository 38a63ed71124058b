#include "exporter/restore/buckets.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "exporter/base/text.h"
#include "exporter/mvcc/contents.h"
#include "exporter/restore/encode.h"
#include "exporter/restore/wal.h"

namespace warden::restore {
namespace {

constexpr std::string_view kMembersBucket = "members";
constexpr std::string_view kRemovedMembersBucket = "members_removed";
constexpr std::string_view kAlarmBucket = "alarm";
constexpr std::string_view kAuthBucket = "auth";

// The key of a record, and how a compaction stands in `meta`.
std::string RevisionBytes(std::int64_t main) {
  return BigEndian64(static_cast<std::uint64_t>(main)) + "_" + BigEndian64(0);
}

void Put(std::string_view bucket, std::string key, std::string value, BucketEdits& edits) {
  edits.puts.push_back({std::string(bucket), std::move(key), std::move(value)});
}

// Where the data stands in the log, and who votes; `term` and `confState` came with 3.5,
// `storageVersion` with 3.6. What a version does not know it would not keep up to date either, and
// a later upgrade would believe it.
void EditMeta(const NewCluster& cluster, Target target, BucketEdits& edits) {
  Put(mvcc::kMetaBucket, "consistent_index", BigEndian64(LastIndex(cluster)), edits);
  if (target >= Target::k35) {
    Put(mvcc::kMetaBucket, "term", BigEndian64(kFirstTerm), edits);
    Put(mvcc::kMetaBucket, "confState", ConfStateJson(cluster), edits);
  } else {
    edits.dropped_of_meta = {"term", "confState"};
  }
  if (target < Target::k36) edits.dropped_of_meta.push_back("storageVersion");
}

void EditMembers(const NewCluster& cluster, BucketEdits& edits) {
  edits.emptied = {kMembersBucket, kRemovedMembersBucket};
  for (const NewMember& member : cluster.members) {
    Put(kMembersBucket, FormatId(member.id), MemberJson(member), edits);
  }
}

// An empty record takes the revision, and a compaction that etcd finishes at its start removes the
// history before it.
Status Bump(const RevisionBump& bump, BucketEdits& edits) {
  if (bump.by < 1) return {Code::kInvalidArgument, "a revision is raised by 1 at least"};
  if (bump.from < 1 || bump.by > std::numeric_limits<std::int64_t>::max() - bump.from) {
    return {Code::kInvalidArgument, "revision " + std::to_string(bump.from) +
                                        " cannot be raised by " + std::to_string(bump.by)};
  }
  const std::string revision = RevisionBytes(bump.from + bump.by);
  Put(mvcc::kKeyBucket, revision, "", edits);
  Put(mvcc::kMetaBucket, "scheduledCompactRev", revision, edits);
  return {};
}

}  // namespace

Fate BucketEdits::FateOf(std::string_view bucket, std::string_view key) const {
  for (const BucketEntry& put : puts) {
    if (put.key == key && put.bucket == bucket) return Fate::kReplace;
  }
  if (std::ranges::find(emptied, bucket) != emptied.end()) return Fate::kDrop;
  const bool is_dropped = bucket == mvcc::kMetaBucket &&
                          std::ranges::find(dropped_of_meta, key) != dropped_of_meta.end();
  return is_dropped ? Fate::kDrop : Fate::kKeep;
}

Result<BucketEdits> EditBuckets(const NewCluster& cluster, const BucketOptions& options) {
  BucketEdits edits;
  EditMembers(cluster, edits);
  if (!options.keep_alarms) edits.emptied.push_back(kAlarmBucket);
  EditMeta(cluster, options.target, edits);
  if (options.disable_auth) Put(kAuthBucket, "authEnabled", std::string(1, '\0'), edits);
  if (options.bump) WARDEN_RETURN_IF_ERROR(Bump(*options.bump, edits));
  std::ranges::sort(edits.puts, {},
                    [](const BucketEntry& put) { return std::tie(put.bucket, put.key); });
  return edits;
}

}  // namespace warden::restore
