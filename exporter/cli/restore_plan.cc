#include <memory>
#include <ostream>
#include <string>

#include "exporter/base/text.h"
#include "exporter/cli/output.h"
#include "exporter/cli/plan_flags.h"
#include "exporter/restore/plan_text.h"
#include "exporter/restore/preflight.h"

namespace warden::cli {
namespace {

constexpr int kIndent = 2;

struct Flags {
  PlanFlags plan;
  FormatFlag format;
  std::string output;
};

// A plan is made while the cluster runs, too, for a rehearsal: then this is no error yet.
void RemarkOnListeners(restore::Plan& plan, Files& files, const Clock& clock) {
  SystemResolver resolver(clock);
  const auto listeners = restore::FindListeners(
      plan, "", {.files = files, .resolver = resolver, .clock = clock, .stop = {}});
  if (listeners.empty()) return;
  plan.remarks.insert(plan.remarks.begin(),
                      {.is_risk = true,
                       .about = "peers",
                       .text = "somebody listens at " + Join(listeners, ", ") +
                               ": every old member must be down before the first is restored"});
}

int RunRestorePlan(Console& console, const Flags& flags) {
  PosixFiles files;
  const SystemClock clock;
  Result<restore::Plan> plan = flags.plan.Make(console, files, clock);
  if (!plan.ok()) {
    const bool is_usage = plan.error().code() == Code::kInvalidArgument;
    return Fail(console, is_usage ? kUsage : kFailed, plan.error());
  }
  RemarkOnListeners(*plan, files, clock);
  const std::string json = DumpJson(restore::ToJson(*plan), kIndent) + "\n";
  if (!flags.output.empty()) {
    // Never over another plan: its runs may be under way.
    const Status absent = files.Stat(flags.output).status();
    if (absent.ok()) {
      return Fail(console, kUsage,
                  {Code::kAlreadyExists, "--output " + flags.output + ": is there already"});
    }
    const Status written = WriteAtomically(files, flags.output, json);
    if (!written.ok()) return Fail(console, kFailed, written);
  }
  if (flags.format.format() == Format::kJson) {
    console.out << json;
  } else {
    console.out << restore::Describe(*plan, {.plan_file = flags.output});
    if (flags.output.empty()) {
      console.out << "\nNothing was written. --output PLAN.json writes the plan for the runs.\n";
    }
  }
  return kSuccess;
}

}  // namespace

Run DeclareRestorePlan(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->plan.Declare(app);
  app.get_option("snapshot")->required();
  app.add_option("-o,--output", flags->output,
                 "Write the plan to this file, which every member's run is given")
      ->type_name("FILE");
  flags->format.Declare(app);
  app.footer(
      "Verifies the snapshot, and refuses what cannot work. Changes nothing.\n"
      "All members must be restored by the same plan: make it once and copy it to each.\n"
      "  etcd-warden restore plan backup.db -o plan.json\n"
      "  etcd-warden restore plan latest --config.file etcd-warden.yaml -o plan.json");
  return [flags](Console& console) { return RunRestorePlan(console, *flags); };
}

}  // namespace warden::cli
