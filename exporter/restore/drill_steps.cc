#include "exporter/restore/drill_steps.h"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/backup/catalogue.h"
#include "exporter/base/process.h"
#include "exporter/base/text.h"
#include "exporter/mvcc/hashes.h"
#include "exporter/offsite/store.h"
#include "exporter/restore/drill_expected.h"
#include "exporter/restore/drill_fetch.h"
#include "exporter/restore/verify_directory.h"
#include "exporter/snapshot/verify.h"

namespace warden::restore {
namespace {

constexpr std::string_view kMemberName = "drill";
// Of a cluster of one nobody dials the peer URL; etcd listens elsewhere.
constexpr std::string_view kPeerUrl = "http://127.0.0.1:2380";
// Besides the database: two files of the log, and what etcd makes in a few minutes.
constexpr std::uint64_t kExtraBytes = 256ULL << 20;
constexpr std::size_t kProbeOutputBytes = 16UL * 1024;

std::string Count(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string Took(Nanoseconds duration) {
  return FormatDuration(std::chrono::ceil<Milliseconds>(duration));
}

// The lowest version that can run on it.
Result<Target> MinimumOf(const mvcc::Contents& contents, const std::string& binary_version) {
  Target minimum = Target::k34;
  std::vector<std::string> versions = {contents.storage_version, contents.cluster_version};
  if (contents.cluster_version.empty()) versions.push_back(binary_version);
  for (const std::string& version : versions) {
    if (version.empty()) continue;
    WARDEN_ASSIGN_OR_RETURN(const Target target, ParseTarget(version));
    minimum = std::max(minimum, target);
  }
  return minimum;
}

}  // namespace

std::span<const DrillSteps::Step> DrillSteps::All() {
  static constexpr std::array<Step, 13> kSteps = {{
      {"choose", &DrillSteps::Choose},
      {"space", &DrillSteps::FindSpace},
      {"fetch", &DrillSteps::Fetch, true},
      {"verify", &DrillSteps::Verify, true},
      {"write", &DrillSteps::Write},
      {"verify-directory", &DrillSteps::VerifyWritten},
      {"start", &DrillSteps::Start},
      // What differs from here on is etcd's doing, or the scratch disk's: the file was proven.
      {"hash", &DrillSteps::CompareHash},
      {"keys", &DrillSteps::CompareCounts},
      {"samples", &DrillSteps::CompareSamples},
      {"probe", &DrillSteps::Probe},
      {"stop", &DrillSteps::Stop},
      {"remove", &DrillSteps::Remove},
  }};
  return kSteps;
}

Result<DrillSteps::Found> DrillSteps::Choose() {
  WARDEN_ASSIGN_OR_RETURN(chosen_, ChooseBackup());
  receipt_.backup_id = chosen_.backup.id;
  receipt_.destination = chosen_.destination;
  receipt_.choice = chosen_.choice;
  receipt_.turn = chosen_.turn;
  if (!chosen_.backup.quarantined.empty()) {
    receipt_.notes.push_back("the backup is in quarantine: " + chosen_.backup.quarantined);
  }
  return Found(chosen_.backup.id + ", " + receipt_.Source());
}

Result<ChosenBackup> DrillSteps::ChooseBackup() {
  const Files::Path& directory = request_.backup.directory;
  if (!request_.backup_id.empty() && !request_.destination.empty()) {
    WARDEN_ASSIGN_OR_RETURN(const DestinationCopies copies, CopiesOf(request_.destination));
    return ChooseNamedCopy(copies, request_.backup_id);
  }
  WARDEN_ASSIGN_OR_RETURN(const backup::Listing listing,
                          backup::ListBackups(tools_.files, directory));
  if (!request_.backup_id.empty()) return ChooseNamed(listing.backups, request_.backup_id);
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DrillReceipt> receipts, store_.Load(tools_.log));
  return ChooseForSchedule(listing.backups, receipts, Destinations());
}

const config::DestinationConfig* DrillSteps::FindDestination(const std::string& name) const {
  const auto& all = request_.backup.destinations;
  const auto found = std::ranges::find(all, name, &config::DestinationConfig::name);
  return found == all.end() ? nullptr : &*found;
}

Result<DestinationCopies> DrillSteps::CopiesOf(const std::string& destination) {
  if (FindDestination(destination) == nullptr) {
    return Status(Code::kInvalidArgument, "destination " + destination + " is unknown");
  }
  const offsite::DestinationStore store(tools_.files, request_.backup.directory, destination);
  WARDEN_ASSIGN_OR_RETURN(std::vector<backup::Manifest> copies, store.List());
  std::erase_if(copies, [](const backup::Manifest& copy) { return !copy.stored; });
  return DestinationCopies{.destination = destination, .copies = std::move(copies)};
}

std::vector<DestinationCopies> DrillSteps::Destinations() {
  std::vector<DestinationCopies> destinations;
  if (!request_.drill.copies) return destinations;
  for (const config::DestinationConfig& each : request_.backup.destinations) {
    if (!CanDrillFrom(each)) continue;
    Result<DestinationCopies> copies = CopiesOf(each.name);
    if (!copies.ok()) continue;  // nothing is known to be there
    std::erase_if(copies->copies,
                  [&](const backup::Manifest& copy) { return !CanOpen(copy, request_.drill); });
    destinations.push_back(*std::move(copies));
  }
  return destinations;
}

Result<DrillSteps::Found> DrillSteps::FindSpace() {
  const Files::Path scratch = ScratchDirectory(request_.backup, request_.drill);
  RemoveLeftOvers(tools_.files, scratch, tools_.log);
  auto made = DrillScratch::Make(tools_.files, scratch, receipt_.id);
  if (!made.ok()) return made.error();
  scratch_.emplace(*std::move(made));
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t free, tools_.files.FreeBytes(scratch_->path()));
  const std::uint64_t size = chosen_.backup.size_bytes;
  std::uint64_t needed = size + kExtraBytes;
  if (!chosen_.destination.empty()) needed += size + chosen_.backup.stored->size_bytes;
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t here, tools_.files.Device(scratch_->path()));
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t there,
                          tools_.files.Device(request_.backup.directory));
  const std::uint64_t reserve = here == there ? size : 0;
  if (free < needed + reserve) {
    return Status(Code::kResourceExhausted,
                  scratch.string() + ": " + FormatBytes(free) + " are free, the drill needs " +
                      FormatBytes(needed) +
                      (reserve > 0 ? " and leaves the next backup " + FormatBytes(reserve) : ""));
  }
  return Found(FormatBytes(free) + " are free, " + FormatBytes(needed) + " needed");
}

Result<DrillSteps::Found> DrillSteps::Fetch() {
  if (chosen_.destination.empty()) {
    path_ = request_.backup.directory / chosen_.backup.file;
    return Found();
  }
  path_ = scratch_->backup();
  const SteadyTime began = tools_.clock.Steady();
  WARDEN_RETURN_IF_ERROR(FetchCopy(tools_.files, chosen_.backup,
                                   *FindDestination(chosen_.destination),
                                   request_.drill.age_identity_file, path_, deadline_));
  receipt_.fetch_duration = Since(began);
  return Found(FormatBytes(chosen_.backup.stored->size_bytes) + " from " + chosen_.destination);
}

Result<DrillSteps::Found> DrillSteps::Verify() {
  WARDEN_ASSIGN_OR_RETURN(
      snapshot::Verification verified,
      snapshot::VerifyFile(tools_.files, path_, {.threads = 1, .stop = deadline_.stop}));
  if (!verified.ok()) return Status(Code::kDataLoss, verified.FirstFinding());
  if (verified.sha256 != chosen_.backup.sha256) {
    return Status(Code::kDataLoss, "its SHA-256 is not the manifest's");
  }
  inspection_ = std::move(verified.inspection);
  receipt_.revision = inspection_->revision();
  if (chosen_.backup.revision && *chosen_.backup.revision != *receipt_.revision) {
    return Status(Code::kDataLoss, "its revision is " + std::to_string(*receipt_.revision) +
                                       ", in the manifest " +
                                       std::to_string(*chosen_.backup.revision));
  }
  if (contents().auth_enabled) {
    receipt_.notes.push_back(
        "etcd asks for users in this backup; in the drill's data directory that is turned off");
  }
  WARDEN_RETURN_IF_ERROR(OpenFile(verified.database_bytes));
  return Found("level 2, revision " + std::to_string(*receipt_.revision) + ", " +
               Count(inspection_->census.live_keys(), "key"));
}

Status DrillSteps::OpenFile(std::uint64_t database_bytes) {
  database_bytes_ = database_bytes;
  WARDEN_ASSIGN_OR_RETURN(file_, tools_.files.Open(path_));
  WARDEN_ASSIGN_OR_RETURN(mvcc::KeySpace keys, mvcc::KeySpace::Open(*file_, database_bytes_));
  keys_.emplace(std::move(keys));
  return {};
}

// That there is none is told by the step that needs it.
Status DrillSteps::ChooseProgram() {
  WARDEN_ASSIGN_OR_RETURN(const Target minimum, MinimumOf(contents(), chosen_.backup.etcd_version));
  options_.database.target = minimum;
  program_ = ChooseEtcd(FindEtcdPrograms(request_.drill.etcd, deadline_), minimum);
  if (!program_.ok()) return {};
  options_.database.target = program_->target;
  receipt_.etcd_version = program_->version;
  receipt_.etcd_program = program_->path.string();
  return {};
}

Result<DrillSteps::Found> DrillSteps::Write() {
  WARDEN_RETURN_IF_ERROR(ChooseProgram());
  began_to_restore_ = tools_.clock.Steady();
  options_.path = scratch_->data();
  options_.name = kMemberName;
  options_.database.disable_auth = contents().auth_enabled;
  WARDEN_ASSIGN_OR_RETURN(
      options_.cluster,
      ParseInitialCluster(options_.name + "=" + std::string(kPeerUrl), "drill-" + receipt_.id));
  const DirectoryOutcome written =
      WriteDataDirectory(tools_.files, Snapshot(), options_, deadline_.stop, nullptr);
  WARDEN_RETURN_IF_ERROR(written.status);
  return Found("a database of " + FormatBytes(written.database.size_bytes) + " for etcd " +
               std::string(TargetName(options_.database.target)));
}

Result<DrillSteps::Found> DrillSteps::VerifyWritten() {
  WARDEN_ASSIGN_OR_RETURN(
      const DirectoryVerification verified,
      VerifyDirectory(tools_.files, Snapshot(), options_, {.threads = 1, .stop = deadline_.stop}));
  if (!verified.ok()) return Status(Code::kInternal, verified.FirstProblem());
  return Found(Count(verified.results.size(), "check"));
}

Result<DrillSteps::Found> DrillSteps::Start() {
  if (!program_.ok()) {
    receipt_.offline = true;
    return program_.error();
  }
  etcd_started_ = tools_.clock.Steady();
  WARDEN_ASSIGN_OR_RETURN(etcd_, tools_.start({.program = *program_,
                                               .data_directory = options_.path,
                                               .working_directory = scratch_->path(),
                                               .name = options_.name,
                                               .peer_url = std::string(kPeerUrl),
                                               .database_bytes = chosen_.backup.size_bytes},
                                              deadline_));
  WARDEN_RETURN_IF_ERROR(etcd_->WaitUntilReady(deadline_));
  receipt_.restore_duration = Since(began_to_restore_);
  return Found("etcd " + program_->version + " answers, " + Took(*receipt_.restore_duration) +
               " after the restore began");
}

Result<DrillSteps::Found> DrillSteps::CompareHash() {
  const std::int64_t revision = *receipt_.revision;
  WARDEN_ASSIGN_OR_RETURN(const etcd::KvHash answer, etcd_->HashKv(revision, deadline_));
  const Result<std::uint32_t> own =
      mvcc::HashKv(*keys_, revision, answer.compact_revision, deadline_.stop);
  receipt_.hash = answer.hash;
  if (!own.ok()) {
    // With some compactions no file can tell what a member has left.
    if (own.error().code() != Code::kFailedPrecondition) return own.error();
    receipt_.notes.push_back("the hash could not be compared: " + own.error().message());
    return Found("not comparable");
  }
  if (*own != answer.hash) {
    return Status(Code::kDataLoss, "etcd hashes revision " + std::to_string(revision) + " to " +
                                       std::to_string(answer.hash) + ", the backup's is " +
                                       std::to_string(*own));
  }
  return Found(std::to_string(answer.hash) + " at revision " + std::to_string(revision));
}

Result<DrillSteps::Found> DrillSteps::CompareCounts() {
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t keys,
                          etcd_->CountKeys(*receipt_.revision, deadline_));
  receipt_.keys = keys;
  if (keys != inspection_->census.live_keys()) {
    return Status(Code::kDataLoss, "it has " + Count(keys, "key") + ", the backup " +
                                       std::to_string(inspection_->census.live_keys()));
  }
  WARDEN_ASSIGN_OR_RETURN(const std::vector<Seconds> lives, LeaseLives(*keys_, deadline_.stop));
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t leases, etcd_->CountLeases(deadline_));
  receipt_.leases = leases;
  WARDEN_RETURN_IF_ERROR(CheckLeases(lives, leases, Since(etcd_started_)));
  return Found(Count(keys, "key") + ", " + Count(leases, "lease"));
}

Result<DrillSteps::Found> DrillSteps::CompareSamples() {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<etcd::KeyEntry> samples,
                          SampleKeys(*keys_, *receipt_.revision, deadline_.stop));
  std::vector<std::string> names;
  for (const etcd::KeyEntry& sample : samples) names.push_back(sample.key);
  WARDEN_ASSIGN_OR_RETURN(const std::vector<std::optional<etcd::KeyEntry>> found,
                          etcd_->ReadKeys(names, *receipt_.revision, deadline_));
  WARDEN_RETURN_IF_ERROR(CheckSamples(samples, found));
  receipt_.samples = samples.size();
  return Found(Count(samples.size(), "key") + ", byte by byte");
}

Result<DrillSteps::Found> DrillSteps::Probe() {
  if (request_.drill.probe.empty()) return Found();
  Command command;
  command.argv = request_.drill.probe;
  const std::string endpoint = etcd_->endpoint().url;
  command.environment = {"ETCDCTL_API=3",
                         "ETCDCTL_ENDPOINTS=" + endpoint,
                         "WARDEN_DRILL_ENDPOINT=" + endpoint,
                         "WARDEN_DRILL_BACKUP=" + chosen_.backup.id,
                         "WARDEN_DRILL_CLUSTER=" + request_.cluster,
                         "WARDEN_DRILL_REVISION=" + std::to_string(*receipt_.revision)};
  command.sink = [this](std::span<const std::byte> bytes) -> Status {
    const std::size_t room = kProbeOutputBytes - probe_output_.size();
    probe_output_.append(reinterpret_cast<const char*>(bytes.data()), std::min(room, bytes.size()));
    return {};
  };
  WARDEN_ASSIGN_OR_RETURN(const Ended ended, RunProgram(command, deadline_));
  probe_output_ += ended.errors;
  WARDEN_RETURN_IF_ERROR(ended.ToStatus());
  return Found(ToSingleLine(request_.drill.probe.front()) + " is content");
}

Result<DrillSteps::Found> DrillSteps::Stop() {
  etcd_->Stop();
  return Found("etcd has ended");
}

Result<DrillSteps::Found> DrillSteps::Remove() {
  const std::string path = scratch_->path().string();
  WARDEN_RETURN_IF_ERROR(CleanUp());
  return Found(path);
}

std::string DrillSteps::Evidence() const {
  std::string evidence;
  if (etcd_) evidence += "etcd " + receipt_.etcd_version + " said:\n" + etcd_->Log() + "\n";
  if (!probe_output_.empty()) evidence += "the probe said:\n" + probe_output_ + "\n";
  return evidence;
}

Status DrillSteps::CleanUp() {
  if (etcd_) etcd_->Stop();
  keys_.reset();
  file_.reset();
  return scratch_ ? scratch_->Remove() : Status();
}

}  // namespace warden::restore
