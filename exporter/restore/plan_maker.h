// Makes the plan of a restore, and refuses one that cannot work.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exporter/backup/manifest.h"
#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/restore/bump.h"
#include "exporter/restore/facts.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

// Where members keep their data: the same everywhere, but for those that are named.
struct PlacesWanted {
  Files::Path usual;  // may be empty if every member is named
  std::map<std::string, Files::Path> by_name;

  // Empty if nothing is said of the member.
  Files::Path Of(const std::string& name) const;
};

struct PlanWishes {
  std::string initial_cluster;  // empty: the snapshot's own members
  std::string token;            // empty: a fresh one
  std::string etcd_version;     // that will run; empty: the minor that the snapshot is of
  PlacesWanted data_dirs;
  PlacesWanted wal_dirs;  // all may be empty

  enum class Bump { kAsNeeded, kAuto, kNone, kGiven };
  Bump bump = Bump::kAsNeeded;      // as kAuto if the keys are Kubernetes', else as kNone
  bool is_kubernetes = false;       // whatever the keys look like
  std::int64_t bump_by = 0;         // kGiven
  std::vector<RevisionPoint> seen;  // of this cluster, for a bump

  bool keep_alarms = false;
  std::uint64_t quota_bytes = 2ULL << 30;  // of the etcd that will run; its default
};

// kFailedPrecondition: this snapshot cannot become what is wished for, and what can be done.
// kInvalidArgument: the wishes contradict each other, or name no cluster.
Result<Plan> MakePlan(const ReadFacts& snapshot, const PlanWishes& wishes, WallTime now);

// The etcd minor below which the snapshot's database cannot be started: "3.6"; "" if it does not
// say.
std::string LowestVersion(const SnapshotFacts& snapshot);

// "etcd-" and 128 random bits: two clusters never share a token, so that their members, should they
// meet, turn each other away.
std::string FreshToken();

}  // namespace warden::restore
