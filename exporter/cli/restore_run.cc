#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/interruption.h"
#include "exporter/base/text.h"
#include "exporter/cli/output.h"
#include "exporter/cli/plan_flags.h"
#include "exporter/cli/progress.h"
#include "exporter/cli/restore_kubeadm.h"
#include "exporter/restore/preflight.h"
#include "exporter/restore/run.h"

namespace warden::cli {
namespace {

constexpr int kIndent = 2;

struct Flags {
  PlanFlags make;
  KubeadmFlags kubeadm;
  FormatFlag format;
  std::string plan;
  std::string member;
  std::string snapshot;
  std::string tool;
  std::string owner;
  std::vector<std::string> ignored;
  bool again = false;
};

Status Bad(std::string what) {
  return {Code::kInvalidArgument, std::move(what)};
}

// "UID:GID", as numbers: the names of a machine that lost its disk may be gone as well.
Result<std::optional<FileOwner>> ParseOwner(const std::string& text) {
  if (text.empty()) return std::optional<FileOwner>();
  FileOwner owner;
  const char* const end = text.data() + text.size();
  const auto user = std::from_chars(text.data(), end, owner.user);
  if (user.ec == std::errc() && user.ptr != end && *user.ptr == ':') {
    const auto group = std::from_chars(user.ptr + 1, end, owner.group);
    if (group.ec == std::errc() && group.ptr == end) return std::optional(owner);
  }
  return Bad("--owner " + text + ": give two numbers, UID:GID, as `id` prints them");
}

// The plan of the flags, kept beside the data directory for the case that the run is cut short.
Result<restore::Plan> PlanOfFlags(Console& console, const Flags& flags, Files& files,
                                  const Clock& clock) {
  WARDEN_ASSIGN_OR_RETURN(restore::Plan plan, flags.make.Make(console, files, clock));
  if (plan.cluster.members.size() != 1) {
    return Bad("without --plan only a cluster of one member can be restored, and this one has " +
               std::to_string(plan.cluster.members.size()) +
               ": make one plan with `restore plan` for all of them, or name one member with "
               "--initial-cluster");
  }
  Files::Path path = plan.places.front().data_dir;
  path += ".restore-plan-" + plan.id + ".json";
  WARDEN_RETURN_IF_ERROR(WriteAtomically(files, path, DumpJson(ToJson(plan), kIndent) + "\n"));
  console.err << "the plan is in " << path.string()
              << "; a run that was cut short goes on with --plan " << path.string() << "\n";
  return plan;
}

Result<restore::Plan> ChoosePlan(Console& console, const Flags& flags, Files& files,
                                 const Clock& clock) {
  if (flags.plan.empty() == !flags.make.given()) {
    return Bad("either --plan FILE or a snapshot is needed, not both");
  }
  if (flags.plan.empty()) return PlanOfFlags(console, flags, files, clock);
  WARDEN_RETURN_IF_ERROR(flags.make.CheckUnused());
  return LoadPlan(files, flags.plan);
}

Result<restore::RunOptions> MakeOptions(Console& console, const Flags& flags, Files& files,
                                        const Clock& clock) {
  WARDEN_RETURN_IF_ERROR(flags.kubeadm.Check());
  restore::RunOptions options;
  for (const std::string& check : flags.ignored) {
    if (!restore::CanBeIgnored(check)) {
      return Bad("--ignore " + check + ": only cluster and peers-down can be ignored");
    }
  }
  WARDEN_ASSIGN_OR_RETURN(options.owner, ParseOwner(flags.owner));
  WARDEN_ASSIGN_OR_RETURN(options.plan, ChoosePlan(console, flags, files, clock));
  options.member = flags.member;
  if (options.member.empty() && options.plan.places.size() == 1) {
    options.member = options.plan.places.front().name;
  }
  if (options.member.empty()) {
    return Bad("--member is needed: whose data directory is on this machine? The plan has " +
               options.plan.InitialCluster());
  }
  if (options.plan.PlaceOf(options.member) == nullptr) {
    return Bad("--member " + options.member + ": the plan has " + options.plan.InitialCluster());
  }
  const std::string& snapshot =
      flags.snapshot.empty() ? options.plan.snapshot.file : flags.snapshot;
  options.snapshot = std::filesystem::absolute(snapshot).lexically_normal();
  options.again = flags.again;
  options.tool = flags.tool;
  options.ignored = flags.ignored;
  return options;
}

// Whether old members are down: those that go on serve the old data, and clients may write to it.
Status CheckPeers(const restore::RunOptions& options, const restore::RunTools& tools) {
  const auto listeners = restore::FindListeners(
      options.plan, options.member,
      {.files = tools.files, .resolver = tools.resolver, .clock = tools.clock, .stop = {}});
  if (listeners.empty()) {
    tools.say("preflight peers-down: ok: nobody listens at the peer URLs");
    return {};
  }
  const Status status(
      Code::kFailedPrecondition,
      "somebody listens at " + Join(listeners, ", ") +
          ": old members that go on running serve the old data, so stop them first; if these are "
          "members that this plan has restored and started, --ignore peers-down");
  if (std::ranges::count(options.ignored, restore::kPeersDown) == 0) return status;
  tools.say("preflight peers-down: FAILED, and ignored: " + Join(listeners, ", "));
  return {};
}

Result<restore::Journal> Carry(const restore::RunOptions& options, const restore::RunTools& tools) {
  const restore::MemberPlace& place = *options.plan.PlaceOf(options.member);
  WARDEN_RETURN_IF_ERROR(restore::CheckIsDown(
      options.plan, options.member, place.data_dir,
      {.files = tools.files, .resolver = tools.resolver, .clock = tools.clock, .stop = {}}));
  tools.say("preflight down: ok: nobody holds " + place.data_dir.string());
  WARDEN_RETURN_IF_ERROR(CheckPeers(options, tools));
  WARDEN_ASSIGN_OR_RETURN(restore::Journal journal, restore::Prepare(options, tools));
  WARDEN_RETURN_IF_ERROR(restore::Swap(journal, options.plan, tools));
  WARDEN_RETURN_IF_ERROR(restore::Finish(journal, tools));
  return journal;
}

int RunRestoreRun(Console& console, const Flags& flags) {
  const Interruption interruption;
  PosixFiles files;
  const SystemClock clock;
  const Result<restore::RunOptions> options = MakeOptions(console, flags, files, clock);
  if (!options.ok()) {
    const bool is_usage = options.error().code() == Code::kInvalidArgument;
    return Fail(console, is_usage ? kUsage : kFailed, options.error());
  }
  SystemResolver resolver(clock);
  ProgressMeter meter(console, clock, options->snapshot.filename().string());
  std::ostream& steps = flags.format.format() == Format::kJson ? console.err : console.out;
  const restore::RunTools tools{.files = files,
                                .clock = clock,
                                .resolver = resolver,
                                .say = [&](const std::string& line) { steps << line << std::endl; },
                                .stop = interruption.token(),
                                .progress = meter.callback()};
  const auto lock = restore::LockRuns(files, options->plan.PlaceOf(options->member)->data_dir);
  if (!lock.ok()) return Fail(console, kFailed, lock.error());
  if (flags.kubeadm.chosen()) return RunRestoreKubeadm(console, flags.kubeadm, *options, tools);
  const Result<restore::Journal> journal = Carry(*options, tools);
  if (!journal.ok()) return Fail(console, kFailed, journal.error());
  if (flags.format.format() == Format::kJson) {
    console.out << DumpJson(restore::ToJson(*journal), kIndent) << "\n";
  } else {
    console.out << "member " << journal->member << " is restored in " << journal->data_dir.string()
                << "; start its etcd once the other members are restored, too\n";
  }
  return kSuccess;
}

}  // namespace

Run DeclareRestoreRun(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->make.Declare(app);
  app.add_option("--plan", flags->plan, "The plan that `restore plan` wrote")->type_name("FILE");
  app.add_option("--member,--name", flags->member, "The member whose machine this is")
      ->type_name("NAME");
  app.add_option("--snapshot", flags->snapshot,
                 "This machine's copy of the snapshot; where the plan found it if not given")
      ->type_name("FILE");
  app.add_flag("--again", flags->again, "Although this plan was carried out here before");
  app.add_option("--with-tool", flags->tool,
                 "Let this etcdutl or etcdctl write the data directory instead")
      ->type_name("PATH");
  app.add_option("--owner", flags->owner,
                 "Whose the new data is; as the old directory's if not given")
      ->type_name("UID:GID");
  app.add_option("--ignore", flags->ignored, "Go on although this check fails: cluster, peers-down")
      ->type_name("CHECK");
  flags->kubeadm.Declare(app);
  flags->format.Declare(app);
  app.footer(
      "Writes the member's data directory beside the old one, proves it, keeps the old one as\n"
      "DIR.pre-restore-TIME and takes its place. Nothing is deleted. A run that was cut short "
      "goes\n"
      "on where it was when it is called again; `restore undo` goes back.\n"
      "  etcd-warden restore run --plan plan.json --member etcd-1 --snapshot backup.db");
  return [flags](Console& console) { return RunRestoreRun(console, *flags); };
}

}  // namespace warden::cli
