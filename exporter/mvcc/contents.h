// What an etcd database holds, bucket by bucket: the facts that an operator asks a backup for.
//
// Buckets and their formats: etcd's server/storage/schema and server/mvcc; the same from 3.4 to 3.7
// but for what is said at the fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/bbolt/page.h"
#include "exporter/etcd/view.h"
#include "exporter/mvcc/census.h"
#include "exporter/mvcc/record.h"

namespace warden::mvcc {

// The bucket with the keys and their history.
inline constexpr std::string_view kKeyBucket = "key";
// Where the compaction, the indexes and the version of the storage stand.
inline constexpr std::string_view kMetaBucket = "meta";

// What stands outside the bucket `key`.
struct Contents {
  // Of `meta`.
  std::optional<Revision> scheduled_compaction;
  std::optional<Revision> finished_compaction;
  std::optional<std::uint64_t> consistent_index;  // the raft index that the data is of
  std::optional<std::uint64_t> term;              // 3.5+
  std::string storage_version;                    // 3.6+, else empty
  // Of `members`, `members_removed`, `cluster`.
  etcd::MemberList members;
  std::uint64_t removed_members = 0;
  std::string cluster_version;  // empty until the members have agreed on one
  std::optional<etcd::Downgrade> downgrade;
  // Of `lease`, `alarm`.
  std::uint64_t leases = 0;
  std::vector<etcd::Alarm> alarms;
  // Of `auth`, `authUsers`, `authRoles`. Names only: a report must not carry what a user knows.
  bool auth_enabled = false;
  std::uint64_t auth_revision = 0;
  std::vector<std::string> users;  // the first kNamesMax
  std::vector<std::string> roles;  // likewise
  std::uint64_t user_count = 0;
  std::uint64_t role_count = 0;

  // The newer of the two compactions; etcd takes up at its next start one that is not finished.
  Compaction compaction() const;
};

// Names that are kept of a list; all are counted.
inline constexpr std::size_t kNamesMax = 100;
// A member list or alarms of more entries than this are damaged.
inline constexpr std::size_t kMembersMax = 1'000;

// Buckets that every etcd from 3.4 on creates when it starts.
std::vector<std::string_view> RequiredBuckets();

// Takes one leaf of the bucket into `contents`; kDataLoss names the entry that makes no sense.
// Entries of `key` and of buckets that are not known here pass unread.
Status ReadLeaf(std::string_view bucket, const bbolt::Node& leaf, Contents& contents);

}  // namespace warden::mvcc
