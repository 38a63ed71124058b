#include "exporter/restore/plan_maker.h"

#include <algorithm>
#include <random>
#include <utility>

#include "exporter/base/text.h"

namespace warden::restore {
namespace {

Status Bad(std::string what) {
  return {Code::kInvalidArgument, std::move(what)};
}
Status Cannot(std::string what) {
  return {Code::kFailedPrecondition, std::move(what)};
}

// Without "." and "..", and without a slash at the end: what is beside it is named after it.
Files::Path Shortest(const Files::Path& path) {
  const Files::Path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

// No cluster comes that far; what is added to it stays a number of 64 bits.
constexpr std::int64_t kRevisionMax = std::int64_t{1} << 60;

std::string Count(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Puts the plan together, one subject after the other.
class Maker {
 public:
  Maker(const ReadFacts& snapshot, const PlanWishes& wishes, WallTime now)
      : facts_(snapshot.facts), wishes_(wishes), now_(now) {
    plan_.id = backup::MakeId(now, std::random_device{}());
    plan_.created = now;
    plan_.snapshot = snapshot.facts;
    plan_.remarks = snapshot.remarks;
    plan_.keep_alarms = wishes.keep_alarms;
  }

  Result<Plan> Make() && {
    WARDEN_RETURN_IF_ERROR(ChooseVersion());
    WARDEN_RETURN_IF_ERROR(ChooseMembers());
    WARDEN_RETURN_IF_ERROR(ChoosePlaces());
    WARDEN_RETURN_IF_ERROR(ChooseBump());
    RemarkOnContents();
    RemarkOnLoss();
    std::ranges::stable_partition(plan_.remarks, &Remark::is_risk);
    return std::move(plan_);
  }

 private:
  void Risk(std::string about, std::string text) {
    plan_.remarks.push_back({.is_risk = true, .about = std::move(about), .text = std::move(text)});
  }
  void Note(std::string about, std::string text) {
    plan_.remarks.push_back({.is_risk = false, .about = std::move(about), .text = std::move(text)});
  }

  Status ChooseVersion() {
    const std::string lowest = LowestVersion(facts_);
    plan_.etcd_version = wishes_.etcd_version;
    if (plan_.etcd_version.empty()) plan_.etcd_version = facts_.etcd_version;
    if (plan_.etcd_version.empty()) plan_.etcd_version = lowest;
    if (plan_.etcd_version.empty()) {
      return Bad(
          "the snapshot does not say which etcd it is of; name the one that will run with "
          "--etcd-version");
    }
    WARDEN_ASSIGN_OR_RETURN(plan_.target, ParseTarget(plan_.etcd_version));
    if (lowest.empty()) return {};
    const Result<Target> least = ParseTarget(lowest);
    if (!least.ok() || plan_.target < *least) {
      return Cannot("a snapshot of a cluster at " + lowest + " cannot be started with etcd " +
                    plan_.etcd_version + ": run etcd " + lowest +
                    ", restore a backup from before the upgrade, or restore with " + lowest +
                    " and then downgrade one minor version as etcd's guide says (from 3.6 on)");
    }
    if (plan_.target > *least) {
      Note("version", "the snapshot is of a cluster at " + lowest + " and will be started with " +
                          plan_.etcd_version + ": an upgrade, after which " + lowest +
                          " cannot start on it any more");
    }
    return {};
  }

  Status ChooseMembers() {
    std::string members = wishes_.initial_cluster;
    if (members.empty()) {
      WARDEN_ASSIGN_OR_RETURN(members, MembersOfSnapshot());
    }
    const std::string token = wishes_.token.empty() ? FreshToken() : wishes_.token;
    Result<NewCluster> cluster = ParseInitialCluster(members, token);
    if (!cluster.ok()) {
      return cluster.error().WithContext(
          wishes_.initial_cluster.empty()
              ? "the snapshot's members (--initial-cluster names others)"
              : "--initial-cluster");
    }
    plan_.cluster = *std::move(cluster);
    if (facts_.cluster_id != 0 && facts_.cluster_id == plan_.cluster.id) {
      return Cannot("with this token the new cluster would have the id of the old one, " +
                    FormatId(plan_.cluster.id) +
                    ", and members left over from the old one could join it; leave "
                    "--initial-cluster-token out, for a fresh one");
    }
    const std::size_t count = plan_.cluster.members.size();
    if (count % 2 == 0) {
      Note("members",
           Count(count, "member") + " bear no more failures than " + Count(count - 1, "member"));
    }
    return {};
  }

  Result<std::string> MembersOfSnapshot() {
    std::vector<std::string> entries;
    for (const OldMember& member : facts_.members) {
      const std::string who = member.name.empty() ? FormatId(member.id) : member.name;
      if (member.is_learner) {
        Risk("learners", "learner " + who +
                             " is left out, since all restored members are voters; add it again "
                             "with `etcdctl member add --learner` once the cluster runs");
      } else if (member.name.empty()) {
        Risk("members", "member " + who + " at " + Join(member.peer_urls, ",") +
                            " is left out: it was added and had not started when the snapshot was "
                            "taken");
      } else if (std::ranges::count(facts_.members, member.name, &OldMember::name) > 1) {
        // Taken for one with several URLs, each machine would be restored as a cluster of its own.
        return Cannot("several members of the snapshot are named \"" +
                      ToSingleLine(member.name, 64) +
                      "\": give each a name of its own with --initial-cluster");
      } else {
        for (const std::string& url : member.peer_urls) entries.push_back(member.name + "=" + url);
      }
    }
    if (entries.empty()) {
      return Bad(
          "the snapshot names no member that could be restored; say which with "
          "--initial-cluster");
    }
    return Join(entries, ",");
  }

  Status ChoosePlaces() {
    for (const auto* wanted : {&wishes_.data_dirs, &wishes_.wal_dirs}) {
      for (const auto& [name, path] : wanted->by_name) {
        if (plan_.cluster.Find(name) != nullptr) continue;
        return Bad("a directory is given for \"" + ToSingleLine(name, 64) +
                   "\", which is none of the members " + plan_.InitialCluster());
      }
    }
    for (const NewMember& member : plan_.cluster.members) {
      MemberPlace place{.name = member.name,
                        .data_dir = Shortest(wishes_.data_dirs.Of(member.name)),
                        .wal_dir = {}};
      const Files::Path wal = wishes_.wal_dirs.Of(member.name);
      if (!wal.empty()) place.wal_dir = Shortest(wal);
      if (place.data_dir.empty()) return Bad("no data directory is given for " + member.name);
      if (place.data_dir == "/") return Bad("/ cannot be a data directory");
      if (!place.data_dir.is_absolute() || (place.wal_dir && !place.wal_dir->is_absolute())) {
        return Bad("the directories of " + member.name +
                   " must be absolute paths: the plan is used on other machines");
      }
      WARDEN_RETURN_IF_ERROR(CheckPaths(place.data_dir, place.wal_dir));
      plan_.places.push_back(std::move(place));
    }
    std::ranges::sort(plan_.places, {}, &MemberPlace::name);
    return {};
  }

  Status ChooseBump() {
    using Bump = PlanWishes::Bump;
    const bool kubernetes = wishes_.is_kubernetes || facts_.holds_kubernetes;
    // A clock of revisions that is near its end is damage, not a cluster.
    for (const RevisionPoint& point : wishes_.seen) {
      if (point.revision < kRevisionMax) continue;
      return Bad("revision " + std::to_string(point.revision) + " cannot have been seen");
    }
    if (wishes_.bump == Bump::kNone || (wishes_.bump == Bump::kAsNeeded && !kubernetes)) {
      const std::string what = "revisions start again at " + std::to_string(facts_.revision) +
                               ", and mean something else than before the loss to whoever kept one";
      if (kubernetes) {
        Risk("revision", what +
                             ": Kubernetes' caches then miss changes; leave --bump-revision out "
                             "to have it raised");
      } else {
        Note("revision", what + "; --bump-revision auto raises them");
      }
      return {};
    }
    const BumpProposal proposal =
        wishes_.bump == Bump::kGiven ? BumpProposal{.by = wishes_.bump_by, .reason = "as asked for"}
                                     : ProposeBump(facts_.revision, wishes_.seen, now_);
    plan_.bump = RevisionBump{.from = facts_.revision, .by = proposal.by};
    for (const RevisionPoint& point : wishes_.seen) {
      if (plan_.new_revision() > point.revision) continue;
      return Cannot("raised by " + std::to_string(proposal.by) + " revisions go on at " +
                    std::to_string(plan_.new_revision()) + ", but the cluster was seen at " +
                    std::to_string(point.revision) + ": give more, or auto");
    }
    // Says what is wrong with a number that was given.
    WARDEN_RETURN_IF_ERROR(
        EditBuckets(plan_.cluster, {.target = plan_.target, .bump = plan_.bump}).status());
    Note("revision", "raised by " + std::to_string(proposal.by) + " to " +
                         std::to_string(plan_.new_revision()) +
                         ", and all before it compacted: " + proposal.reason);
    return {};
  }

  void RemarkOnContents() {
    if (!facts_.alarms.empty()) {
      const std::string alarms = Join(facts_.alarms, ", ");
      if (wishes_.keep_alarms) {
        Risk("alarms", "kept, as asked for: " + alarms +
                           "; the new cluster refuses writes until "
                           "`etcdctl alarm disarm`");
      } else {
        Note("alarms", "dropped: " + alarms + ", raised by members that will be no more");
      }
      if (alarms.find("CORRUPT") != std::string::npos) {
        Risk("alarms",
             "the cluster held that a member was corrupt when the snapshot was taken: "
             "look for a backup from before, or compare with `snapshot diff`");
      }
    }
    if (facts_.auth_enabled) {
      Note("auth", "authentication is on, with " + Count(facts_.users, "user") +
                       " and the passwords of when the snapshot was taken");
    }
    if (facts_.leases > 0) {
      Note("leases",
           Count(facts_.leases, "lease") + " run anew in full from the moment of the start");
    }
    if (facts_.tree_bytes > wishes_.quota_bytes) {
      Risk("quota", "the database will have some " + FormatBytes(facts_.tree_bytes) +
                        ", over the quota of " + FormatBytes(wishes_.quota_bytes) +
                        ": start etcd with a larger --quota-backend-bytes, or it raises NOSPACE");
    }
  }

  void RemarkOnLoss() {
    std::int64_t highest = 0;
    for (const RevisionPoint& point : wishes_.seen) highest = std::max(highest, point.revision);
    const std::string since = facts_.taken ? " (" + FormatTime(*facts_.taken) + ")" : "";
    if (highest > facts_.revision) {
      Risk("loss", "at least " + std::to_string(highest - facts_.revision) +
                       " revisions were written after the snapshot" + since + " and are lost");
    } else if (facts_.taken) {
      Risk("loss", "whatever was written after the snapshot" + since + " is lost");
    } else {
      Risk("loss", "whatever was written after the snapshot is lost");
    }
  }

  const SnapshotFacts& facts_;
  const PlanWishes& wishes_;
  const WallTime now_;
  Plan plan_;
};

}  // namespace

Files::Path PlacesWanted::Of(const std::string& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? usual : found->second;
}

std::string LowestVersion(const SnapshotFacts& snapshot) {
  const auto minor = [](const std::string& version) {
    return version.substr(0, version.find('.', version.find('.') + 1));
  };
  const std::string storage = minor(snapshot.storage_version);
  const std::string cluster = minor(snapshot.cluster_version);
  // Versions of one length, as all there are: "3.4" to "3.7". Every cluster says 3.0.0 until all of
  // its members have answered once: what is older than any etcd here says nothing.
  const std::string lowest = std::max(storage, cluster);
  return lowest < "3.4" ? "" : lowest;
}

std::string FreshToken() {
  constexpr std::size_t kBytes = 16;
  std::random_device random;
  std::string bytes;
  for (std::size_t i = 0; i < kBytes; ++i) bytes.push_back(static_cast<char>(random()));
  return "etcd-" + FormatHex(bytes);
}

Result<Plan> MakePlan(const ReadFacts& snapshot, const PlanWishes& wishes, WallTime now) {
  return Maker(snapshot, wishes, now).Make();
}

}  // namespace warden::restore
