// What a restore changes in the database: the old cluster's entries that go, and the new one's that
// come. Everything else stays as it is: keys, leases, users, the cluster's version.
//
// What `snapshot restore` leaves was compared for each version (see
// tests/integration/restore_formats_test.py). This differs from it on purpose:
//  - alarms are dropped unless they are asked for: a tool keeps NOSPACE of a member that is no
//    more, and the new cluster refuses writes from its first second on;
//  - `confState` names the new voters, a tool leaves the old ones there until etcd writes it again;
//  - a 3.4 tool leaves the old `members`, with which 3.6 does not start after an upgrade;
//  - entries that came with a later version than the target's are dropped from `meta`;
//  - a revision is raised from where etcd would go on, not from the last record: after a compaction
//    that left no record (3.4 removes even the last tombstone) the tool's lies far behind it.
// Formats: etcd's server/storage/schema and server/etcdserver/cindex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.h"
#include "exporter/restore/membership.h"
#include "exporter/restore/target.h"

namespace warden::restore {

// `--bump-revision N --mark-compacted`: the new cluster's revision is by N higher, and whoever
// watches from an older one is told that it was compacted. For clients that keep revisions, such as
// Kubernetes' caches, which must never see one again that means something else now.
struct RevisionBump {
  std::int64_t from = 0;  // mvcc::Inspection::revision() of the backup
  std::int64_t by = 0;    // at least 1
};

struct BucketOptions {
  Target target = Target::k37;
  bool keep_alarms = false;  // as the backup has them: of members that are no more
  // The new cluster asks nobody for a user; users, roles and their passwords stay. For drills only:
  // whoever restores for good would open the cluster to everybody.
  bool disable_auth = false;
  std::optional<RevisionBump> bump;
};

// An entry of a bucket at the root.
struct BucketEntry {
  std::string bucket;
  std::string key;
  std::string value;
  friend bool operator==(const BucketEntry&, const BucketEntry&) = default;
};

// What becomes of an old entry.
enum class Fate {
  kKeep,
  kDrop,
  kReplace,  // one of `puts` stands in its place
};

// A value. The new database is: of the old one what is kept, and every one of `puts`.
struct BucketEdits {
  std::vector<BucketEntry> puts;                  // ascending by bucket and key, both as bytes
  std::vector<std::string_view> emptied;          // buckets of which nothing is kept
  std::vector<std::string_view> dropped_of_meta;  // keys

  Fate FateOf(std::string_view bucket, std::string_view key) const;
};

// The same for every member. kInvalidArgument if the revision cannot be raised so.
Result<BucketEdits> EditBuckets(const NewCluster& cluster, const BucketOptions& options);

}  // namespace warden::restore
