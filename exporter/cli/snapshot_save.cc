#include <memory>
#include <optional>
#include <ostream>
#include <random>
#include <set>
#include <utility>

#include "exporter/backup/manifest.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/text.h"
#include "exporter/cli/connection.h"
#include "exporter/cli/output.h"
#include "exporter/cli/progress.h"
#include "exporter/etcd/membership.h"
#include "exporter/snapshot/report.h"
#include "exporter/snapshot/take.h"

namespace warden::cli {
namespace {

const Row kHeader = {"FILE", "ENDPOINT", "MEMBER",   "ROLE", "REVISION",
                     "SIZE", "LEVEL",    "ATTESTED", "TOOK"};
// Appended to the name of a snapshot that the voters contradict.
constexpr std::string_view kQuarantineSuffix = ".quarantined";
constexpr Seconds kObserveTimeout{5};

struct Flags {
  ConnectionFlags connection;
  FormatFlag format;
  std::string file;
  std::string attest = "followers";
  bool all_members = false;
};

struct Saved {
  Files::Path path;
  snapshot::Taken taken;
};

Status CheckTarget(Files& files, const Files::Path& path) {
  if (files.Stat(path).ok()) {
    return Status(Code::kAlreadyExists,
                  path.string() + ": already exists; move it away or name another file");
  }
  return files.Stat(path.parent_path()).status();
}

// A name of this run's own: two runs to one file must not share what they write.
Files::Path PartialName(const Files::Path& path, const Clock& clock) {
  std::random_device random;
  return path.string() + "." + backup::MakeId(clock.Now(), random()) + std::string(kPartialSuffix);
}

Files::Path QuarantineName(const Files::Path& path) {
  return path.string() + std::string(kQuarantineSuffix);
}

// The last steps: a name that nobody has taken, and a directory that remembers it. Where the name
// is taken after all, the snapshot is left where it is.
Status Publish(Files& files, const Files::Path& partial, const Files::Path& path) {
  WARDEN_RETURN_IF_ERROR(
      files.RenameNew(partial, path)
          .WithContext("the snapshot is whole, and is left as " + partial.string()));
  return files.SyncDirectory(path.parent_path());
}

Json ToJson(const Saved& saved) {
  const snapshot::Taken& taken = saved.taken;
  const snapshot::Source& source = taken.source;
  Json json{{"file", saved.path.string()},
            {"endpoint", source.endpoint.url},
            {"member_id", FormatId(source.status.member_id)},
            {"role", snapshot::RoleName(source.role)},
            {"version", source.status.version},
            {"size_bytes", taken.stream.size_bytes},
            {"sha256", taken.stream.sha256},
            {"duration_seconds", ToSeconds(taken.duration + taken.verify_duration)},
            {"level", static_cast<int>(taken.level())},
            {"attestation", snapshot::ToJson(taken.attestation)},
            {"notes", taken.notes}};
  json["contents"] = snapshot::ContentsToJson(*taken.verification.inspection);
  return json;
}

Row ToRow(const Saved& saved) {
  const snapshot::Taken& taken = saved.taken;
  const snapshot::Source& source = taken.source;
  return {
      saved.path.string(),
      source.endpoint.url,
      FormatId(source.status.member_id),
      std::string(snapshot::RoleName(source.role)),
      std::to_string(taken.verification.inspection->revision()),
      FormatBytes(taken.stream.size_bytes),
      std::to_string(static_cast<int>(taken.level())),
      std::to_string(taken.attestation.agreed) + " of " + std::to_string(taken.attestation.voters),
      FormatDuration(std::chrono::ceil<Milliseconds>(taken.duration + taken.verify_duration))};
}

std::vector<std::string> NotesOn(const snapshot::Taken& taken) {
  std::vector<std::string> notes = taken.notes;
  if (taken.attestation.verdict == snapshot::Verdict::kUnattested) {
    notes.push_back(snapshot::Describe(taken.attestation));
  }
  return notes;
}

void Report(Console& console, Format format, const std::vector<Saved>& all) {
  std::vector<Row> rows;
  Json json = Json::array();
  for (const Saved& saved : all) {
    rows.push_back(ToRow(saved));
    json.push_back(ToJson(saved));
    for (const std::string& note : NotesOn(saved.taken)) {
      console.err << "etcd-warden: " << saved.path.string() << ": note: " << note << "\n";
    }
  }
  Print(console, format, kHeader, rows, json);
}

// What one run of the command works with.
class Saver {
 public:
  Saver(Console& console, const Flags& flags, const Clock& clock,
        const ConnectionFlags::Target& target)
      : console_(console),
        flags_(flags),
        clock_(clock),
        target_(target),
        log_(MakeStderrLogger(LogLevel::kWarn, LogFormat::kLogfmt)),
        cluster_(etcd::MakeCluster(target.options, clock)) {}

  // From the best member, into the file.
  int SaveOne(const Files::Path& path) {
    for (const Files::Path& name : {path, QuarantineName(path)}) {
      if (const Status free = CheckTarget(files_, name); !free.ok()) {
        return Fail(console_, kUsage, free);
      }
    }
    FindVoters();
    std::vector<Saved> all;
    const Status saved = Save(
        path,
        [&](const snapshot::Tools& tools, const Files::Path& partial) {
          return snapshot::Take(tools, partial, target_.deadline);
        },
        all);
    if (!all.empty()) Report(console_, flags_.format.format(), all);
    return saved.ok() ? kSuccess : Fail(console_, kFailed, saved);
  }

  // From every member that can be reached, each into a file of its own; needs no quorum.
  int SaveAll(const Files::Path& path) {
    const Result<std::vector<snapshot::Source>> sources = FindAll();
    if (!sources.ok()) return Fail(console_, kFailed, sources.error());
    std::vector<Saved> all;
    int exit_code = kSuccess;
    std::set<Files::Path> names;
    for (const snapshot::Source& source : *sources) {
      Files::Path own = NameFor(path, source.member_name, source);
      // Nothing keeps two members from bearing one name.
      if (!names.insert(own).second) own = NameFor(path, "", source);
      Status saved = CheckTarget(files_, own);
      if (saved.ok()) saved = SaveFrom(source, own, all);
      if (!saved.ok()) exit_code = Fail(console_, kFailed, saved.WithContext(source.endpoint.url));
    }
    if (!all.empty()) Report(console_, flags_.format.format(), all);
    for (const std::string& missing : unreachable_) {
      exit_code = Fail(console_, kFailed, Status(Code::kUnavailable, missing));
    }
    return exit_code;
  }

 private:
  snapshot::Tools Tools(mvcc::Progress progress) {
    return {.cluster = *cluster_,
            .files = files_,
            .clock = clock_,
            .log = *log_,
            .attest = *config::ParseAttestPolicy(flags_.attest),
            .voters = voters_.get(),
            .progress = std::move(progress)};
  }

  template <typename TakeIt>
  Status Save(const Files::Path& path, const TakeIt& take, std::vector<Saved>& all) {
    const Files::Path partial = PartialName(path, clock_);
    snapshot::TakeOutcome outcome;
    {
      ProgressMeter meter(console_, clock_, path.filename().string());
      outcome = take(Tools(meter.callback()), partial);
    }
    if (!outcome.taken) return outcome.error.status;
    const bool contradicted = outcome.taken->attestation.verdict == snapshot::Verdict::kMismatch;
    const Files::Path name = contradicted ? QuarantineName(path) : path;
    WARDEN_RETURN_IF_ERROR(Publish(files_, partial, name));
    all.push_back({name, *std::move(outcome.taken)});
    if (!contradicted) return {};
    return Status(Code::kDataLoss, "the snapshot is not what the cluster holds, and was saved as " +
                                       name.string() + ": " +
                                       snapshot::Describe(all.back().taken.attestation));
  }

  Status SaveFrom(const snapshot::Source& source, const Files::Path& path,
                  std::vector<Saved>& all) {
    return Save(
        path,
        [&](const snapshot::Tools& tools, const Files::Path& partial) {
          return snapshot::TakeFrom(tools, source, partial, target_.deadline);
        },
        all);
  }

  // The snapshot comes from the endpoints that were named, but all voters are to be asked.
  void FindVoters() {
    voters_ = etcd::MakeCluster(target_.options, clock_);
    const Deadline observe{.at = std::min(target_.deadline.at, clock_.Steady() + kObserveTimeout),
                           .stop = {}};
    if (const auto members = etcd::AgreedMembers(voters_->Observe(observe)->Wait())) {
      voters_->Discover(*members);
    }
  }

  // The members of the list are dialled as well; those that do not answer are remembered.
  Result<std::vector<snapshot::Source>> FindAll() {
    const Deadline observe{.at = std::min(target_.deadline.at, clock_.Steady() + kObserveTimeout),
                           .stop = {}};
    if (const auto members = etcd::AgreedMembers(cluster_->Observe(observe)->Wait())) {
      cluster_->Discover(*members);
    }
    const Deadline again{.at = std::min(target_.deadline.at, clock_.Steady() + kObserveTimeout),
                         .stop = {}};
    const auto observation = cluster_->Observe(again);
    const etcd::ClusterView& view = observation->Wait();
    Result<std::vector<snapshot::Source>> sources =
        snapshot::FindSources(Tools({}), target_.deadline);
    if (!sources.ok()) return sources;
    std::set<std::uint64_t> found;
    for (const snapshot::Source& source : *sources) found.insert(source.status.member_id);
    const etcd::MemberList members = etcd::AgreedMembers(view).value_or(etcd::MemberList());
    for (const etcd::Member& member : members) {
      if (!found.contains(member.id)) {
        unreachable_.push_back("no snapshot of member " + etcd::Describe(member) +
                               ": it was not reached, or serves none");
      }
    }
    // Whose endpoint it is may not be known without a list.
    for (const etcd::EndpointView& endpoint : view.endpoints) {
      if (members.empty() && endpoint.status.error) {
        unreachable_.push_back(endpoint.endpoint.url + ": " + endpoint.status.error->message);
      }
    }
    return sources;
  }

  // "backup.db" becomes "backup.etcd-1.db".
  static Files::Path NameFor(const Files::Path& path, const std::string& name,
                             const snapshot::Source& source) {
    const bool usable = !name.empty() && HasOnly(name, "_.-");
    const std::string member = usable ? name : FormatId(source.status.member_id);
    return path.parent_path() / (path.stem().string() + "." + member + path.extension().string());
  }

  Console& console_;
  const Flags& flags_;
  const Clock& clock_;
  const ConnectionFlags::Target& target_;
  PosixFiles files_;
  const std::unique_ptr<Logger> log_;
  const std::unique_ptr<etcd::Cluster> cluster_;
  std::unique_ptr<etcd::Cluster> voters_;  // nullptr: `cluster_`
  std::vector<std::string> unreachable_;
};

int RunSnapshotSave(Console& console, const Flags& flags, const Clock& clock,
                    const ConnectionFlags::Target& target) {
  if (flags.file.empty()) {
    return Fail(console, kUsage, Status(Code::kInvalidArgument, "FILE: is empty"));
  }
  const Files::Path path = std::filesystem::absolute(flags.file);
  Saver saver(console, flags, clock, target);
  return flags.all_members ? saver.SaveAll(path) : saver.SaveOne(path);
}

}  // namespace

Run DeclareSnapshotSave(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("file", flags->file, "Where to save it; an existing file is never replaced")
      ->required()
      ->type_name("FILE");
  app.add_option("--attest", flags->attest,
                 "Which voters are asked whether they hold the same: off, followers or all")
      ->check([](const std::string& text) {
        return config::ParseAttestPolicy(text) ? std::string()
                                               : "\"" + text + "\" is none of off, followers, all";
      })
      ->capture_default_str();
  app.add_flag("--all-members", flags->all_members,
               "One file per member that can be reached, named after it: the last resort of a "
               "cluster without quorum");
  flags->connection.Declare(app, "1h");
  flags->format.Declare(app);
  app.footer(
      "LEVEL: 2 the snapshot is whole and every record makes sense; 3 a quorum of the voters "
      "holds\n"
      "the same keys and values. A voter's writes wait while it computes its hash, so followers "
      "are\n"
      "asked one at a time, and the leader only with --attest all. If voters contradict, the file "
      "is\n"
      "saved as FILE.quarantined and the exit code is 1.");
  return OnTarget(std::move(flags), RunSnapshotSave);
}

}  // namespace warden::cli
