#include "exporter/cli/plan_flags.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "exporter/backup/revision_marks.h"
#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/progress.h"
#include "exporter/restore/plan_maker.h"

namespace warden::cli {
namespace {

constexpr std::size_t kMembersFileMax = 64UL * 1024;
constexpr std::string_view kDefaultDataDir = "/var/lib/etcd";

Status Bad(std::string what) {
  return {Code::kInvalidArgument, std::move(what)};
}

// "/var/lib/etcd" for all, or "NAME=/var/lib/etcd" for one.
Status AddPlace(const std::string& flag, const std::string& text, restore::PlacesWanted& places) {
  const std::size_t equals = text.find('=');
  const bool is_named = equals != std::string::npos && !text.starts_with('/');
  const std::string path = is_named ? text.substr(equals + 1) : text;
  if (!path.starts_with('/')) {
    return Bad(flag + " " + text + ": give an absolute path, or NAME=PATH for one member");
  }
  if (is_named && places.by_name.emplace(text.substr(0, equals), path).second) return {};
  if (!is_named && places.usual.empty()) {
    places.usual = path;
    return {};
  }
  return Bad(flag + " " + text + ": given twice");
}

// One NAME=URL on each line, as in --initial-cluster; "#" begins a comment.
Result<std::string> ReadMembersFile(Files& files, const std::string& path) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, files.ReadAll(path, kMembersFileMax));
  std::vector<std::string> entries;
  for (const std::string_view line : Split(text, '\n')) {
    const std::string_view entry = Trim(line.substr(0, line.find('#')));
    if (!entry.empty()) entries.emplace_back(entry);
  }
  if (entries.empty()) return Bad(path + ": names no member; write NAME=URL on each line");
  return Join(entries, ",");
}

Status SetBump(const std::string& text, restore::PlanWishes& wishes) {
  using Bump = restore::PlanWishes::Bump;
  if (text == "as-needed") return {};
  if (text == "auto" || text == "none") {
    wishes.bump = text == "auto" ? Bump::kAuto : Bump::kNone;
    return {};
  }
  wishes.bump = Bump::kGiven;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wishes.bump_by);
  if (error == std::errc() && end == text.data() + text.size() && wishes.bump_by > 0) return {};
  return Bad("--bump-revision " + text + ": give a number of revisions from 1 on, auto, or none");
}

// Every moment at which the catalogue knows a revision. Of every cluster in it: one that was
// restored before has another id, and clients that have seen its revisions.
std::vector<restore::RevisionPoint> PointsOf(const backup::Listing& listing) {
  std::vector<restore::RevisionPoint> points;
  for (const backup::Manifest& backup : listing.backups) {
    points.push_back({.at = backup.started, .revision = backup.revision_before});
    if (backup.revision) points.push_back({.at = backup.created, .revision = *backup.revision});
  }
  return points;
}

// The manifest beside a file of a catalogue, if that is what it is.
std::optional<backup::Manifest> ManifestBeside(Files& files, const Files::Path& path) {
  if (!backup::IsId(path.stem().string())) return std::nullopt;
  Result<backup::Manifest> manifest =
      backup::ReadManifest(files, path.parent_path(), path.stem().string());
  if (!manifest.ok() || manifest->file != path.filename()) return std::nullopt;
  return *std::move(manifest);
}

}  // namespace

struct PlanFlags::Source {
  Files::Path path;
  std::optional<backup::Manifest> manifest;
  Files::Path catalogue;  // empty: none is known
};

Status PlanFlags::CheckUnused() const {
  for (const char* name :
       {"--config.file", "--cluster", "--initial-cluster", "--initial-cluster-file",
        "--initial-cluster-token", "--etcd-version", "--data-dir", "--wal-dir", "--bump-revision",
        "--mark-compacted", "--highest-revision", "--profile", "--keep-alarms",
        "--quota-backend-bytes"}) {
    if (app_->count(name) == 0) continue;
    return Bad(std::string(name) +
               " cannot be given beside --plan, which says it: make a new plan");
  }
  return {};
}

void PlanFlags::Declare(CLI::App& app) {
  app_ = &app;
  app.add_option("snapshot", snapshot_,
                 "A snapshot file; or with --config.file the id of a backup, or \"latest\"")
      ->type_name("SNAPSHOT|BACKUP-ID");
  app.add_option("--config.file", config_file_, "The configuration whose catalogue has the backup")
      ->type_name("FILE");
  app.add_option("--cluster", cluster_, "The cluster, if the file has several")->type_name("NAME");
  app.add_option("--initial-cluster", initial_cluster_,
                 "The members of the new cluster, NAME=PEER-URL,...; the snapshot's own if not "
                 "given")
      ->type_name("MEMBERS");
  app.add_option("--initial-cluster-file", initial_cluster_file_,
                 "The same from a file, one NAME=PEER-URL on each line")
      ->type_name("FILE");
  app.add_option("--initial-cluster-token", token_, "The token; a fresh one if not given")
      ->type_name("TOKEN");
  app.add_option("--etcd-version", etcd_version_,
                 "The etcd that will run, as 3.5 or 3.5.21; the backup's if not given")
      ->type_name("VERSION");
  app.add_option("--data-dir", data_dirs_,
                 "The data directory of every member, or NAME=PATH for one; /var/lib/etcd if not "
                 "given")
      ->type_name("PATH");
  app.add_option("--wal-dir", wal_dirs_, "Likewise the directory of the WAL, if it is apart")
      ->type_name("PATH");
  app.add_option("--bump-revision", bump_,
                 "Raise revisions by N, or by what is known of the cluster (auto), or not (none); "
                 "as-needed is auto for a snapshot of Kubernetes")
      ->type_name("N|auto|none")
      ->capture_default_str();
  app.add_flag("--mark-compacted", mark_compacted_,
               "As etcdutl wants it beside --bump-revision; it is always done");
  app.add_option("--highest-revision", highest_revision_,
                 "The highest revision that the cluster was seen at, for --bump-revision auto")
      ->type_name("REVISION")
      ->check(CLI::PositiveNumber);
  app.add_option("--profile", profile_, "What the cluster is for: kubernetes, or auto to look")
      ->check(CLI::IsMember({"auto", "kubernetes", "other"}))
      ->capture_default_str();
  app.add_flag("--keep-alarms", keep_alarms_, "Keep the alarms in the snapshot");
  app.add_option("--quota-backend-bytes", quota_, "The quota of the etcd that will run")
      ->type_name("BYTES")
      ->capture_default_str();
}

Result<PlanFlags::Source> PlanFlags::FindSource(Files& files) const {
  const bool is_id = snapshot_ == "latest" || backup::IsId(snapshot_);
  if (config_file_.empty()) {
    if (is_id) return Bad("--config.file is needed to find backup " + snapshot_);
    const Files::Path path = std::filesystem::absolute(snapshot_).lexically_normal();
    Source source{.path = path, .manifest = ManifestBeside(files, path), .catalogue = {}};
    if (source.manifest) source.catalogue = path.parent_path();
    return source;
  }
  WARDEN_ASSIGN_OR_RETURN(const config::ValidConfig config, config::Load(config_file_));
  WARDEN_ASSIGN_OR_RETURN(const config::ClusterConfig* cluster, BackupCluster(*config, cluster_));
  const Files::Path& directory = cluster->backup->directory;
  if (is_id) {
    WARDEN_ASSIGN_OR_RETURN(backup::Manifest manifest, FindBackup(files, directory, snapshot_));
    return Source{
        .path = directory / manifest.file, .manifest = std::move(manifest), .catalogue = directory};
  }
  const Files::Path path = std::filesystem::absolute(snapshot_).lexically_normal();
  return Source{.path = path, .manifest = ManifestBeside(files, path), .catalogue = directory};
}

Result<restore::Plan> PlanFlags::Make(Console& console, Files& files, const Clock& clock) const {
  if (mark_compacted_ && bump_ == "none") return Bad("--mark-compacted needs --bump-revision");
  if (!initial_cluster_.empty() && !initial_cluster_file_.empty()) {
    return Bad("--initial-cluster and --initial-cluster-file exclude each other");
  }
  WARDEN_ASSIGN_OR_RETURN(const Source source, FindSource(files));
  return MakeFrom(files, source, console, clock);
}

Result<restore::Plan> PlanFlags::MakeFrom(Files& files, const Source& source, Console& console,
                                          const Clock& clock) const {
  restore::PlanWishes wishes;
  wishes.initial_cluster = initial_cluster_;
  if (!initial_cluster_file_.empty()) {
    WARDEN_ASSIGN_OR_RETURN(wishes.initial_cluster, ReadMembersFile(files, initial_cluster_file_));
  }
  wishes.token = token_;
  wishes.etcd_version = etcd_version_;
  for (const std::string& text : data_dirs_) {
    WARDEN_RETURN_IF_ERROR(AddPlace("--data-dir", text, wishes.data_dirs));
  }
  if (data_dirs_.empty()) wishes.data_dirs.usual = kDefaultDataDir;
  for (const std::string& text : wal_dirs_) {
    WARDEN_RETURN_IF_ERROR(AddPlace("--wal-dir", text, wishes.wal_dirs));
  }
  WARDEN_RETURN_IF_ERROR(SetBump(bump_, wishes));
  wishes.is_kubernetes = profile_ == "kubernetes";
  if (profile_ == "other" && wishes.bump == restore::PlanWishes::Bump::kAsNeeded) {
    wishes.bump = restore::PlanWishes::Bump::kNone;
  }
  wishes.keep_alarms = keep_alarms_;
  WARDEN_ASSIGN_OR_RETURN(wishes.quota_bytes, ParseBytes(quota_));
  ProgressMeter meter(console, clock, source.path.filename().string());
  WARDEN_ASSIGN_OR_RETURN(const restore::ReadFacts facts,
                          restore::GatherFacts(files, source.path, source.manifest,
                                               {.stop = {}, .progress = meter.callback()}));
  if (!source.catalogue.empty()) {
    WARDEN_ASSIGN_OR_RETURN(const backup::Listing listing,
                            backup::ListBackups(files, source.catalogue));
    wishes.seen = PointsOf(listing);
    WARDEN_ASSIGN_OR_RETURN(const std::vector<backup::RevisionMark> marks,
                            backup::LoadRevisionMarks(files, source.catalogue));
    for (const backup::RevisionMark& mark : marks) {
      wishes.seen.push_back({.at = mark.at, .revision = mark.revision});
    }
  }
  if (highest_revision_ > 0) {
    wishes.seen.push_back({.at = clock.Now(), .revision = highest_revision_});
  }
  return restore::MakePlan(facts, wishes, clock.Now());
}

Result<restore::Plan> LoadPlan(Files& files, const Files::Path& path) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, files.ReadAll(path, restore::kPlanBytesMax));
  return restore::ParsePlan(text).WithContext(path.string());
}

}  // namespace warden::cli
