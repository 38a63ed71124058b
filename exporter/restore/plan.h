// The plan of a restore: what is restored, into which new cluster, and where each member keeps it.
//
// It is made once, from one look at the snapshot, and written to a file that every member's run
// uses: ids follow from names, URLs and token, and the new cluster's members must start from the
// same bytes. The file carries a digest over itself, so that one that was edited is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/base/result.h"
#include "exporter/restore/buckets.h"
#include "exporter/restore/data_directory.h"
#include "exporter/restore/membership.h"
#include "exporter/restore/target.h"

namespace warden::restore {

// A member of the cluster that the snapshot was taken of.
struct OldMember {
  std::uint64_t id = 0;
  std::string name;  // empty: it never started
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;
  bool is_learner = false;
  friend bool operator==(const OldMember&, const OldMember&) = default;
};

// What the snapshot is and holds.
struct SnapshotFacts {
  std::string file;       // where the plan found it; a run may be given another copy of it
  std::string backup_id;  // empty: it is of no catalogue
  std::uint64_t size_bytes = 0;
  std::uint64_t database_bytes = 0;    // without the trailer
  std::string sha256;                  // of the file
  std::uint64_t tree_bytes = 0;        // about what the new database takes
  std::string etcd_version;            // of the member it came from, if a manifest tells
  std::string storage_version;         // "3.6.0"; empty below 3.6
  std::string cluster_version;         // "3.5.0"; empty if the cluster had none yet
  std::int64_t revision = 0;           // mvcc::Inspection::revision()
  std::optional<std::uint32_t> hash;   // mvcc::HashKv at it and at its own compaction
  std::int64_t compact_revision = -1;  // -1: never compacted
  std::uint64_t keys = 0;              // alive
  std::uint64_t leases = 0;
  bool auth_enabled = false;
  std::uint64_t users = 0;
  std::vector<std::string> alarms;  // "NOSPACE of 8e9e05c52164694d"
  std::uint64_t cluster_id = 0;     // 0: no manifest tells
  std::optional<WallTime> taken;    // likewise
  bool holds_kubernetes = false;    // keys below /registry/
  std::vector<OldMember> members;
  std::uint64_t removed_members = 0;
  friend bool operator==(const SnapshotFacts&, const SnapshotFacts&) = default;
};

// Where a member keeps its data.
struct MemberPlace {
  std::string name;
  Files::Path data_dir;
  std::optional<Files::Path> wal_dir;
  friend bool operator==(const MemberPlace&, const MemberPlace&) = default;
};

// What whoever carries the plan out has to know.
struct Remark {
  bool is_risk = false;  // else it is only worth knowing
  std::string about;     // "alarms", "auth", "quota", ...
  std::string text;
  friend bool operator==(const Remark&, const Remark&) = default;
};

struct Plan {
  std::string id;  // of the form of a backup's
  WallTime created{};
  SnapshotFacts snapshot;
  std::string etcd_version;  // that will run: "3.5" or "3.5.21"
  Target target = Target::k37;
  NewCluster cluster;
  std::vector<MemberPlace> places;  // of every member of the cluster, by name
  std::optional<RevisionBump> bump;
  bool keep_alarms = false;
  std::vector<Remark> remarks;

  // nullptr if no member has that name.
  const MemberPlace* PlaceOf(std::string_view name) const;
  // "a=http://...,b=http://...", by name; what every member's etcd is given.
  std::string InitialCluster() const;
  // Where the new cluster goes on.
  std::int64_t new_revision() const { return snapshot.revision + (bump ? bump->by : 0); }
};

Json ToJson(const Plan& plan);  // with its digest
// SHA-256 over the content, hex: the same plan, whatever file it stands in.
std::string DigestOf(const Plan& plan);
// kInvalidArgument: not a plan, one of a newer version, one that was changed after it was made, or
// one whose ids do not follow from its members.
Result<Plan> ParsePlan(std::string_view text);

inline constexpr std::size_t kPlanBytesMax = 1 << 20;

// What WriteDataDirectory needs to write the member's data to these paths. The member is one of the
// plan's.
DirectoryOptions OptionsOf(const Plan& plan, std::string_view member, const MemberPlace& paths);

}  // namespace warden::restore
